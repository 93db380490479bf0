import torch
from torch.nn import functional as F

from impasto.server.ops.enlarge import doubled


def test_doubling_is_bilinear_between_pixel_centres():
    for size in [(1, 1), (1, 7), (5, 8)]:
        x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
        expected = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        assert torch.allclose(doubled(x), expected, atol=1e-6)
