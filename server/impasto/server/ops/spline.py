"""The one resampling that paint goes through: it keeps the finest strokes, and does not ring far past what is there.

Any kernel of 4x4 taps loses a twentieth of the finest detail between pixels. So the values half-way between pixels are
found once by a long filter, and a cubic spline through this twice finer lattice, which has no detail of its own scale,
then loses nothing that could be seen (Unser et al. 1993, "B-spline signal processing"; Thevenaz et al. 2000,
"Interpolation revisited"): 4x4 taps a pixel still.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from impasto.server.ops.lattice import Lattice, mirror

_POLE = math.sqrt(3) - 2
_TERMS = 6
"""The prefilter is cut where its weights fall under a ten-thousandth."""
_HALFWAY = 8
"""Pixels on either side that decide a value half-way: a sinc in a window of Lanczos."""
_OVERSHOOT = 0.25
"""Share of the range of the nearest four pixels by which a value may leave that range."""

APRON = 16
"""Pixels beyond which no pixel moves a value fetched (8 for values half-way, 4 for the prefilter, 2 for the taps)."""


class Spline:
    """A picture ready to be fetched between its pixels.

    Args:
        picture: (1, C, H, W) float32.
    """

    def __init__(self, picture: Tensor) -> None:
        self._values = Lattice(picture)
        self._bends = Lattice(_knots(_finer(picture)), 1, 2)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._values.nbytes + self._bends.nbytes

    def at(self, x: Tensor, y: Tensor) -> Tensor:
        """Fetch at scattered places.

        Args:
            x: (N,) float32, columns, pixel centres at whole numbers; places outside see the border.
            y: (N,) float32, rows, down.

        Returns:
            (C, N) float32. Whole numbers give back exact pixels.
        """
        values = self._values
        x, y = x.clamp(0, values.width - 1), y.clamp(0, values.height - 1)
        result = self._curve(x * 2, y * 2)
        left, top = x.floor(), y.floor()
        upper = values.run(left.long(), top.long(), 2)
        lower = values.run(left.long(), top.long() + 1, 2)
        low = torch.minimum(upper.amin(1), lower.amin(1))
        high = torch.maximum(upper.amax(1), lower.amax(1))
        slack = (high - low) * _OVERSHOOT
        result = torch.minimum(torch.maximum(result, low - slack), high + slack)
        whole = (x == left) & (y == top)
        return torch.where(whole[:, None], upper[:, 0], result).T.contiguous()

    def _curve(self, x: Tensor, y: Tensor) -> Tensor:
        """The spline at places of the finer lattice, (N, C)."""
        left, top = x.floor(), y.floor()
        across = [weight[:, None] for weight in _weights(x - left)]
        column, row = left.long() - 1, top.long() - 1
        result: Tensor | None = None
        for tap, weight in enumerate(_weights(y - top)):
            run = self._bends.run(column, row + tap, 4)
            line = run[:, 0] * across[0]
            for beside in range(1, 4):
                line = line + run[:, beside] * across[beside]
            line = line * weight[:, None]
            result = line if result is None else result + line
        assert result is not None
        return result


def _finer(picture: Tensor) -> Tensor:
    """The picture (1, C, H, W) with values half-way between its pixels, (1, C, 2H - 1, 2W - 1), borders mirrored."""
    weights = []
    for tap in range(_HALFWAY):
        place = math.pi * (tap + 0.5)
        weights.append(math.sin(place) / place * math.sin(place / _HALFWAY) / (place / _HALFWAY))
    total = 2 * sum(weights)
    for axis in (2, 3):
        size = picture.shape[axis]
        if size == 1:
            continue
        index = mirror(torch.arange(1 - _HALFWAY, size - 1 + _HALFWAY, device=picture.device), size)
        padded = picture.index_select(axis, index)
        half: Tensor | None = None
        for tap, weight in enumerate(weights):
            left = padded.narrow(axis, _HALFWAY - 1 - tap, size - 1)
            pair = (left + padded.narrow(axis, _HALFWAY + tap, size - 1)) * (weight / total)
            half = pair if half is None else half + pair
        assert half is not None
        shape = list(picture.shape)
        shape[axis] = 2 * size - 1
        finer = picture.new_empty(shape)
        finer[(slice(None),) * axis + (slice(0, None, 2),)] = picture
        finer[(slice(None),) * axis + (slice(1, None, 2),)] = half
        picture = finer
    return picture


def _knots(picture: Tensor) -> Tensor:
    """Coefficients (1, C, H, W) of the cubic B-spline through the pixels, borders mirrored."""
    weights = [-6 * _POLE / (1 - _POLE**2) * _POLE**tap for tap in range(_TERMS + 1)]
    total = weights[0] + 2 * sum(weights[1:])
    for axis in (2, 3):
        size = picture.shape[axis]
        index = mirror(torch.arange(-_TERMS, size + _TERMS, device=picture.device), size)
        padded = picture.index_select(axis, index)
        result = padded.narrow(axis, _TERMS, size) * (weights[0] / total)
        for tap in range(1, _TERMS + 1):
            pair = padded.narrow(axis, _TERMS - tap, size) + padded.narrow(axis, _TERMS + tap, size)
            result = result + pair * (weights[tap] / total)
        picture = result
    return picture


def _weights(part: Tensor) -> list[Tensor]:
    """The cubic B-spline at the four taps around."""
    rest = 1 - part
    return [
        rest**3 / 6,
        2 / 3 - part * part * (2 - part) / 2,
        2 / 3 - rest * rest * (2 - rest) / 2,
        part**3 / 6,
    ]
