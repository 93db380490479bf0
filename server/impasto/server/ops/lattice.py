"""A picture laid out for scattered fetches: what lies side by side in the picture lies side by side in memory."""

from __future__ import annotations

import torch
from torch import Tensor


class Lattice:
    """Pixels in rows, each with its channels together, the border mirrored around its pixels' centres.

    One gather fetches several neighbours of a row at once, many times faster than one gather a tap.

    Args:
        picture: (1, C, H, W) float32.
        before: pixels mirrored on the left and on top.
        after: pixels mirrored on the right and below.
    """

    def __init__(self, picture: Tensor, before: int = 0, after: int = 1) -> None:
        self.channels, self.height, self.width = picture.shape[1:]
        for axis, size in ((2, self.height), (3, self.width)):
            index = mirror(torch.arange(-before, size + after, device=picture.device), size)
            picture = picture.index_select(axis, index)
        self._stride, self._before = picture.shape[-1], before
        self._rows = picture[0].permute(1, 2, 0).reshape(-1, self.channels).contiguous()

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._rows.nbytes

    def run(self, column: Tensor, row: Tensor, taps: int) -> Tensor:
        """Pixels side by side.

        Args:
            column: (N,) int64, the first pixel of each run, from `-before` to `W - 1 + after - taps + 1`.
            row: (N,) int64, from `-before` to `H - 1 + after`.
            taps: pixels of a run.

        Returns:
            (N, taps, C).
        """
        window = (self._rows.shape[0] - taps + 1, taps * self.channels)
        runs = self._rows.as_strided(window, (self.channels, 1))
        first = (row + self._before) * self._stride + (column + self._before)
        return runs.index_select(0, first).reshape(-1, taps, self.channels)

    def bilinear(self, x: Tensor, y: Tensor) -> Tensor:
        """Fetch bilinearly at scattered places.

        Args:
            x: (N,) float32, columns, pixel centres at whole numbers; places outside see the border.
            y: (N,) float32, rows, down.

        Returns:
            (C, N). Whole numbers give back exact pixels.
        """
        x, y = x.clamp(0, self.width - 1), y.clamp(0, self.height - 1)
        left, top = x.floor(), y.floor()
        part_x, part_y = (x - left)[:, None], (y - top)[:, None]
        column, row = left.long(), top.long()
        result: Tensor | None = None
        for down, weight in ((0, 1 - part_y), (1, part_y)):
            pair = self.run(column, row + down, 2)
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
