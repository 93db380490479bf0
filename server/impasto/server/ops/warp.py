"""Fetching a picture at other places: the one warp of the house."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Method = Literal["nearest", "bilinear", "bicubic"]

_KEYS = -0.5
"""Free parameter of the cubic kernel; -1/2 is third-order exact (Keys 1981, "Cubic convolution interpolation")."""


def warp(picture: Tensor, motion: Tensor, method: Method = "bilinear") -> Tensor:
    """Fetch `picture` at `p + motion(p)`: brings the picture motion points into back to where it points from.

    Args:
        picture: (B, C, H, W) float, any range.
        motion: (B, 2, H, W) float32 in pixels, x right, y down.
        method: see `sample`.

    Returns:
        (B, C, H, W): `result(p) = picture(p + motion(p))`, borders replicated. Motion 0 gives back the picture's bits.
    """
    height, width = motion.shape[-2:]
    column = torch.arange(width, device=motion.device, dtype=motion.dtype)
    row = torch.arange(height, device=motion.device, dtype=motion.dtype)[:, None]
    return sample(picture, motion[:, 0:1] + column, motion[:, 1:2] + row, method)


def sample(picture: Tensor, x: Tensor, y: Tensor, method: Method = "bilinear") -> Tensor:
    """Fetch `picture` at absolute places.

    Coordinates are used at full float32 precision (no table of sub-pixel steps, no normalising), and whole numbers give
    back exact pixels. Only separate multiplications and additions are used, so that results do not depend on threads.

    Args:
        picture: (B, C, H, W) float, any range.
        x: (B, 1, h, w) float32, column of the pixel's centre: 0 is the first column, `W - 1` the last.
        y: the same for rows, down.
        method: `nearest` (halves go to the even pixel), `bilinear`, or `bicubic` (Keys' kernel, 4x4 taps, may overshoot
            the range of the picture by a fifth of a step).

    Returns:
        (B, C, h, w) of the picture's type. Places outside see the nearest border pixel.
    """
    batch, channels, height, width = picture.shape
    flat = picture.permute(0, 2, 3, 1).reshape(batch * height * width, channels)
    across = _taps(x, width, method)
    down = _taps(y, height, method)
    offset = torch.arange(batch, device=picture.device)[:, None, None, None] * (height * width)
    result: Tensor | None = None
    for row, row_weight in down:
        start = offset + row * width
        for column, column_weight in across:
            tap = flat.index_select(0, (start + column).reshape(-1))
            if row_weight is not None and column_weight is not None:
                tap = tap * (row_weight * column_weight).reshape(-1, 1)
            result = tap if result is None else result + tap
    assert result is not None
    return result.reshape(batch, *x.shape[-2:], channels).permute(0, 3, 1, 2).contiguous().to(picture.dtype)


def _taps(place: Tensor, size: int, method: Method) -> list[tuple[Tensor, Tensor | None]]:
    """Pixel indices along one axis, clamped into the picture, and their weights (None for 1)."""
    place = place.clamp(-2.0, size + 1.0)
    last = size - 1
    if method == "nearest":
        return [(place.round().long().clamp(0, last), None)]
    base = place.floor()
    part = place - base
    first = base.long()
    if method == "bilinear":
        weights = [1 - part, part]
        start = 0
    else:
        weights = [_keys(part + 1), _keys(part), _keys(1 - part), _keys(2 - part)]
        start = -1
    return [((first + start + tap).clamp(0, last), weight) for tap, weight in enumerate(weights)]


def _keys(distance: Tensor) -> Tensor:
    """Keys' cubic kernel at distances 0..2, exactly 1, 0, 0 at 0, 1, 2."""
    near = ((_KEYS + 2) * distance - (_KEYS + 3)) * distance * distance + 1
    far = ((distance - 5) * distance + 8) * distance * _KEYS - 4 * _KEYS
    return torch.where(distance <= 1, near, far)
