"""Taking out what stays with the screen: noise that is the same in both pictures while the things behind it move."""

from __future__ import annotations

import cv2
import numpy as np

from impasto.server.models.flow.candidates import Array, luma, mean, moved, stretched, summed

_BAND = 1.0
"""Pixels of blur above which detail is looked at."""

_RADIUS = 10
"""Of the square over which likeness is measured."""

_COARSE = 2.0
"""Pixels of blur of the pictures in which the large motion is measured."""

_STILL = 0.5
"""Pixels of motion up to which everything may stand."""

_SURPLUS = 0.1
"""How much more alike detail must be in place than along the motion before it counts as pinned."""


def unpinned(first: Array, second: Array) -> tuple[Array, Array]:
    """Both pictures without noise that does not move with them.

    A renderer whose seed is locked, or a sensor, lays one pattern over every frame. Where the blurred pictures move and
    fine detail is more alike in place than along that motion, what the pictures share in place is taken out.

    Args:
        first: (H, W, 3) float32, display-like, 16 pixels or more each way.
        second: the other picture.

    Returns:
        Both, (H, W, 3) float32; the order of the arguments does not matter to a picture's values.
    """
    there, back = _coarse(first, second)
    fine, other = (picture - cv2.GaussianBlur(picture, (0, 0), _BAND) for picture in (first, second))
    in_place = mean(summed(fine * other), _RADIUS) / (mean(summed(fine**2 + other**2), _RADIUS) / 2 + np.float32(1e-8))
    along = np.maximum(_likeness(fine, moved(other, there)), _likeness(other, moved(fine, back)))
    speed = np.minimum(*(cv2.magnitude(motion[..., 0], motion[..., 1]) for motion in (there, back)))
    pinned = np.clip((in_place - along - _SURPLUS) / 0.2, 0, 1) * np.clip(speed - _STILL, 0, 1)
    shared = (np.clip(in_place, 0, 1) * pinned)[..., None] * (fine + other) / 2
    return (first - shared).astype(np.float32), (second - shared).astype(np.float32)


def _likeness(one: Array, other: Array) -> Array:
    """Correlation of two pictures of mean 0 around each pixel."""
    energy = mean(summed(one**2), _RADIUS) * mean(summed(other**2), _RADIUS)
    return (mean(summed(one * other), _RADIUS) / np.sqrt(energy + np.float32(1e-12))).astype(np.float32)


def _coarse(first: Array, second: Array) -> tuple[Array, Array]:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(2)
    search.setUseMeanNormalization(False)
    a, b = stretched(*(cv2.GaussianBlur(luma(picture), (0, 0), _COARSE) for picture in (first, second)))
    there: Array = search.calc(a, b, None)
    back: Array = search.calc(b, a, None)
    return there, back
