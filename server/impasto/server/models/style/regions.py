"""Which rectangles of a picture to work on so that little is done for little newborn paint."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TILE = 64
"""Side of a tile of the fixed grid from the picture's upper left, in pixels."""

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, the last two just past the end."""


def boxes(where: Tensor) -> list[Box]:
    """Disjoint rectangles of tiles that cover all pixels of `where`, from the top, then from the left.

    Tiles side by side are joined to a run, equal runs of following rows to one rectangle; each depends on `where`
    alone.

    Args:
        where: (1, 1, H, W) bool.

    Returns:
        Rectangles within the picture.
    """
    height, width = where.shape[-2:]
    marked = F.max_pool2d(F.pad(where.float(), (0, -width % TILE, 0, -height % TILE)), TILE)[0, 0] > 0
    open_runs: dict[tuple[int, int], int] = {}
    found: list[Box] = []

    def close(run: tuple[int, int], first: int, last: int) -> None:
        found.append((run[0] * TILE, first * TILE, min(run[1] * TILE, width), min(last * TILE, height)))

    for row, tiles in enumerate(marked):
        runs = _runs(tiles)
        for run in [run for run in open_runs if run not in runs]:
            close(run, open_runs.pop(run), row)
        for run in runs:
            open_runs.setdefault(run, row)
    for run, first in open_runs.items():
        close(run, first, len(marked))
    return sorted(found, key=lambda box: (box[1], box[0]))


def _runs(tiles: Tensor) -> list[tuple[int, int]]:
    edges = torch.diff(F.pad(tiles.int(), (1, 1)))
    return list(zip((edges > 0).nonzero()[:, 0].tolist(), (edges < 0).nonzero()[:, 0].tolist(), strict=True))


def joined(found: list[Box], margin: int, height: int, width: int) -> list[Box]:
    """The same area in fewer rectangles, wherever working on two as one with their surroundings is no more work.

    Args:
        found: rectangles, as `boxes` gives them.
        margin: pixels of surroundings that each needs, see `widen`.
        height: of the picture.
        width: of the picture.

    Returns:
        Rectangles that cover those given; they may overlap.
    """

    def area(box: Box) -> int:
        x0, y0, x1, y1 = widen(box, margin, height, width)
        return (x1 - x0) * (y1 - y0)

    left = list(found)
    again = True
    while again:
        again = False
        for first in range(len(left)):
            for second in range(first + 1, len(left)):
                one, two = left[first], left[second]
                both = (min(one[0], two[0]), min(one[1], two[1]), max(one[2], two[2]), max(one[3], two[3]))
                if area(both) <= area(one) + area(two):
                    left[first] = both
                    del left[second]
                    again = True
                    break
            if again:
                break
    return left


def widen(box: Box, margin: int, height: int, width: int) -> Box:
    """The rectangle with `margin` pixels of its surroundings, within a picture of this size."""
    x0, y0, x1, y1 = box
    return max(x0 - margin, 0), max(y0 - margin, 0), min(x1 + margin, width), min(y1 + margin, height)
