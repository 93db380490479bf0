import pytest
import torch

from impasto.server.ops import cells


def doubled(height, width, left, top):
    values = torch.rand(1, 1, height // 2 + 1, width // 2 + 1, generator=torch.Generator().manual_seed(3))
    whole = values.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return whole[..., top : top + height, left : left + width].contiguous()


@pytest.mark.parametrize("phase", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_doubled_values_are_found_where_their_pairs_begin(phase):
    channel = doubled(20, 31, *phase)
    found = cells.find(channel)
    assert (found.left, found.top) == phase
    assert torch.allclose(found.again(channel), channel, atol=1e-6)
    again = found.again(found.smooth(channel))
    assert torch.allclose(again[..., 2:-2, 2:-2], channel[..., 2:-2, 2:-2], atol=0.05)


def test_other_pictures_have_no_cells():
    assert cells.find(torch.rand(1, 1, 20, 30)) is None
    assert cells.find(torch.full((1, 1, 20, 30), 0.5)) is None, "a flat picture says nothing"
    assert cells.find(torch.rand(1, 1, 3, 3)) is None
