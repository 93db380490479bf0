"""Pieces of pictures laid out for scattered fetches: what lies side by side in a piece lies side by side in memory."""

from __future__ import annotations

import torch
from torch import Tensor


class Lattice:
    """Square pieces, each in rows with a pixel's channels together, and some pixels of what is around it.

    One gather fetches several neighbours of a row at once, many times faster than one gather a tap, and fetches from
    all pieces at once. Memory is taken by the pieces laid, not by the places for them.

    Args:
        channels: of the pictures, C.
        side: of a piece in pixels.
        pieces: places for them.
        before: pixels around a piece on the left and on top.
        after: pixels around a piece on the right and below.
    """

    def __init__(self, channels: int, side: int, pieces: int, before: int = 0, after: int = 1) -> None:
        self.channels, self._before, self._stride = channels, before, side + before + after
        self._pixels = torch.empty(pieces, self._stride**2, channels)

    def lay(self, places: Tensor, windows: Tensor) -> None:
        """Lay pieces with what is around them.

        Args:
            places: (N,) int64, where.
            windows: (N, C, side + before + after, the same) float32.
        """
        self._pixels[places] = windows.flatten(2).transpose(1, 2)

    def run(self, place: Tensor, column: Tensor, row: Tensor, taps: int) -> Tensor:
        """Pixels side by side.

        Args:
            place: (N,) int64, in which piece.
            column: (N,) int64, the first pixel of each run, in the piece, from `-before` to `side + after - taps`.
            row: (N,) int64, in the piece, from `-before` to `side - 1 + after`.
            taps: pixels of a run.

        Returns:
            (N, taps, C).
        """
        window = (self._pixels.shape[0] * self._stride**2 - taps + 1, taps * self.channels)
        runs = self._pixels.as_strided(window, (self.channels, 1))
        first = (place * self._stride + (row + self._before)) * self._stride + (column + self._before)
        return runs.index_select(0, first).reshape(-1, taps, self.channels)

    def bilinear(self, place: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Fetch bilinearly at scattered places.

        Args:
            place: (N,) int64, in which piece.
            x: (N,) float32, columns in the piece from 0 to below its side, pixel centres at whole numbers.
            y: the same for rows, down.

        Returns:
            (C, N). Whole numbers give back exact pixels.
        """
        left, top = x.floor(), y.floor()
        part_x, part_y = (x - left)[:, None], (y - top)[:, None]
        column, row = left.long(), top.long()
        result: Tensor | None = None
        for down, weight in ((0, 1 - part_y), (1, part_y)):
            pair = self.run(place, column, row + down, 2)
            line = (pair[:, 0] * (1 - part_x) + pair[:, 1] * part_x) * weight
            result = line if result is None else result + line
        assert result is not None
        return result.T.contiguous()


def mirror(index: Tensor, size: int) -> Tensor:
    """Indices reflected at the border pixels' centres into 0 .. size - 1."""
    if size == 1:
        return torch.zeros_like(index)
    period = 2 * (size - 1)
    index = index.remainder(period)
    return torch.where(index >= size, period - index, index)
