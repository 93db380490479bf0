import math

import torch

from impasto.server.ops.spline import knots, sample_spline
from impasto.server.ops.warp import sample


def test_whole_numbers_give_back_exact_pixels():
    picture = torch.randn(1, 3, 9, 12)
    row, column = torch.meshgrid(torch.arange(9.0), torch.arange(12.0), indexing="ij")
    fetched = sample_spline(picture, knots(picture), column.flatten(), row.flatten())
    assert torch.equal(fetched, picture[0].flatten(1))


def test_fine_detail_survives_better_than_by_cubic_convolution():
    column = torch.arange(64.0)
    wave = torch.sin(column * math.pi * 0.4).expand(1, 1, 32, 64).contiguous()
    x, y = column[8:-8] + 0.5, torch.full((48,), 16.25)
    true = torch.sin(x * math.pi * 0.4)
    spline = (sample_spline(wave, knots(wave), x, y)[0] - true).abs().mean()
    cubic = (sample(wave, x[None, None, None], y[None, None, None], "bicubic")[0, 0, 0] - true).abs().mean()
    assert spline < cubic / 2


def test_beside_a_highlight_nothing_rings_below_what_is_there():
    picture = torch.full((1, 1, 16, 16), 0.1)
    picture[..., 8] = 40.0
    x = torch.linspace(2, 14, 200)
    fetched = sample_spline(picture, knots(picture), x, torch.full_like(x, 8.0))
    assert fetched[0][(x < 7) | (x > 9)].min() >= 0.1 - 1e-4


def test_places_outside_see_the_border():
    picture = torch.randn(1, 2, 6, 7)
    far = sample_spline(picture, knots(picture), torch.tensor([-9.0, 99.0]), torch.tensor([0.0, 99.0]))
    assert torch.equal(far, torch.stack([picture[0, :, 0, 0], picture[0, :, 5, 6]], 1))
