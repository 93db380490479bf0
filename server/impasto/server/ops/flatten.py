"""Flattens grain and keeps edges: the guided filter, a picture guided by its own luma.

He, Sun and Tang, "Guided Image Filtering", TPAMI 2013.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.2126, 0.7152, 0.0722)
"""Rec.709 weights of red, green and blue."""


def luma(picture: Tensor) -> Tensor:
    """Luma (B, 1, H, W) of display-like RGB (B, 3, H, W)."""
    return (picture * picture.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)


def box_mean(picture: Tensor, radius: int) -> Tensor:
    """Mean over a square of `2 * radius + 1` pixels, edges repeated.

    Rows, then columns, are added up shifted: several times quicker than pooling on a CPU, for few channels most of all.
    """
    side = 2 * radius + 1
    total = F.pad(picture, (radius,) * 4, mode="replicate")
    for axis in (-1, -2):
        length = picture.shape[axis]
        parts = [total.narrow(axis, start, length) for start in range(side)]
        total = parts[0] + parts[1] if len(parts) > 1 else parts[0].clone()
        for part in parts[2:]:
            total += part
    return total.mul_(1.0 / side**2)


def flattened(picture: Tensor, radius: int = 3, grain: float = 0.05) -> Tensor:
    """The picture without what varies less than `grain`, its edges kept; (B, 3, H, W) display-like."""
    return guided(luma(picture), picture, radius, grain)


def guided(guide: Tensor, picture: Tensor, radius: int, grain: float) -> Tensor:
    """`picture` (B, C, H, W) smoothed but at the edges of `guide` (B, 1, H, W): the straight line that fits best."""
    slope, mean, guide_mean = _fit(guide, picture, radius, grain)
    gain, offset = box_mean(torch.cat([slope, mean - slope * guide_mean], 1), radius).chunk(2, 1)
    return gain * guide + offset


def followed(guide: Tensor, picture: Tensor, radius: int = 3, grain: float = 0.05) -> Tensor:
    """How far `picture` (B, C, H, W) follows `guide` (B, 1, H, W) from place to place: the slope of the local fit."""
    return box_mean(_fit(guide, picture, radius, grain)[0], radius)


def _fit(guide: Tensor, picture: Tensor, radius: int, grain: float) -> tuple[Tensor, Tensor, Tensor]:
    """Slope of the straight line from guide to picture around every pixel, and the means of both."""
    channels = picture.shape[1]
    products = torch.cat([picture, picture * guide, guide, guide * guide], 1)
    mean, joint, guide_mean, square = box_mean(products, radius).split([channels, channels, 1, 1], 1)
    return (joint - mean * guide_mean) / (square - guide_mean**2 + grain**2), mean, guide_mean
