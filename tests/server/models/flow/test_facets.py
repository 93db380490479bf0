"""Planes of motion: fitted, registered, handed on, chosen by price."""

import cv2
import numpy as np
import pytest
import torch

from impasto.server.models.flow import facets
from impasto.server.models.flow.pinned import unpinned
from impasto.server.models.flow.planes import continued, doubled, fitted, flat, registered
from impasto.server.models.flow.prices import Prices, _twice
from impasto.server.ops.warp import warp


def noise(height, width, seed, blur=4):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // blur + 1, width // blur + 1, generator=generator)
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)


def array(picture):
    return np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy())


def plane(height, width, u=0.0, v=0.0, slopes=(0.0, 0.0, 0.0, 0.0)):
    """A motion that is one plane: u, v at the upper left pixel and its slopes."""
    rows, columns = np.indices((height, width), dtype=np.float32)
    return np.dstack([u + slopes[0] * columns + slopes[1] * rows, v + slopes[2] * columns + slopes[3] * rows]).astype(
        np.float32
    )


TURN = (0.01, -0.03, 0.03, 0.02)


def test_a_plane_is_fitted_through_vectors_of_which_some_are_wrong():
    true = plane(48, 64, 1.0, -2.0, TURN)
    vectors = true.copy()
    vectors[20:26, 30:36] += 9
    fit = fitted(vectors, np.ones((48, 64), np.float32), 16)
    assert np.abs(fit[8:-8, 8:-8, :2] - true[8:-8, 8:-8]).max() < 0.5
    assert np.abs(fit[4, 4, 2:] - TURN).max() < 1e-3


def test_a_plane_is_registered_to_pictures_from_half_a_pixel_away():
    true = plane(96, 128, 1.0, -0.5, (0.01, -0.01, 0.01, 0.005))
    second = noise(96, 128, 3)
    first = warp(second, torch.from_numpy(true.transpose(2, 0, 1))[None], "bicubic")
    start = flat(true + np.float32(0.5))
    grey = [np.ascontiguousarray(picture[0, 0].numpy()) for picture in (first, second)]
    found = registered(*grey, start, np.ones((96, 128), np.float32), 24)
    assert np.abs(found[12:-12, 12:-12, :2] - true[12:-12, 12:-12]).mean() < 0.03
    assert np.abs(found[48, 64, 2:] - (0.01, -0.01, 0.01, 0.005)).max() < 2e-3


def test_registration_over_nothing_stays_where_it_began():
    start = flat(plane(32, 40, 0.7, -0.3))
    blank = np.full((32, 40), 0.4, np.float32)
    found = registered(blank, blank, start, np.ones((32, 40), np.float32), 12)
    assert np.isfinite(found).all()
    assert np.abs(found[..., :2] - start[..., :2]).max() < 1e-3


def test_a_plane_handed_on_is_the_same_plane():
    motion = plane(20, 30, 1.0, 2.0, TURN)
    planes = np.dstack([motion, np.broadcast_to(np.float32(TURN), (20, 30, 4))])
    for step in ((5, 0), (-8, 0), (0, 3), (64, 0), (0, -64)):
        assert np.abs(continued(planes, *step)[..., :2] - motion).max() < 1e-5


def test_the_true_motion_is_the_cheapest_under_another_light():
    true = plane(64, 96, 3.0, -2.0)
    second = noise(64, 96, 5)
    first = warp(second, torch.from_numpy(true.transpose(2, 0, 1))[None], "bicubic") * 0.7 + 0.1
    prices = Prices(array(first), array(second), 0.0)
    inner = (slice(8, -8), slice(8, -8))
    price = {shift: prices.of_motion(true + np.float32(shift))[inner].mean() for shift in (-4, -1, 0, 1, 4)}
    assert min(price, key=price.get) == 0
    planes = {
        shift: prices.of_planes(flat(true[::2, ::2] / 2 + np.float32(shift)))[4:-4, 4:-4].mean() for shift in (-2, 0, 2)
    }
    assert min(planes, key=planes.get) == 0


def test_what_parts_from_what_is_expected_costs_more_up_to_a_limit():
    picture = array(noise(32, 32, 1))
    prices = Prices(picture, picture, 0.0)
    still, moved = flat(np.zeros((16, 16, 2), np.float32)), flat(np.full((16, 16, 2), 3, np.float32))
    before = [prices.of_planes(planes) for planes in (still, moved)]
    prices.expect([still[..., :2], moved[..., :2] + np.float32([0.1, 0])], 0.25, 0.5)
    assert np.array_equal(prices.of_planes(still), before[0])
    assert np.allclose(prices.of_planes(moved), before[1] + 0.05)
    far = flat(np.full((16, 16, 2), -9, np.float32))
    assert np.allclose(prices.of_planes(far), Prices(picture, picture, 0.0).of_planes(far) + 0.25)


def test_beside_a_thing_both_its_motion_and_that_of_the_ground_are_expected():
    motion = plane(60, 100, 0.0, 1.0, (0.02, 0.0, 0.0, 0.0))
    motion[:, :50] = (-6, 2)
    expected = facets._surroundings(motion, np.ones((60, 100), np.float32))
    for column, other in ((45, plane(60, 100, 0.0, 1.0, (0.02, 0.0, 0.0, 0.0))), (55, np.full_like(motion, (-6, 2)))):
        for true in (motion, other):
            apart = [np.hypot(*(each - true)[30, column]) for each in expected]
            assert min(apart) < 0.05


def test_faint_texture_under_grain_moves_with_its_wall():
    still = noise(96, 160, 7, blur=6) * 0.15 + 0.4
    shift = torch.tensor([3.0, 1.0])[None, :, None, None].expand(1, 2, 96, 160)
    first, second = (
        picture + 0.02 * torch.randn(1, 3, 96, 160, generator=torch.Generator().manual_seed(seed))
        for seed, picture in enumerate((still, warp(still, -shift, "bicubic")))
    )
    motion = facets.build(grain=0.02)(first, second)
    assert (motion - shift)[..., 12:-12, 12:-12].norm(dim=1).mean() < 0.25


def test_noise_that_stays_with_the_screen_does_not_hold_a_moving_picture():
    moving = noise(96, 160, 11, blur=10) * 0.5
    shift = torch.tensor([4.0, 0.0])[None, :, None, None].expand(1, 2, 96, 160)
    locked = 0.06 * torch.randn(1, 3, 96, 160, generator=torch.Generator().manual_seed(1))
    first, second = moving + locked, warp(moving, -shift, "bicubic") + locked
    cleaned = unpinned(array(first), array(second))
    inner = (slice(16, -16), slice(16, -16))
    before, after = (np.abs(picture - array(moving))[inner].mean() for picture in (array(first), cleaned[0]))
    assert after < 0.75 * before
    motion = facets.build()(first, second)
    assert (motion - shift)[..., 16:-16, 16:-16].norm(dim=1).median() < 0.5


def test_a_picture_that_stands_keeps_its_texture():
    picture = array(noise(64, 64, 2, blur=2))
    for cleaned in unpinned(picture, picture):
        assert np.array_equal(cleaned, picture)


@pytest.mark.parametrize("size", [(50, 76), (51, 77)])
def test_a_large_picture_is_found_in_half_its_size_and_refined(monkeypatch, size):
    monkeypatch.setattr(facets, "LARGEST", 30)
    second = noise(*size, 9, blur=6)
    shift = torch.tensor([2.5, -1.5])[None, :, None, None].expand(1, 2, *size)
    first = warp(second, shift, "bicubic")
    motion = facets.build()(first, second)
    assert motion.shape == (1, 2, *size)
    assert (motion - shift)[..., 10:-10, 10:-10].norm(dim=1).mean() < 0.15


def test_planes_on_the_grid_are_motion_of_the_whole():
    assert np.allclose(doubled(flat(plane(8, 8, 1.5, -0.5))), np.float32([3, -1]))


def test_features_between_pixels_are_those_of_lanczos():
    values = np.random.default_rng(3).integers(0, 256, (20, 30, 4), np.uint8)
    rows, columns = np.indices((39, 59), dtype=np.float32) / 2
    expected = cv2.remap(values, columns, rows, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(_twice(values).astype(int) - expected).max() <= 1


class Knowing:
    """An estimator that knows the motion."""

    def __init__(self, motion):
        self.motion = motion

    def both(self, first, second):
        return self.motion, -self.motion


@pytest.mark.parametrize("largest", [720, 40])
def test_motion_beyond_the_search_is_taken_over_from_another_estimator(monkeypatch, largest):
    monkeypatch.setattr(facets, "LARGEST", largest)
    size = (60, 140)
    whole = noise(60, 240, 21, blur=3)
    first, second = whole[..., :140], whole[..., 58:198]
    true = torch.tensor([-58.0, 0.0])[None, :, None, None].expand(1, 2, *size)
    near = true + torch.tensor([0.6, -0.4])[None, :, None, None]
    alone, told = (
        estimator.both(first, second)[0] for estimator in (facets.Facets(), facets.Facets(also=Knowing(near)))
    )
    seen = (..., slice(8, -8), slice(66, -8))
    assert (told - true)[seen].norm(dim=1).mean() < 0.15
    assert (alone - true)[seen].norm(dim=1).mean() > 5
