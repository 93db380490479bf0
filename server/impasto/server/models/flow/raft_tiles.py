"""Motion refined in tiles that go over into each other, from motion known of the whole picture.

Each tile takes that part of the second picture where the motion known expects its pixels, shifted by whole cells, so
that far motion needs no large tile, and both parts lie on the cells they would have in the whole picture.
"""

from __future__ import annotations

from collections.abc import Callable
from types import EllipsisType

import torch
from torch import Tensor

from impasto.server.models.flow.raft import SMALLEST, STRIDE
from impasto.server.models.flow.raft_memory import BLEND, MARGIN, PAD
from impasto.server.ops.tiling import Tile, blending, grid

Box = tuple[int, int, int, int]
"""Rows and columns as half-open ranges: top, bottom, left, right."""

Measure = Callable[[Tensor, Tensor, Tensor, tuple[int, int]], Tensor]
"""(1, 2, h, w) pixels of motion, from a part of the first picture, a part of the second, motion to begin with in pixels
of the first part, and the column and row of the second part's first pixel in the first part."""


def refined(first: Tensor, second: Tensor, start: Tensor, tile: int, measure: Measure) -> Tensor:
    """Motion of the whole picture, tile by tile.

    Args:
        first: (1, 3, H, W), H and W multiples of `STRIDE` and `SMALLEST` at least.
        second: the same of the other picture.
        start: (1, 2, H, W) float32 pixels, the motion known.
        tile: side of what a tile gives back, a multiple of `STRIDE`.
        measure: measures one tile.

    Returns:
        (1, 2, H, W) float32 pixels. Where the motion known leads out of what a tile sees of the second picture, though
        not out of the picture, it stays as it is.
    """
    height, width = first.shape[-2:]
    total = torch.zeros_like(start)
    weights = start.new_zeros(1, 1, height, width)
    for piece in grid(height, width, tile, PAD, STRIDE):
        here = _part(piece.seen)
        begun = start[here]
        there = _expected(piece, start[_part(piece.kept)], height, width)
        origin = (there[2] - piece.seen[2], there[0] - piece.seen[0])
        found = measure(first[here], second[_part(there)], begun, origin)
        seen = _within(begun, piece.seen, there, height, width)
        weight = blending(piece, height, width, BLEND).to(start.device)
        total[here] += weight * torch.where(seen, found, begun)
        weights[here] += weight
    return total / weights


def _part(box: Box) -> tuple[EllipsisType, slice, slice]:
    top, bottom, left, right = box
    return ..., slice(top, bottom), slice(left, right)


def _expected(piece: Tile, start: Tensor, height: int, width: int) -> Box:
    """The part of the second picture, on whole cells, in which the pixels of a tile are expected."""
    across, down = start.flatten(2).median(-1).values[0].tolist()
    top, bottom, left, right = piece.seen
    rows, columns = _span(top, bottom, down, height), _span(left, right, across, width)
    return (*rows, *columns)


def _span(low: int, high: int, shift: float, length: int) -> tuple[int, int]:
    """A range moved by about `shift` and widened by `MARGIN`, within 0..`length` and `SMALLEST` long at least."""
    moved = round(shift / STRIDE) * STRIDE
    low, high = low + moved - MARGIN, high + moved + MARGIN
    low = min(max(low, 0), length - SMALLEST)
    return low, max(min(high, length), low + SMALLEST)


def _within(motion: Tensor, here: Box, there: Box, height: int, width: int) -> Tensor:
    """Whether motion from the part `here` ends in the part `there`, or beyond an edge of the picture that is its own.

    Args:
        motion: (1, 2, h, w) pixels.
        here: rows and columns, half-open.
        there: likewise.
        height: of the picture.
        width: likewise.

    Returns:
        (1, 1, h, w) bool.
    """
    row = motion[:, 1:] + torch.arange(here[0], here[1], device=motion.device)[:, None]
    column = motion[:, :1] + torch.arange(here[2], here[3], device=motion.device)
    inside = torch.ones_like(row, dtype=torch.bool)
    for place, (low, high), length in ((row, there[:2], height), (column, there[2:], width)):
        if low > 0:
            inside &= place >= low
        if high < length:
            inside &= place <= high - 1
    return inside
