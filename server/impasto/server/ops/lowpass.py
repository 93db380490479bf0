"""Smoothing whose bits do not depend on threads: sums of shifted pictures, no library convolution."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def lowpass(picture: Tensor, sigma: float) -> Tensor:
    """Smooth by a Gaussian, borders replicated.

    Args:
        picture: (B, C, H, W) float.
        sigma: standard deviation in pixels; 0 gives the picture back.

    Returns:
        (B, C, H, W) of the same range.
    """
    if sigma <= 0:
        return picture
    radius = math.ceil(3 * sigma)
    weights = [math.exp(-0.5 * min(abs(tap) / sigma, 40.0) ** 2) for tap in range(-radius, radius + 1)]
    total = sum(weights)
    for axis in (-1, -2):
        picture = _along(picture, [weight / total for weight in weights], axis)
    return picture


def broad(picture: Tensor, sigma: float) -> Tensor:
    """`lowpass` for large sigma, made on a reduced picture: the work does not grow with sigma.

    Args:
        picture: (B, C, H, W) float.
        sigma: standard deviation in pixels.

    Returns:
        (B, C, H, W), smooth.
    """
    factor = max(1, int(sigma // 3))
    if factor == 1:
        return lowpass(picture, sigma)
    height, width = picture.shape[-2:]
    below, beside = -height % factor, -width % factor
    reduced = F.avg_pool2d(F.pad(picture, (0, beside, 0, below), mode="replicate"), factor)
    smooth = lowpass(reduced, sigma / factor)
    enlarged = F.interpolate(smooth, scale_factor=factor, mode="bilinear", align_corners=False)
    return enlarged[..., :height, :width].contiguous()


def _along(picture: Tensor, weights: list[float], axis: int) -> Tensor:
    size, radius = picture.shape[axis], len(weights) // 2
    index = torch.arange(-radius, size + radius, device=picture.device).clamp(0, size - 1)
    padded = picture.index_select(axis % 4, index)
    result = padded.narrow(axis, radius, size) * weights[radius]
    for tap in range(radius):
        pair = padded.narrow(axis, tap, size) + padded.narrow(axis, 2 * radius - tap, size)
        result = result + pair * weights[tap]
    return result
