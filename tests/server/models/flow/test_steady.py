"""Motion where grain is all there is to see."""

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from impasto.server.models.flow import facets
from impasto.server.models.flow.steady import steadied


def plate(height=96, width=144):
    """A textured ground under a blank sky, (H, W, 3)."""
    coarse = torch.rand(1, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(4))
    picture = F.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)[0].permute(1, 2, 0).numpy()
    picture[: height // 2] = 0.5
    return np.ascontiguousarray(picture, np.float32)


def grainy(picture, seed, grain=0.01):
    noise = np.random.default_rng(seed).standard_normal(picture.shape)
    return (picture + grain * noise).astype(np.float32)


def shaken(shape, most=0.4):
    """What a search makes of grain: wrong by up to so much over the sky."""
    coarse = np.random.default_rng(9).uniform(-most, most, (2, 2, shape[1] // 16)).astype(np.float32)
    motion = np.zeros((*shape[:2], 2), np.float32)
    motion[:32] = np.dstack([np.kron(part, np.ones((16, 16), np.float32)) for part in coarse])
    return motion


def panned(picture, pan):
    """A picture after so many pixels of pan to the right."""
    rows, columns = np.indices(picture.shape[:2], dtype=np.float32)
    return cv2.remap(picture, columns - np.float32(pan), rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("pan", [0.0, 0.2])
def test_a_sky_moves_as_the_ground_below_it_and_not_as_its_grain(pan):
    still = plate()
    motion = shaken(still.shape) + np.float32([pan, 0])
    there = panned(still, pan)
    found = steadied(grainy(still, 1), grainy(there, 2), motion)
    sky = (slice(4, 28), slice(8, -8))
    before, after = (np.hypot(*(each - np.float32([pan, 0]))[sky].transpose(2, 0, 1)) for each in (motion, found))
    assert after.mean() < 0.25 * before.mean()


def test_texture_keeps_its_own_motion():
    still = plate()
    motion = np.zeros((96, 144, 2), np.float32)
    motion[56:88, 40:80] = 0.25
    found = steadied(still, still, motion)
    assert np.abs(found - motion)[60:84, 44:76].max() < 0.02


def test_surroundings_that_move_in_many_ways_are_not_listened_to():
    still = plate()
    columns = np.linspace(-12, 12, 144, dtype=np.float32)
    motion = np.dstack([np.broadcast_to(columns, (96, 144)), np.zeros((96, 144), np.float32)])
    found = steadied(grainy(still, 1), grainy(still, 2), np.ascontiguousarray(motion))
    assert np.abs(found - motion).max() < 0.05


def test_a_plate_under_grain_alone_stands():
    picture = plate()
    first, second = (torch.from_numpy(grainy(picture, seed)).permute(2, 0, 1)[None] for seed in (1, 2))
    motion = facets.build(grain=0.01)(first, second)
    assert motion[..., :40, :].norm(dim=1).mean() < 0.2
    assert motion[..., 54:, :].norm(dim=1).mean() < 0.02
