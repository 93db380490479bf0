import numpy as np

from impasto.server.models.style.brush import Canvas, orientation, paint


def ramp() -> np.ndarray:
    x = np.linspace(0.1, 0.9, 60, dtype=np.float32)
    return np.broadcast_to(x[None, :, None], (40, 60, 3)).copy()


def test_the_same_seed_gives_the_same_painting_and_another_gives_another():
    def painting(seed: int) -> np.ndarray:
        canvas = Canvas(40, 60, (0.5, 0.5, 0.5), seed)
        paint(ramp(), canvas, orientation(ramp()), (6.0, 3.0))
        return canvas.picture()

    assert np.array_equal(painting(1), painting(1))
    assert not np.array_equal(painting(1), painting(2))


def test_finer_brushes_come_nearer_to_the_picture():
    def error(radii: tuple[float, ...]) -> float:
        canvas = Canvas(40, 60, (0.0, 0.0, 0.0), 1)
        paint(ramp(), canvas, orientation(ramp()), radii)
        return float(np.abs(canvas.picture(relief=0.0) - ramp()).mean())

    assert error((8.0, 4.0, 2.0)) < error((8.0,)) < 0.2


def test_strokes_run_along_edges():
    flow = orientation(ramp())
    assert np.abs(flow[20, 30, 1]) > 0.99
    assert np.allclose(np.linalg.norm(flow, axis=-1), 1.0)
