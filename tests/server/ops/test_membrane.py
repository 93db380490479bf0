import pytest
import torch

from impasto.server.ops.membrane import membrane

INSIDE = torch.zeros(1, 1, 9, 11, dtype=torch.bool)
INSIDE[..., 2:7, 3:9] = True
FLAT = torch.zeros(1, 3, 9, 11)


def test_it_solves_the_screened_laplace_equation():
    values = torch.rand(1, 2, 9, 11)
    found = torch.where(INSIDE, membrane(values, ~INSIDE, INSIDE, FLAT, 4.0), values)
    around = found[..., 1:-1, :-2] + found[..., 1:-1, 2:] + found[..., :-2, 1:-1] + found[..., 2:, 1:-1]
    left = around - (4 + 1 / 16) * found[..., 1:-1, 1:-1]
    assert left[(INSIDE[..., 1:-1, 1:-1]).expand_as(left)].abs().max() < 2e-3


@pytest.mark.parametrize("reach", [2.0, 8.0])
def test_it_stays_between_nothing_and_what_surrounds_it(reach):
    found = membrane(torch.ones(1, 1, 9, 11), ~INSIDE, INSIDE, FLAT, reach)
    assert (found[INSIDE] > 0).all()
    assert (found[INSIDE] < 1.001).all()
    assert (found[~INSIDE] == 0).all()


def test_an_edge_of_the_guide_stops_it():
    guide = torch.where(INSIDE, 1.0, FLAT)
    assert membrane(torch.ones(1, 1, 9, 11), ~INSIDE, INSIDE, guide, 8.0).abs().max() < 1e-3


def test_nothing_inside_gives_nothing():
    assert not membrane(torch.ones(1, 1, 9, 11), ~INSIDE, INSIDE & False, FLAT, 8.0).any()
