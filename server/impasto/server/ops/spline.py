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

from impasto.server.ops.lattice import Lattice

_POLE = math.sqrt(3) - 2
_TERMS = 6
"""The prefilter is cut where its weights fall under a ten-thousandth."""
_HALFWAY = 8
"""Pixels on either side that decide a value half-way: a sinc in a window of Lanczos."""
_OVERSHOOT = 0.25
"""Share of the range of the nearest four pixels by which a value may leave that range."""

APRON = 12
"""Pixels around a piece that decide what is fetched in it: 8 for values half-way, 4 for prefilter and taps."""


class Spline:
    """Pieces of pictures ready to be fetched between their pixels.

    Args:
        channels: of the pictures, C.
        side: of a piece in pixels.
        pieces: places for them.
    """

    def __init__(self, channels: int, side: int, pieces: int) -> None:
        self._side = side
        self._values = Lattice(channels, side, pieces)
        self._bends = Lattice(channels, 2 * side, pieces, 1, 2)

    def lay(self, places: Tensor, windows: Tensor) -> None:
        """Lay pieces.

        Args:
            places: (N,) int64, where.
            windows: (N, C, side + 2 APRON, the same) float32, the pieces in the middle of what is around them; what is
                beyond the picture is mirrored at its border pixels' centres.
        """
        own = slice(APRON, APRON + self._side + 1)
        self._values.lay(places, windows[..., own, own])
        begin = 2 * (APRON - _HALFWAY + 1) - _TERMS - 1
        fine = slice(begin, begin + 2 * self._side + 3)
        self._bends.lay(places, _knots(_finer(windows))[..., fine, fine])

    def at(self, place: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Fetch at scattered places.

        Args:
            place: (N,) int64, in which piece.
            x: (N,) float32, columns in the piece from 0 to below its side, pixel centres at whole numbers.
            y: the same for rows, down.

        Returns:
            (C, N) float32. Whole numbers give back exact pixels.
        """
        result = self._curve(place, x * 2, y * 2)
        left, top = x.floor(), y.floor()
        upper = self._values.run(place, left.long(), top.long(), 2)
        lower = self._values.run(place, left.long(), top.long() + 1, 2)
        low = torch.minimum(upper.amin(1), lower.amin(1))
        high = torch.maximum(upper.amax(1), lower.amax(1))
        slack = (high - low) * _OVERSHOOT
        result = torch.minimum(torch.maximum(result, low - slack), high + slack)
        whole = (x == left) & (y == top)
        return torch.where(whole[:, None], upper[:, 0], result).T.contiguous()

    def _curve(self, place: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """The spline at places of the finer lattice, (N, C)."""
        left, top = x.floor(), y.floor()
        across = [weight[:, None] for weight in _weights(x - left)]
        column, row = left.long() - 1, top.long() - 1
        result: Tensor | None = None
        for tap, weight in enumerate(_weights(y - top)):
            run = self._bends.run(place, column, row + tap, 4)
            line = run[:, 0] * across[0]
            for beside in range(1, 4):
                line = line + run[:, beside] * across[beside]
            line = line * weight[:, None]
            result = line if result is None else result + line
        assert result is not None
        return result


def _finer(picture: Tensor) -> Tensor:
    """A picture (N, C, H, W) without its outer 7 pixels, with values half-way between those that are left."""
    weights = []
    for tap in range(_HALFWAY):
        place = math.pi * (tap + 0.5)
        weights.append(math.sin(place) / place * math.sin(place / _HALFWAY) / (place / _HALFWAY))
    total = 2 * sum(weights)
    for axis in (2, 3):
        own = picture.narrow(axis, _HALFWAY - 1, picture.shape[axis] - 2 * (_HALFWAY - 1))
        between = own.shape[axis] - 1
        half: Tensor | None = None
        for tap, weight in enumerate(weights):
            left = picture.narrow(axis, _HALFWAY - 1 - tap, between)
            pair = (left + picture.narrow(axis, _HALFWAY + tap, between)) * (weight / total)
            half = pair if half is None else half + pair
        assert half is not None
        shape = list(own.shape)
        shape[axis] = 2 * between + 1
        finer = picture.new_empty(shape)
        finer[(slice(None),) * axis + (slice(0, None, 2),)] = own
        finer[(slice(None),) * axis + (slice(1, None, 2),)] = half
        picture = finer
    return picture


def _knots(picture: Tensor) -> Tensor:
    """Coefficients of the cubic B-spline through a picture (N, C, H, W), but for its outer 6 pixels."""
    weights = [-6 * _POLE / (1 - _POLE**2) * _POLE**tap for tap in range(_TERMS + 1)]
    total = weights[0] + 2 * sum(weights[1:])
    for axis in (2, 3):
        size = picture.shape[axis] - 2 * _TERMS
        result = picture.narrow(axis, _TERMS, size) * (weights[0] / total)
        for tap in range(1, _TERMS + 1):
            pair = picture.narrow(axis, _TERMS - tap, size) + picture.narrow(axis, _TERMS + tap, size)
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
