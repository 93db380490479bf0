import pytest
import torch
from torch.nn import functional as F

from impasto.server.ops.enlarge import doubled


def test_doubling_is_bilinear_between_pixel_centres():
    for size in [(1, 1), (1, 7), (5, 8)]:
        x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
        expected = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        assert torch.allclose(doubled(x), expected, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (6, 5)])
def test_features_in_either_layout_are_doubled_alike(size):
    x = torch.rand(1, 8, *size, generator=torch.Generator().manual_seed(0))
    last = doubled(x.contiguous(memory_format=torch.channels_last))
    assert torch.allclose(last, doubled(x), atol=1e-6)
    assert last.is_contiguous(memory_format=torch.channels_last) or 1 in size
