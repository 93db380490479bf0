"""The one resampling that paint goes through: cubic spline interpolation, without overshoot far past what is there.

Interpolating splines keep far more of fine detail than cubic convolution does with the same 4x4 taps (Unser et al.
1993, "B-spline signal processing"; Thevenaz et al. 2000, "Interpolation revisited").
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_POLE = math.sqrt(3) - 2
_TERMS = 12
"""The filter is cut where its weights fall under what float32 resolves."""
_OVERSHOOT = 0.25
"""Share of the range of the nearest four pixels by which a value may leave that range."""


def knots(picture: Tensor) -> Tensor:
    """Spline coefficients of a picture, borders mirrored.

    Args:
        picture: (B, C, H, W) float32.

    Returns:
        (B, C, H, W) float32: the cubic B-spline with these coefficients passes through the pixels.
    """
    weights = [-6 * _POLE / (1 - _POLE**2) * _POLE**tap for tap in range(_TERMS + 1)]
    for axis in (2, 3):
        size = picture.shape[axis]
        index = _mirror(torch.arange(-_TERMS, size + _TERMS, device=picture.device), size)
        padded = picture.index_select(axis, index)
        result = padded.narrow(axis, _TERMS, size) * weights[0]
        for tap in range(1, _TERMS + 1):
            pair = padded.narrow(axis, _TERMS - tap, size) + padded.narrow(axis, _TERMS + tap, size)
            result = result + pair * weights[tap]
        picture = result
    return picture


def sample_spline(picture: Tensor, coefficients: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Fetch `picture` at scattered places.

    Args:
        picture: (1, C, H, W) float32.
        coefficients: its `knots`.
        x: (N,) float32, columns, pixel centres at whole numbers; places outside see the border.
        y: (N,) float32, rows, down.

    Returns:
        (C, N) float32. Whole numbers give back exact pixels.
    """
    channels, height, width = picture.shape[1:]
    values = picture.permute(0, 2, 3, 1).reshape(-1, channels)
    bends = coefficients.permute(0, 2, 3, 1).reshape(-1, channels)
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    left, top = x.floor(), y.floor()
    part_x, part_y = x - left, y - top
    columns = [_mirror(left.long() + tap, width) for tap in (-1, 0, 1, 2)]
    rows = [_mirror(top.long() + tap, height) * width for tap in (-1, 0, 1, 2)]
    result = torch.zeros(len(x), channels, device=picture.device)
    for row, row_weight in zip(rows, _weights(part_y), strict=True):
        along = torch.zeros_like(result)
        for column, column_weight in zip(columns, _weights(part_x), strict=True):
            along = along + bends.index_select(0, row + column) * column_weight[:, None]
        result = result + along * row_weight[:, None]
    corner = values.index_select(0, rows[1] + columns[1])
    low = high = corner
    for down, across in ((1, 2), (2, 1), (2, 2)):
        beside = values.index_select(0, rows[down] + columns[across])
        low, high = torch.minimum(low, beside), torch.maximum(high, beside)
    slack = (high - low) * _OVERSHOOT
    result = torch.minimum(torch.maximum(result, low - slack), high + slack)
    whole = (part_x == 0) & (part_y == 0)
    return torch.where(whole[:, None], corner, result).T.contiguous()


def _weights(part: Tensor) -> list[Tensor]:
    """The cubic B-spline at the four taps around."""
    rest = 1 - part
    return [
        rest**3 / 6,
        2 / 3 - part * part * (2 - part) / 2,
        2 / 3 - rest * rest * (2 - rest) / 2,
        part**3 / 6,
    ]


def _mirror(index: Tensor, size: int) -> Tensor:
    """Indices reflected at the border pixels' centres into 0 .. size - 1."""
    if size == 1:
        return torch.zeros_like(index)
    period = 2 * (size - 1)
    index = index.remainder(period)
    return torch.where(index >= size, period - index, index)
