import math

import torch

from impasto.server.ops.lattice import Lattice
from impasto.server.ops.spline import Spline
from impasto.server.ops.warp import sample


def test_whole_numbers_give_back_exact_pixels():
    picture = torch.randn(1, 3, 9, 12)
    row, column = torch.meshgrid(torch.arange(9.0), torch.arange(12.0), indexing="ij")
    assert torch.equal(Spline(picture).at(column.flatten(), row.flatten()), picture[0].flatten(1))


def test_the_finest_detail_survives_between_pixels():
    column = torch.arange(64.0)
    wave = torch.sin(column * math.pi * 0.75).expand(1, 1, 32, 64).contiguous()
    x, y = column[16:-16] + 0.5, torch.full((32,), 16.25)
    true = torch.sin(x * math.pi * 0.75)
    spline = (Spline(wave).at(x, y)[0] - true).abs().mean()
    cubic = (sample(wave, x[None, None, None], y[None, None, None], "bicubic")[0, 0, 0] - true).abs().mean()
    assert spline < 0.03
    assert spline < cubic / 10


def test_beside_a_highlight_nothing_rings_below_what_is_there():
    picture = torch.full((1, 1, 16, 16), 0.1)
    picture[..., 8] = 40.0
    x = torch.linspace(2, 14, 200)
    fetched = Spline(picture).at(x, torch.full_like(x, 8.0))
    assert fetched[0][(x < 7) | (x > 9)].min() >= 0.1 - 1e-4


def test_a_flat_picture_stays_flat_to_the_last_digits():
    x, y = torch.rand(200) * 15, torch.rand(200) * 8
    assert torch.allclose(Spline(torch.full((1, 2, 9, 16), 0.7)).at(x, y), torch.tensor(0.7), atol=1e-6)


def test_places_outside_see_the_border():
    picture = torch.randn(1, 2, 6, 7)
    far = Spline(picture).at(torch.tensor([-9.0, 99.0]), torch.tensor([0.0, 99.0]))
    assert torch.equal(far, torch.stack([picture[0, :, 0, 0], picture[0, :, 5, 6]], 1))


def test_a_picture_of_one_row_or_one_pixel_can_be_fetched():
    assert torch.equal(Spline(torch.ones(1, 1, 1, 1)).at(torch.zeros(1), torch.zeros(1)), torch.ones(1, 1))
    assert Spline(torch.rand(1, 1, 1, 5)).at(torch.tensor([2.5]), torch.zeros(1)).isfinite().all()


def test_bilinear_fetches_equal_the_warp_of_the_house():
    picture, x, y = torch.randn(1, 3, 9, 12), torch.rand(50) * 14 - 1, torch.rand(50) * 11 - 1
    fetched = Lattice(picture).bilinear(x, y)
    expected = sample(picture, x.clamp(0, 11)[None, None, None], y.clamp(0, 8)[None, None, None])[0, :, 0]
    assert torch.allclose(fetched, expected, atol=1e-6)
