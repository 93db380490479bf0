import cv2
import numpy as np

from impasto.server.ops.polish import polish


def test_motion_astray_by_parts_of_a_pixel_is_brought_three_times_nearer_and_the_start_is_kept():
    column = np.arange(96, dtype=np.float32)
    row = np.arange(64, dtype=np.float32)[:, None]

    def ground(x, y):
        return np.float32(0.5 + 0.1 * np.sin(x / 3 + y / 7) + 0.1 * np.cos(y / 2.5 - x / 9) + 0.1 * np.sin(x * y / 160))

    astray = cv2.GaussianBlur(np.random.default_rng(1).normal(size=(64, 96, 2)), (0, 0), 3) * 3
    start = np.float32(astray + np.array([0.5, -0.2]))
    kept = start.copy()
    found = polish(ground(column, row), ground(column - 0.5, row + 0.2), start)
    inner = (slice(8, -8), slice(8, -8))
    before, after = (np.hypot(*(motion[inner] - (0.5, -0.2)).transpose(2, 0, 1)).mean() for motion in (start, found))
    assert after < before / 3 + 0.02
    assert np.array_equal(start, kept)
