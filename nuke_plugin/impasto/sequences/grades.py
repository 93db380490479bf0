"""Frames of a review, graded by their numbers: green, yellow or red."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FIGURES = {
    "error": "mean squared change of what was painted along the shot's own motion from the frame before, shaped values",
    "plate_error": "the same of the plate",
    "alone_error": "the same of each frame painted alone",
    "error_ratio": "error relative to plate_error",
    "carried": "share of the pixels whose paint was laid in another frame",
    "filled": "share of the pixels painted in this very frame by no key, where the frame before shows anything of it",
    "newborn": "share of the pixels painted in this very frame",
    "age": "mean distance in frames to where paint was laid",
    "occluded": "share of the pixels that the frame before does not show",
    "relight_low": "stops by which the plate is darker than at birth, 2nd percentile over carried paint",
    "relight_high": "stops by which the plate is brighter than at birth, 98th percentile",
    "cut": "1 where nothing comes from the frame before, else 0",
}
"""The numbers of a painted frame and what they mean; each is an attribute `impasto/NAME` of its file."""

LESS_IS_WORSE = frozenset({"carried", "relight_low"})
"""Figures of which small values are bad."""

GRADES = ("green", "yellow", "red")


@dataclass(frozen=True)
class Threshold:
    """From where on a frame is yellow or red.

    Attributes:
        figure: a name of `FIGURES`.
        yellow: from here on yellow; None never.
        red: from here on red; None never.
        below: whether small values are bad rather than large ones.
    """

    figure: str
    yellow: float | None
    red: float | None
    below: bool = False


DEFAULTS = (Threshold("error_ratio", 3.0, 10.0), Threshold("filled", 0.25, 0.6))
"""Where a job names none: paint that changes far more than the plate does, and frames painted mostly anew."""


def grade(figures: Mapping[str, float], thresholds: Iterable[Threshold]) -> tuple[str, tuple[str, ...]]:
    """The worst grade any threshold gives a frame, and why.

    Args:
        figures: of the frame by name; of a frame of several views `VIEW.NAME`. What is missing is not graded.
        thresholds: to grade by.

    Returns:
        A word of `GRADES`, and a phrase for each threshold crossed, such as `carried 0.31 below 0.5`.
    """
    worst, reasons = 0, []
    for threshold in thresholds:
        for name, value in figures.items():
            if name.rpartition(".")[2] != threshold.figure:
                continue
            place, limit = _place(value, threshold)
            if place:
                worst = max(worst, place)
                reasons.append(f"{name} {value:.4g} {'below' if threshold.below else 'above'} {limit:g}")
    return GRADES[worst], tuple(reasons)


def _place(value: float, threshold: Threshold) -> tuple[int, float]:
    """Place in `GRADES` that one number gives, and the limit it crossed."""
    sign = -1 if threshold.below else 1
    for place, limit in ((2, threshold.red), (1, threshold.yellow)):
        if limit is not None and sign * value > sign * limit:
            return place, limit
    return 0, 0.0
