import math

import numpy as np
import pytest
import torch

from impasto.server.ops.lattice import Lattice
from impasto.server.ops.spline import APRON, Spline
from impasto.server.ops.warp import sample


def window(picture, side, before, after, left=0, top=0):
    """A piece of a picture with what is around it, beyond the picture mirrored at its border pixels' centres."""
    far = side + before + after
    around = np.pad(picture.numpy(), ((0, 0), (0, 0), (far, far + side), (far, far + side)), mode="reflect")
    rows, columns = far + top - before, far + left - before
    return torch.from_numpy(around[:, :, rows : rows + far, columns : columns + far].copy())


def fetched(picture, x, y):
    """By a spline whose one piece is the whole picture."""
    side = max(picture.shape[2:])
    spline = Spline(picture.shape[1], side, 1)
    spline.lay(torch.tensor([0]), window(picture, side, APRON, APRON))
    return spline.at(torch.zeros(len(x), dtype=torch.int64), x, y)


def test_whole_numbers_give_back_exact_pixels():
    picture = torch.randn(1, 3, 9, 12)
    row, column = torch.meshgrid(torch.arange(9.0), torch.arange(12.0), indexing="ij")
    assert torch.equal(fetched(picture, column.flatten(), row.flatten()), picture[0].flatten(1))


def test_the_finest_detail_survives_between_pixels():
    column = torch.arange(64.0)
    wave = torch.sin(column * math.pi * 0.75).expand(1, 1, 32, 64).contiguous()
    x, y = column[16:-16] + 0.5, torch.full((32,), 16.25)
    true = torch.sin(x * math.pi * 0.75)
    spline = (fetched(wave, x, y)[0] - true).abs().mean()
    cubic = (sample(wave, x[None, None, None], y[None, None, None], "bicubic")[0, 0, 0] - true).abs().mean()
    assert spline < 0.03
    assert spline < cubic / 10


def test_beside_a_highlight_nothing_rings_below_what_is_there():
    picture = torch.full((1, 1, 16, 16), 0.1)
    picture[..., 8] = 40.0
    x = torch.linspace(2, 14, 200)
    found = fetched(picture, x, torch.full_like(x, 8.0))
    assert found[0][(x < 7) | (x > 9)].min() >= 0.1 - 1e-4


def test_a_flat_picture_stays_flat_to_the_last_digits():
    x, y = torch.rand(200) * 15, torch.rand(200) * 8
    assert torch.allclose(fetched(torch.full((1, 2, 9, 16), 0.7), x, y), torch.tensor(0.7), atol=1e-6)


def test_a_picture_of_one_row_or_one_pixel_can_be_fetched():
    assert torch.equal(fetched(torch.ones(1, 1, 1, 1), torch.zeros(1), torch.zeros(1)), torch.ones(1, 1))
    assert fetched(torch.rand(1, 1, 1, 5), torch.tensor([2.5]), torch.zeros(1)).isfinite().all()


@pytest.mark.parametrize("left", [0, 8, 16])
def test_what_is_fetched_does_not_depend_on_how_the_picture_was_cut(left):
    picture = torch.randn(1, 2, 19, 21)
    x, y = left + torch.rand(50) * min(7.9, 20 - left), 8 + torch.rand(50) * 7.9
    piece = Spline(2, 8, 3)
    piece.lay(torch.tensor([2]), window(picture, 8, APRON, APRON, left, 8))
    assert torch.equal(piece.at(torch.full((50,), 2), x - left, y - 8), fetched(picture, x, y))


def test_bilinear_fetches_equal_the_warp_of_the_house():
    picture, x, y = torch.randn(1, 3, 9, 12), torch.rand(50) * 11, torch.rand(50) * 8
    lattice = Lattice(3, 12, 1)
    lattice.lay(torch.tensor([0]), window(picture, 12, 0, 1))
    expected = sample(picture, x[None, None, None], y[None, None, None])[0, :, 0]
    assert torch.allclose(lattice.bilinear(torch.zeros(50, dtype=torch.int64), x, y), expected, atol=1e-6)
