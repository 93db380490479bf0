"""The provenance map: for every pixel of a frame, in which frame its paint was laid, and where.

The idea the whole engine stands on. A frame's map is its neighbour's map fetched through the motion, so paint itself is
never resampled twice and old mistakes are never painted over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

NOWHERE = -(1 << 31)
"""The birth of pixels that have no paint: no frame's number, which may be negative."""

TEAR = 1.0
"""Neighbours whose displacements differ by more than this many pixels lie on different things."""

_OUTSIDE = 0.5
"""How far past the centres of the border pixels a pixel may come from: their outer edge."""


@dataclass(frozen=True)
class Map:
    """Where the paint of every pixel of one frame comes from.

    Attributes:
        born: (1, 1, H, W) int32, the frame of birth, or `NOWHERE`.
        x: (1, 1, H, W) float32, column in that frame: raster index, pixel centres at whole numbers.
        y: the same for rows, down.
        doubt: (1, 1, H, W) float32 from 0 up, what speaks against this paint: accumulated since birth.
    """

    born: Tensor
    x: Tensor
    y: Tensor
    doubt: Tensor

    @property
    def alive(self) -> Tensor:
        """(1, 1, H, W) bool: pixels that have paint."""
        return self.born != NOWHERE

    def without(self, dead: Tensor) -> Map:
        """The map with the paint of these pixels, (1, 1, H, W) bool, taken away."""
        column, row = grid(self.born)
        return replace(
            self,
            born=torch.where(dead, NOWHERE, self.born),
            x=torch.where(dead, column, self.x),
            y=torch.where(dead, row, self.y),
            doubt=torch.where(dead, 0.0, self.doubt),
        )

    def reborn(self, newborn: Tensor, frame: int) -> Map:
        """The map with new paint of `frame` on these pixels, (1, 1, H, W) bool."""
        blank = self.without(newborn)
        return replace(blank, born=torch.where(newborn, frame, blank.born))


def grid(like: Tensor) -> tuple[Tensor, Tensor]:
    """Column and row of every pixel of a (1, 1, H, W) tensor, each (1, 1, H, W) float32."""
    height, width = like.shape[-2:]
    column = torch.arange(width, dtype=torch.float32, device=like.device).expand(1, 1, height, width)
    row = torch.arange(height, dtype=torch.float32, device=like.device)[:, None].expand(1, 1, height, width)
    return column.contiguous(), row.contiguous()


def identity(frame: int, painted: Tensor) -> Map:
    """The map of a frame whose paint is its own, on the pixels `painted`, (1, 1, H, W) bool."""
    column, row = grid(painted)
    born = torch.where(painted, frame, NOWHERE).to(torch.int32)
    return Map(born, column, row, torch.zeros_like(column))


def carry(neighbour: Map, motion: Tensor, given: bool = False) -> Map:
    """Fetch the neighbouring frame's map through the motion.

    Births are fetched from the nearest pixel. Places are fetched bilinearly as displacement, and only among neighbours
    that share birth and surface with the nearest, so that two paintings or two things never mix to a third place.

    Args:
        neighbour: map of the frame the motion points into.
        motion: (1, 2, H, W) float32 in pixels, x right, y down: `this(p) ~ neighbour(p + motion(p))`.
        given: whether motion was; then a surface is one also where it turns away and is squeezed: taken from the
            nearest pixels alone, it would be dust when it turns back. Measured motion runs as evenly from one thing
            over to the next.

    Returns:
        The map of this frame; pixels that come from outside have no paint.
    """
    height, width = motion.shape[-2:]
    column, row = grid(neighbour.born)
    there_x, there_y = motion[:, :1] + column, motion[:, 1:] + row
    inside = (there_x >= -_OUTSIDE) & (there_x <= width - 1 + _OUTSIDE)
    inside &= (there_y >= -_OUTSIDE) & (there_y <= height - 1 + _OUTSIDE)
    there_x, there_y = there_x.clamp(-_OUTSIDE, width), there_y.clamp(-_OUTSIDE, height)

    places = torch.cat([neighbour.x - column, neighbour.y - row, neighbour.doubt], 1)
    joined = _joined(neighbour, places[:, :2], there_x, there_y) if given else {}
    births, places = neighbour.born.flatten(), places.flatten(2)[0]

    def at(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        index = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)).long().flatten()
        shape = (1, -1, height, width)
        return births.index_select(0, index).reshape(shape), places.index_select(1, index).reshape(shape)

    born, nearest = at(there_x.round(), there_y.round())
    left, top = there_x.floor(), there_y.floor()
    part_x, part_y = there_x - left, there_y - top
    total = torch.zeros_like(part_x)
    offset = torch.zeros_like(nearest)
    for down, row_weight in ((0, 1 - part_y), (1, part_y)):
        for across, column_weight in ((0, 1 - part_x), (1, part_x)):
            other, place = at(left + across, top + down)
            one = (place[:, :2] - nearest[:, :2]).abs().amax(1, keepdim=True) < TEAR
            if given:
                one |= joined[down, across]
            weight = row_weight * column_weight * ((other == born) & one)
            total = total + weight
            offset = offset + (place - nearest) * weight
    place = nearest + offset / total.clamp_min(1e-6)
    carried = Map(born, there_x + place[:, :1], there_y + place[:, 1:2], place[:, 2:3])
    return carried.without(~inside | (born == NOWHERE))


def _joined(here: Map, place: Tensor, x: Tensor, y: Tensor) -> dict[tuple[int, int], Tensor]:
    """Which of the four pixels around scattered places are joined with the nearest of them, pixel by pixel.

    Args:
        here: a frame's map.
        place: (1, 2, H, W), its displacements.
        x: (1, 1, H, W), columns.
        y: the same for rows.

    Returns:
        (1, 1, H, W) bool by how far down and across of the upper left one.
    """
    height, width = place.shape[-2:]
    across, down = (_goes_on(here.born, place, axis).flatten() for axis in (3, 2))
    left, top = x.floor(), y.floor()

    def at(goes_on: Tensor, right: int, below: int) -> Tensor:
        index = ((top + below).clamp(0, height - 1) * width + (left + right).clamp(0, width - 1)).long()
        return goes_on[index.flatten()].reshape(x.shape)

    lower, right = y.round() > top, x.round() > left
    rows, columns = [at(across, 0, below) for below in (0, 1)], [at(down, beside, 0) for beside in (0, 1)]
    row, other_row = torch.where(lower, rows[1], rows[0]), torch.where(lower, rows[0], rows[1])
    column, other_column = torch.where(right, columns[1], columns[0]), torch.where(right, columns[0], columns[1])
    corner = (row & other_column) | (column & other_row)
    return {
        (below, beside): torch.where(lower == bool(below), row, torch.where(right == bool(beside), column, corner))
        for below in (0, 1)
        for beside in (0, 1)
    }


def _goes_on(born: Tensor, place: Tensor, axis: int) -> Tensor:
    """Whether paint goes on to the next pixel along an axis, (1, 1, H, W) bool.

    It does where the step of the displacement, (1, 2, H, W), is small, or as large as the step before or after it.
    """
    size, found = born.shape[axis], torch.zeros_like(born, dtype=torch.bool)
    if size > 1:
        same = born.narrow(axis, 0, size - 1) == born.narrow(axis, 1, size - 1)
        step = place.diff(dim=axis)
        one = step.abs().amax(1, keepdim=True) < TEAR
        even = step.diff(dim=axis).abs().amax(1, keepdim=True) < TEAR
        even &= same.narrow(axis, 0, size - 2) & same.narrow(axis, 1, size - 2)
        for start in (0, 1):
            one.narrow(axis, start, size - 2).logical_or_(even)
        found.narrow(axis, 0, size - 1).copy_(one & same)
    return found


def borrowed(here: Map, place: Tensor, across: Tensor, down: Tensor) -> Map:
    """The paint of scattered pixels as it would go on beside them.

    Args:
        here: a frame's map.
        place: (N,) int64, the pixels: row times width plus column.
        across: (N,), columns from where the paint is wanted to where it is taken.
        down: the same for rows.

    Returns:
        A map of (1, 1, 1, N).
    """
    born, x, y, doubt = (value.flatten()[place][None, None, None] for value in vars(here).values())
    return Map(born, x - across, y - down, doubt)


def stretch(here: Map) -> Tensor:
    """How much the paint is stretched or squeezed.

    Args:
        here: a frame's map.

    Returns:
        (1, 1, H, W) float32, the absolute natural logarithm of the change of length along the worse axis; 0 where
        paint lies as it was laid, and across borders between births.
    """
    worst = torch.zeros_like(here.x)
    for axis in (-1, -2):
        size = here.born.shape[axis]
        before = torch.arange(size, device=here.born.device).sub(1).clamp_min(0)
        after = torch.arange(size, device=here.born.device).add(1).clamp_max(size - 1)
        step = (after - before).reshape((-1, 1) if axis == -2 else (-1,))

        def across(values: Tensor, axis: int = axis, before: Tensor = before, after: Tensor = after) -> Tensor:
            return values.index_select(axis % 4, after) - values.index_select(axis % 4, before)

        one = (across(here.born) == 0) & (here.born.index_select(axis % 4, before) == here.born)
        length = torch.sqrt(across(here.x) ** 2 + across(here.y) ** 2) / step
        change = length.clamp(1e-2, 1e2).log().abs()
        worst = torch.maximum(worst, torch.where(one, change, torch.zeros_like(change)))
    return worst


def over(upper: Map, lower: Map) -> Map:
    """The upper map, and the lower where the upper has no paint."""
    alive = upper.alive
    parts = {name: torch.where(alive, value, vars(lower)[name]) for name, value in vars(upper).items()}
    return Map(**parts)
