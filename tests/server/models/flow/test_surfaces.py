"""Large planes seen in perspective: found, registered, and taken by the pixels that may as well be theirs."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch

from impasto.server.models.flow import facets
from impasto.server.models.flow.members import joined
from impasto.server.models.flow.planes import flat
from impasto.server.models.flow.prices import Prices
from impasto.server.models.flow.surfaces import planes_of, surfaces

GROUND = np.array([[0.985, -0.06, 6.0], [-0.002, 0.99, -0.5], [-1e-4, -1e-5, 1.0]])
WALL = np.array([[1.01, 0.005, -3.0], [0.0, 1.01, -1.0], [5e-5, 0.0, 1.0]])


def noise(height, width, seed, blur=3):
    coarse = np.random.default_rng(seed).random((height // blur + 2, width // blur + 2), np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def sent(picture, homography):
    """The picture of which `homography` leads here, so that first(p) = picture(homography(p))."""
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(picture, homography, picture.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REFLECT)


def motion_of(homography, height, width):
    return np.ascontiguousarray(planes_of(homography, height, width)[..., :2])


def found(pictures, there, believed):
    height, width = believed.shape
    with ThreadPoolExecutor(2) as pool:
        return surfaces(pool, pictures, (there, np.zeros((height, width, 2), np.float32)), (believed, 0 * believed))


def tensor(picture):
    return torch.from_numpy(np.ascontiguousarray(np.dstack([picture] * 3).transpose(2, 0, 1)))[None]


def test_planes_of_a_homography_touch_its_motion():
    planes = planes_of(GROUND, 60, 80)
    point = GROUND @ (30.0, 20.0, 1.0)
    assert np.allclose(planes[20, 30, :2], point[:2] / point[2] - (30, 20), atol=1e-4)
    across = (planes[20, 31, :2] - planes[20, 29, :2]) / 2
    down = (planes[21, 30, :2] - planes[19, 30, :2]) / 2
    assert np.allclose(planes[20, 30, 2:], (across[0], down[0], across[1], down[1]), atol=1e-4)


def test_planes_beyond_where_a_homography_turns_over_stay_finite():
    turning = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -0.05, 1.0]])
    assert np.isfinite(planes_of(turning, 60, 80)).all()


def test_two_surfaces_are_told_apart_by_vectors_of_which_some_are_wrong():
    height, width = 120, 160
    there = motion_of(GROUND, height, width)
    there[:50] = motion_of(WALL, height, width)[:50]
    there[40:70, 60:90] += 5
    there += np.random.default_rng(1).normal(0, 0.1, there.shape).astype(np.float32)
    blank = np.full((height, width), 0.5, np.float32)
    ground, wall = found((blank, blank), there, np.ones((height, width), np.float32))[:2]
    for homography, true, rows in ((ground, GROUND, slice(75, 120)), (wall, WALL, slice(0, 38))):
        apart = motion_of(homography, height, width) - motion_of(true, height, width)
        assert np.abs(apart[rows]).max() < 0.15


def test_a_surface_is_registered_to_the_pictures_closer_than_its_vectors_are():
    second = noise(120, 160, 3)
    first = sent(second, GROUND)
    true = motion_of(GROUND, 120, 160)
    off = true + np.float32(0.1) * np.sin(np.indices((120, 160))[1] / 25)[..., None].astype(np.float32)
    homography = found((first, second), off, np.ones((120, 160), np.float32))[0]
    inner = (slice(10, -10), slice(10, -10))
    assert np.abs(motion_of(homography, 120, 160) - true)[inner].mean() < 0.3 * np.abs(off - true)[inner].mean()


@pytest.mark.parametrize("size", [(8, 8), (16, 16), (20, 200)])
def test_small_and_blank_pictures_have_no_surfaces_or_still_ones(size):
    blank = np.full(size, 0.5, np.float32)
    for homography in found((blank, blank), np.zeros((*size, 2), np.float32), np.ones(size, np.float32)):
        assert np.abs(motion_of(homography, *size)).max() < 1e-4


def test_vectors_that_nobody_believes_make_no_surface():
    blank = np.full((120, 160), 0.5, np.float32)
    assert found((blank, blank), np.zeros((120, 160, 2), np.float32), np.zeros((120, 160), np.float32)) == []


class Drawn:
    """A ground that moves in perspective, and prices of it, under grain."""

    def __init__(self, height=128, width=192, grain=0.02):
        full = np.diag([2.0, 2.0, 1.0]) @ GROUND @ np.diag([0.5, 0.5, 1.0])
        drawn = np.random.default_rng(5)
        second = np.dstack([0.4 + 0.2 * noise(height, width, seed) for seed in (1, 2, 3)])
        first = sent(second, full)
        self.pictures = [
            (part + drawn.normal(0, grain, part.shape)).astype(np.float32) if grain else part
            for part in (first, second)
        ]
        self.true = motion_of(GROUND, height // 2, width // 2)
        self.prices = Prices(*self.pictures, grain)

    def joined(self, motion):
        believed = np.ones(motion.shape[:2], np.float32)
        return joined(self.prices, self.pictures[0], flat(motion), believed, [GROUND])[..., :2]


def test_what_trembles_about_a_surface_becomes_the_surface():
    ground = Drawn()
    trembling = np.random.default_rng(2).normal(0, 0.15, ground.true.shape).astype(np.float32)
    after = ground.joined(ground.true + trembling)
    assert np.abs(after - ground.true)[4:-4, 4:-4].mean() < 0.2 * np.abs(trembling).mean()


def test_a_surface_pays_for_parting_from_what_another_estimator_says():
    trembling = np.random.default_rng(2).normal(0, 0.15, Drawn().true.shape).astype(np.float32)
    free, told = Drawn(), Drawn()
    told.prices.hear(told.true + trembling + np.float32(12), 0.6, 24.0)
    shares = []
    for ground in (free, told):
        motion = ground.true + trembling
        motion[:, 40:56] += np.float32(12)
        after = ground.joined(motion)[8:-8, 44:52]
        shares.append((np.abs(after - ground.true[8:-8, 44:52]).max(-1) < 0.01).mean())
    assert shares[1] < shares[0]


def test_what_moves_otherwise_before_a_surface_is_left_alone():
    ground = Drawn(grain=0.005)
    box = (slice(24, 48), slice(32, 64))
    large = tuple(slice(2 * part.start, 2 * part.stop) for part in box)
    ground.pictures[0][large] = np.roll(ground.pictures[1], (-8, 4), (0, 1))[large]  # 8 down, 4 to the left
    ground.prices = Prices(*ground.pictures, 0.005)
    motion = ground.true.copy()
    motion[box] = (-2, 4)
    assert np.abs(ground.joined(motion) - motion)[26:46, 34:62].max() < 1e-6


def test_where_no_surface_is_seen_around_nothing_is_taken():
    ground = Drawn()
    elsewhere = ground.true + np.float32(6)
    blank = np.full_like(ground.pictures[0], 0.5)
    after = joined(
        Prices(blank, blank, 0.0), blank, flat(elsewhere), np.ones(elsewhere.shape[:2], np.float32), [GROUND]
    )
    assert np.array_equal(after[..., :2], elsewhere)


def perspective(height, width, horizon):
    """A ground that fades into a faint distance up to the horizon, a blank sky above, and its true motion."""
    rows, columns = np.indices((height, width), dtype=np.float32)
    depth = 40 / np.maximum(rows - horizon + 1, 0.5)
    texture = noise(2048, 2048, 9, blur=4)

    def seen(forward, across):
        x = (columns - width / 2) * depth / 1.2 * 4 + 1024 + across
        y = depth * 60 + forward
        picture = cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        contrast = np.clip((rows - horizon) / 60, 0.15, 1)
        return np.where(rows < horizon, 0.5, 0.5 + 0.4 * contrast * (picture - 0.5)).astype(np.float32)

    true = np.zeros((height, width, 2), np.float32)
    true[..., 0] = -9.0 / (depth / 1.2 * 4)
    return seen(0, 0), seen(0, 9.0), true


def with_and_without(monkeypatch, first, second, grain):
    """Motion (H, W, 2) found with surfaces, and as it was without."""
    drawn = np.random.default_rng(3)
    pair = [tensor(part + drawn.normal(0, grain, part.shape).astype(np.float32)) for part in (first, second)]
    estimator = facets.build(grain=grain)
    found = estimator(*pair)
    monkeypatch.setattr(facets, "surfaces", lambda *_: [])
    return [motion[0].numpy().transpose(1, 2, 0) for motion in (found, estimator(*pair))]


def test_a_faint_ground_is_followed_to_its_horizon_under_grain_and_the_sky_is_not_dragged_along(monkeypatch):
    first, second, true = perspective(160, 240, 50)
    found, plain = with_and_without(monkeypatch, first, second, 0.01)
    far, sky = (slice(54, 64), slice(12, -12)), (slice(0, 40),)
    error, before = (np.linalg.norm(motion - true, axis=-1)[far].mean() for motion in (found, plain))
    assert error < 0.6 * before
    assert np.abs(found[sky]).mean() < 1.05 * np.abs(plain[sky]).mean()


def test_a_faint_wall_moves_with_the_part_of_it_that_is_seen_well(monkeypatch):
    second = noise(128, 192, 4)
    second = 0.5 + (second - 0.5) * np.where(np.arange(192) < 90, 0.03, 0.5).astype(np.float32)
    full = np.diag([2.0, 2.0, 1.0]) @ WALL @ np.diag([0.5, 0.5, 1.0])
    true = motion_of(full, 128, 192)
    faint = (slice(10, -10), slice(10, 80))
    error, before = (
        np.linalg.norm(motion - true, axis=-1)[faint].mean()
        for motion in with_and_without(monkeypatch, sent(second, full), second, 0.015)
    )
    assert error < 0.9 * before
