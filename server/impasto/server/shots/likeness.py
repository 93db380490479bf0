"""How far two frames can be of one shot: small pictures compared by content, by outline and along their motion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

WIDTH = 192
"""Columns of a small picture at most."""

BLANK = 0.06
"""A picture whose tones span less than this, of 0..1, shows nothing: black, white, or a wall."""

_TONES = np.array([0.299, 0.587, 0.114], np.float32)
_SMALL = 12
"""Sides below which no motion is measured."""


@dataclass(frozen=True, eq=False)
class Small:
    """A frame made small.

    Attributes:
        picture: (h, w, 3) float32 RGB, display-like 0..1, `WIDTH` columns at most.
    """

    picture: Array

    @classmethod
    def of(cls, linear: Array, exposure: float) -> Small:
        """A frame from scene-linear RGB.

        Args:
            linear: (3, H, W) float32, scene-linear.
            exposure: brings mid-grey to 0.18; the same for every frame that is compared.
        """
        _, height, width = linear.shape
        scale = min(1.0, WIDTH / width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        reduced = np.ascontiguousarray(linear.transpose(1, 2, 0), np.float32)
        if size != (width, height):
            reduced = cv2.resize(np.minimum(reduced * np.float32(exposure), 4), size, interpolation=cv2.INTER_AREA)
        else:
            reduced = reduced * np.float32(exposure)
        return cls(np.clip(reduced, 0, 1) ** np.float32(1 / 2.2))

    @cached_property
    def blank(self) -> bool:
        """Whether nothing can be seen."""
        low, high = np.percentile(self.picture @ _TONES, (1, 99))
        return bool(high - low < BLANK)

    @cached_property
    def grey(self) -> Array:
        """(h, w) uint8, tones stretched over the whole range, so that a change of light is none."""
        tones = self.picture @ _TONES
        low, high = np.percentile(tones, (1, 99))
        return np.asarray(np.clip((tones - low) / max(high - low, BLANK), 0, 1) * 255, np.uint8)

    @cached_property
    def colours(self) -> Array:
        """(h, w, 3) float32: hue, saturation and value, 0..180 and 0..255."""
        return np.asarray(cv2.cvtColor((self.picture * 255).astype(np.uint8), cv2.COLOR_RGB2HSV), np.float32)

    @cached_property
    def outline(self) -> Array:
        """(256,) bool: signs of the lowest cosines of a picture of 32 pixels a side about their median."""
        tiny = cv2.resize(self.grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
        lowest = cv2.dct(tiny)[:16, :16].ravel()
        return np.asarray(lowest > np.median(lowest))

    @cached_property
    def sharpness(self) -> tuple[float, float]:
        """Mean absolute slope of the stretched tones, across and down: a fast camera takes away one of them."""
        tones = self.grey.astype(np.float32)
        across, down = np.abs(np.diff(tones, axis=1)), np.abs(np.diff(tones, axis=0))
        return (float(across.mean()), float(down.mean())) if across.size and down.size else (1.0, 1.0)


def content(first: Small, second: Small) -> float:
    """Mean absolute difference of hue, saturation and value, 0..255."""
    return float(np.abs(first.colours - second.colours).mean())


def outlines(first: Small, second: Small) -> float:
    """Share of the outline's signs that differ, 0..1; a half where there is nothing in common."""
    return float((first.outline != second.outline).mean())


def likeness(first: Small, second: Small) -> float:
    """How much of the one picture is found again in the other, 0..1.

    The structural similarity (Wang et al. 2004) of the first picture and the second fetched along the motion, where
    motion there and back agree; 0 where they do not. Light is taken out of both first.
    """
    a, b = first.grey, second.grey
    if a.shape != b.shape:
        return 0.0
    if min(a.shape) < _SMALL:
        return float(1 - np.abs(a.astype(np.float32) - b).mean() / 255)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    out, home = search.calc(a, b, None), search.calc(b, a, None)
    back = _fetched(home, out)
    lengths = np.square(out).sum(-1) + np.square(back).sum(-1)
    agree = np.square(out + back).sum(-1) < 0.01 * lengths + 0.5
    return float((_similarity(a, _fetched(b, out)) * agree).mean())


def _fetched(picture: Array, motion: Array) -> Array:
    height, width = motion.shape[:2]
    x = motion[..., 0] + np.arange(width, dtype=np.float32)
    y = motion[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _similarity(first: Array, second: Array) -> Array:
    """Contrast and structure of two 8-bit pictures, -1..1 a pixel."""
    a, b = first.astype(np.float32) / 255, second.astype(np.float32) / 255

    def mean(values: Array) -> Array:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), 2.0))

    at_a, at_b = mean(a), mean(b)
    both = mean(a * b) - at_a * at_b
    spread = mean(a * a) - at_a * at_a + mean(b * b) - at_b * at_b
    return np.asarray((2 * both + 9e-4) / (spread + 9e-4))
