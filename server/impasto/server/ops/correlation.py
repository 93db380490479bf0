"""How much every cell of one picture looks like the cells of another around given places.

The correlation of RAFT (Teed and Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020, 3.2)
in two forms with the same answer. Averaging over cells and taking dot products are both linear and may change places,
so the features are averaged, never the volume:

- `Volume` holds the dot products of all pairs of cells: fast, and its size grows with the square of the picture;
- `Lookup` computes those that are asked for, anew at every question, in chunks of bounded size. Neighbouring cells
  mostly look at neighbouring places, so a block of cells is multiplied with one box of the other picture at a time.

Both round alike up to the order of a sum. Which one is taken is a matter of size alone: see `form`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

Form = Literal["volume", "lookup"]

LEVELS = 4
"""Levels of the pyramid; each halves the one before."""

CHUNK = 64 << 20
"""Bytes `Lookup` gathers at once."""

_BLOCK = 8
"""Side of a block of cells in `Lookup`."""


def table_cells(height: int, width: int) -> int:
    """Cells of all levels with a border of one cell: columns of the volume, rows of the table of features."""
    return sum((rows + 2) * (columns + 2) for rows, columns in _level_sizes(height, width))


def volume_bytes(height: int, width: int, element: int = 4) -> int:
    """Size of the volume of one pair.

    Args:
        height: cells; an eighth of the picture's pixels for RAFT.
        width: the same across.
        element: bytes a number.
    """
    return height * width * table_cells(height, width) * element


def form(height: int, width: int, memory: int, element: int = 4) -> Form:
    """The form for pictures of this many cells: the volume where it takes no more than a quarter of `memory`.

    Args:
        height: cells down.
        width: cells across.
        memory: bytes the work is planned for, never what happens to be free.
        element: bytes a number.
    """
    return "volume" if 4 * volume_bytes(height, width, element) <= memory else "lookup"


def correlation(first: Tensor, second: Tensor, radius: int, form: Form) -> Volume | Lookup:
    """Correlation of two pictures' features in the named form; arguments as for `Volume` and `Lookup`."""
    return Volume(first, second, radius) if form == "volume" else Lookup(first, second, radius)


def _level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    return [(height >> level, width >> level) for level in range(LEVELS)]


class _Window(NamedTuple):
    """Where places lie in the table.

    Attributes:
        column: (N, LEVELS, K) index of the columns looked at, 0 and the last one the border; K = 2 radius + 2.
        row: the same down.
        part: (N, 2, LEVELS) how far a place lies right of and below the cell before it, 0..1.
    """

    column: Tensor
    row: Tensor
    part: Tensor


class _Pyramid:
    """The second picture's features at all levels, as one table of rows, and where places lie in it."""

    def __init__(self, features: Tensor, radius: int) -> None:
        height, width = features.shape[-2:]
        device = features.device
        levels = []
        for level in range(LEVELS):
            features = F.avg_pool2d(features, 2) if level else features
            levels.append(F.pad(features[0], (1, 1, 1, 1)).permute(1, 2, 0).flatten(0, 1))
        self.table = torch.cat(levels)
        sizes = _level_sizes(height, width)
        self._rows = torch.tensor([[rows] for rows, _ in sizes], device=device)
        self._columns = torch.tensor([[columns] for _, columns in sizes], device=device)
        self.pitch = self._columns + 2
        lengths = [len(level) for level in levels]
        self.start = torch.tensor([[sum(lengths[:level])] for level in range(LEVELS)], device=device)
        self._shrink = 0.5 ** torch.arange(LEVELS, device=device, dtype=torch.float32)
        self._steps = torch.arange(-radius, radius + 2, device=device)
        self._before = torch.tensor(-1, device=device)

    def windows(self, place: Tensor) -> _Window:
        """Windows around (N, 2) places in cells of the finest level; what lies outside becomes border."""
        at = place[:, :, None] * self._shrink
        base = at.floor()
        whole = base.long()[..., None] + self._steps
        column = whole[:, 0].maximum(self._before).minimum(self._columns) + 1
        row = whole[:, 1].maximum(self._before).minimum(self._rows) + 1
        return _Window(column, row, at - base)


def _mixed(products: Tensor, part: Tensor) -> Tensor:
    """(N, LEVELS * (K - 1)^2) from (N, LEVELS, K, K) at whole cells, x before y: linear between them."""
    part = part.to(products.dtype)
    across = torch.lerp(products[:, :, :-1], products[:, :, 1:], part[:, 0, :, None, None])
    mixed: Tensor = torch.lerp(across[..., :-1], across[..., 1:], part[:, 1, :, None, None])
    return mixed.flatten(1)


def _checked(first: Tensor, second: Tensor) -> Tensor:
    """(H, W, C) of the first features over sqrt(C)."""
    least = min(*first.shape[-2:], *second.shape[-2:])
    if first.shape[:2] != second.shape[:2] or first.shape[0] != 1 or least < 1 << (LEVELS - 1):
        raise ValueError(
            f"Correlation needs two (1, C, H, W) of as many features and {1 << (LEVELS - 1)} cells a side at least, "
            f"not {tuple(first.shape)} and {tuple(second.shape)}."
        )
    scale: float = first.shape[1] ** -0.5
    return first[0].permute(1, 2, 0) * scale


class Volume:
    """Dot products of all pairs of cells, made once.

    Args:
        first: (1, C, H, W) features of the first picture; H and W at least 8.
        second: the same of the second; it may have another H and W.
        radius: cells looked at to each side, at every level.

    Raises:
        ValueError: the features differ in number or have too few cells.
    """

    def __init__(self, first: Tensor, second: Tensor, radius: int) -> None:
        features = _checked(first, second)
        self._size = features.shape[:2]
        self._pyramid = _Pyramid(second, radius)
        self._volume = features.flatten(0, 1) @ self._pyramid.table.T
        rows, columns = self._volume.shape
        self._index = torch.int32 if rows * columns < 1 << 31 else torch.int64
        self._offset = torch.arange(0, rows * columns, columns, device=first.device)[:, None, None]

    def __call__(self, place: Tensor) -> Tensor:
        """Look around places.

        Args:
            place: (1, 2, H, W) float32, for each cell of the first picture a place in the second, in cells, x right and
                y down, (0, 0) the first cell's centre. Outside the second picture all features are 0.

        Returns:
            (1, LEVELS * (2 radius + 1)^2, H, W), channels last in memory: dot products over sqrt(C), level by level;
            within a level the *outer* index moves x and the inner one y, as in the published networks.
        """
        window = self._pyramid.windows(place[0].permute(1, 2, 0).reshape(-1, 2))
        row = window.row * self._pyramid.pitch + self._pyramid.start + self._offset
        index = window.column.to(self._index)[..., None] + row.to(self._index)[:, :, None, :]
        products = self._volume.view(-1).index_select(0, index.view(-1)).view(index.shape)
        return _mixed(products, window.part).view(1, *self._size, -1).permute(0, 3, 1, 2)


class Lookup:
    """Dot products made when they are asked for; arguments and errors as for `Volume`."""

    def __init__(self, first: Tensor, second: Tensor, radius: int) -> None:
        features = _checked(first, second)
        self._size = features.shape[:2]
        self._pyramid = _Pyramid(second, radius)
        self._first = _blocks(features)
        # A box holds what a block sees while neighbouring cells look no further apart than twice their distance.
        self._sides = [(2 * _BLOCK >> level) + 2 * radius + 3 for level in range(LEVELS)]

    def __call__(self, place: Tensor) -> Tensor:
        """Look around places; see `Volume.__call__`."""
        places = _blocks(place[0].permute(1, 2, 0))
        row = self._sides[0] ** 2 * self._first.shape[-1] * self._first.element_size()
        step = max(1, CHUNK // row)
        answers = [
            self._answers(self._first[at : at + step], places[at : at + step]) for at in range(0, len(places), step)
        ]
        height, width = self._size
        down, across = -(-height // _BLOCK), -(-width // _BLOCK)
        answer = torch.cat(answers).view(down, across, _BLOCK, _BLOCK, -1).transpose(1, 2)
        answer = answer.reshape(down * _BLOCK, across * _BLOCK, -1)[:height, :width]
        return answer.permute(2, 0, 1)[None]

    def _answers(self, cells: Tensor, places: Tensor) -> Tensor:
        """(blocks, cells, answer) for (blocks, cells, C) features and (blocks, cells, 2) places."""
        window = self._pyramid.windows(places.flatten(0, 1))
        columns = window.column.view(*places.shape[:2], LEVELS, -1)
        rows = window.row.view(columns.shape)
        levels = [self._level(cells, columns[:, :, level], rows[:, :, level], level) for level in range(LEVELS)]
        return _mixed(torch.stack(levels, 2).flatten(0, 1), window.part).view(*places.shape[:2], -1)

    def _level(self, cells: Tensor, column: Tensor, row: Tensor, level: int) -> Tensor:
        """(blocks, cells, K, K) dot products, x before y, of one level; `column` and `row` are (blocks, cells, K)."""
        side, blocks = self._sides[level], len(cells)
        pitch, start = int(self._pyramid.pitch[level]), int(self._pyramid.start[level])
        left, top = column.amin((1, 2)), row.amin((1, 2))
        wide = torch.maximum(column.amax((1, 2)) - left, row.amax((1, 2)) - top) >= side
        steps = torch.arange(side, device=cells.device)
        box = (left[:, None] + steps).clamp(max=int(column.max()))[:, None, :]
        box = box + (top[:, None] + steps).clamp(max=int(row.max()))[:, :, None] * pitch + start
        seen = self._pyramid.table.index_select(0, box.view(-1)).view(blocks, side * side, -1)
        near = torch.bmm(cells, seen.transpose(1, 2))
        index = (column - left[:, None, None]).clamp(max=side - 1)[..., None]
        index = index + ((row - top[:, None, None]).clamp(max=side - 1) * side)[:, :, None, :]
        products = near.gather(2, index.flatten(2)).view(index.shape)
        for block in wide.nonzero()[:, 0].tolist():
            index = column[block, :, :, None] + row[block, :, None, :] * pitch + start
            seen = self._pyramid.table.index_select(0, index.view(-1)).view(len(index), -1, cells.shape[-1])
            products[block] = torch.bmm(seen, cells[block, :, :, None]).view(index.shape)
        return products


def _blocks(field: Tensor) -> Tensor:
    """(blocks, cells, C) from (H, W, C), the last rows and columns repeated to whole blocks."""
    height, width = field.shape[:2]
    rows = torch.arange(-(-height // _BLOCK) * _BLOCK, device=field.device).clamp(max=height - 1)
    columns = torch.arange(-(-width // _BLOCK) * _BLOCK, device=field.device).clamp(max=width - 1)
    whole = field[rows][:, columns]
    blocks = whole.view(len(rows) // _BLOCK, _BLOCK, len(columns) // _BLOCK, _BLOCK, -1).transpose(1, 2)
    return blocks.reshape(-1, _BLOCK * _BLOCK, field.shape[-1])
