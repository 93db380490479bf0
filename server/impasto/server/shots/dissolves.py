"""Dissolves: frames that are mixtures of a shot that goes and another that comes.

A mixture of two pictures that know nothing of each other is flatter than both: its energy falls and rises again along a
parabola, however things move in either shot. And but for that motion it is the one end's picture plus a growing share
of their difference. A camera that travels or loses focus does neither, or ends at what it began with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SHORTEST, LONGEST = 4, 50
"""Frames in which both shots show."""

_COLUMNS, _ROWS = 16, 9
_MISFIT = 0.3
_DIP = 0.2
_RESIDUE = 0.6
_RELATED = 0.75
_BACKWARDS = 0.15


@dataclass(frozen=True, eq=False)
class Glance:
    """What is kept of a frame.

    Attributes:
        coarse: (values,) float32, the picture at 16 x 9.
        energy: mean squared slope of the display-like picture.
    """

    coarse: Array
    energy: float

    @classmethod
    def at(cls, picture: Array) -> Glance:
        """Of a display-like picture (h, w, 3) float32."""
        coarse = cv2.resize(picture, (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA)
        across, down = np.diff(picture, axis=1), np.diff(picture, axis=0)
        energy = sum(float(np.square(slope).mean()) for slope in (across, down) if slope.size)
        return cls(coarse.ravel(), energy)


def find(glances: Sequence[Glance], unlike: Callable[[int, int], bool]) -> list[tuple[int, int]]:
    """Find dissolves.

    Args:
        glances: of every frame.
        unlike: whether two frames, by place, have nothing in common.

    Returns:
        Of each the first and the last place in which both shots show, ascending, none overlapping.
    """
    energies = np.array([glance.energy for glance in glances])
    found: list[tuple[int, int]] = []
    for _, before, after in sorted(_parabolas(energies)):
        if any(first - 2 <= after and before <= last + 2 for first, last in found):
            continue
        if _mixture(np.stack([glance.coarse for glance in glances[before : after + 1]])) and unlike(before, after):
            found.append((before + 1, after - 1))
    return sorted(found)


def _parabolas(energies: Array) -> list[tuple[float, int, int]]:
    """Misfit, last place before and first place after of every window whose energy runs as a dissolve's."""
    found = []
    for length in range(SHORTEST, LONGEST + 1):
        steps = length + 1
        if len(energies) <= steps:
            break
        windows = np.lib.stride_tricks.sliding_window_view(energies, steps + 1)
        share = np.linspace(0, 1, steps + 1)
        start, end = windows[:, :1], windows[:, -1:]
        straight = (1 - share) * start + share * end
        depth = straight - windows
        model = straight - ((1 - share) ** 2 * start + share**2 * end)
        deepest = model.max(1)
        misfit = np.sqrt(np.square(depth - model).mean(1)) / np.maximum(deepest, 1e-9)
        good = (misfit < _MISFIT) & (deepest > _DIP * straight.mean(1))
        found += [(float(misfit[s]), int(s), int(s) + steps) for s in np.flatnonzero(good)]
    return found


def _mixture(window: Array) -> bool:
    """Whether pictures, (n, values), run from the first to the last as mixtures of the two."""
    first, last = window[0], window[-1]
    difference = last - first
    size = float(difference @ difference)
    if size < 1e-3 * len(first) or _related(first, last) > _RELATED:
        return False
    shares = (window - first) @ difference / size
    residue = window - first - shares[:, None] * difference
    worst = float(np.sqrt((residue * residue).sum(1).max() / size))
    return worst < _RESIDUE and bool((np.diff(shares) > -_BACKWARDS).all())


def _related(first: Array, second: Array) -> float:
    """Correlation of two pictures, -1..1; a change of light leaves it at 1."""
    a, b = first - first.mean(), second - second.mean()
    return float(a @ b / max(np.sqrt(float(a @ a) * float(b @ b)), 1e-6))
