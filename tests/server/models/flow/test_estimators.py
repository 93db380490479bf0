"""What every flow model without weights must do."""

import cv2
import pytest
import torch

from impasto.server.models.catalogue import find
from impasto.server.ops.warp import warp

MODELS = ["dis", "deepflow", "facets"]


def texture(height=64, width=96, seed=1):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 4, width // 4, generator=generator)
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("shift", [(2.25, -1.5), (-7.0, 3.0)])
def test_a_pan_is_found_both_ways_right_and_down_positive(model, shift):
    first = texture()
    pan = torch.tensor(shift)[None, :, None, None].expand(1, 2, 64, 96)
    second = warp(first, -pan, "bicubic")
    there, back = find(model, "flow").build().both(first, second)
    inner = (..., slice(14, -14), slice(14, -14))
    assert (there - pan)[inner].abs().mean() < 0.1
    assert (back + pan)[inner].abs().mean() < 0.1


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (7, 33), (41, 12), (65, 97)])
def test_every_size_has_an_answer_of_its_size(model, size):
    first = texture(72, 104)[..., : size[0], : size[1]]
    for motion in find(model, "flow").build().both(first, first.flip(-1)):
        assert motion.shape == (1, 2, *size)
        assert motion.isfinite().all()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("picture", [torch.zeros(1, 3, 40, 56), torch.full((1, 3, 40, 56), 0.7), texture(40, 56)])
def test_pictures_that_are_the_same_do_not_move(model, picture):
    assert find(model, "flow").build()(picture, picture).abs().max() < 0.01


@pytest.mark.parametrize("model", MODELS)
def test_grain_alone_is_hardly_motion(model):
    plate = texture(96, 128)
    first, second = (
        plate + 0.02 * torch.randn(plate.shape, generator=torch.Generator().manual_seed(n)) for n in (1, 2)
    )
    motion = find(model, "flow").build(grain=0.02)(first, second)
    assert motion.square().sum(1).sqrt().mean() < 0.1


def test_opencv_threads_do_not_change_a_bit():
    first, second = texture(seed=1), texture(seed=1).roll(3, -1)
    model = find("dis", "flow").build()
    before = cv2.getNumThreads()
    results = []
    for threads in (1, 4):
        cv2.setNumThreads(threads)
        results.append(model(first, second))
    cv2.setNumThreads(before)
    assert torch.equal(*results)


def test_highlights_and_negatives_beyond_the_screen_are_borne():
    first = texture() * 3 - 0.5
    assert find("dis", "flow").build()(first, first.roll(2, -1)).isfinite().all()
