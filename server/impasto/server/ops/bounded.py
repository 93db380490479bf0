"""The one resampling that paint goes through: bicubic, without overshoot past what is there."""

from __future__ import annotations

import torch
from impasto.server.ops.warp import sample
from torch import Tensor
from torch.nn import functional as F


def sample_bounded(picture: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Fetch `picture` at absolute places by Keys' bicubic kernel, kept within the range of its 4x4 taps.

    Args:
        picture: (1, C, H, W) float32.
        x: (1, 1, h, w) float32, column of the pixel's centre.
        y: the same for rows, down.

    Returns:
        (1, C, h, w). Whole numbers give back exact pixels; places outside see the border pixel.
    """
    padded = F.pad(picture, (1, 2, 1, 2), mode="replicate")
    highest = F.max_pool2d(padded, 4, stride=1)
    lowest = -F.max_pool2d(-padded, 4, stride=1)
    height, width = picture.shape[-2:]
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    column, row = x.floor(), y.floor()
    bounds = sample(torch.cat([lowest, highest], 1), column, row, "nearest")
    floor, ceiling = bounds.chunk(2, 1)
    return torch.minimum(torch.maximum(sample(picture, x, y, "bicubic"), floor), ceiling)
