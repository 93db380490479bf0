"""What only grain makes move is held to the motion of its surroundings, where these move as one."""

from __future__ import annotations

import cv2
import numpy as np

from impasto.server.models.flow.candidates import Array, luma, mean, moved
from impasto.server.models.flow.planes import Exact, halved

_RADIUS = 5
"""Of the square that tells of a pixel's motion, on the grid of half size, as all here."""

_LIGHT = 8
"""Radius of the mean that is taken out of differences: another light is no motion."""

_SLOPES_OF_NOISE = 0.1
"""Most of the energy of slopes that what differs makes by itself, in shares of the energy of what differs."""

_CLEAN = 0.003
"""Standard deviation of what always differs."""

_MOST = 100.0
"""What one pixel can tell of its surroundings' motion at most: one part in as many square pixels."""

_SIMILAR, _FAR = 10.0, 20000.0
"""Steps of 255 of colour across which surroundings end, and how far they reach: weight of smoothness."""

_SURE = 0.02
"""Pixels by which what moves as one moves otherwise all the same."""

_ONE = 0.3
"""Pixels within which surroundings must move as one."""


def steadied(first: Array, second: Array, motion: Array) -> Array:
    """Motion that hears its surroundings where the pictures tell nothing of it.

    In a clear sky under grain every motion fits as well as any other. How much a square tells follows from the slopes
    in it and from what differs along the motion (the information of a registration: Lucas and Kanade 1981), for each
    direction; slopes that the difference makes by itself tell nothing. Surroundings are averaged as far as colours are
    alike (Min et al. 2014, "Fast Global Image Smoothing Based on Weighted Least Squares"), each pixel counting for what
    it tells. Where they move as one, the two are mixed by what each tells; where they do not, the motion is kept.

    Args:
        first: (H, W, 3) float32, display-like, 16 pixels or more each way.
        second: the other picture.
        motion: (H, W, 2) float32 from first to second.

    Returns:
        (H, W, 2) float32.
    """
    here, there = (cv2.GaussianBlur(halved(luma(picture)), (0, 0), 0.5) for picture in (first, second))
    small = halved(motion) * np.float32(0.5)
    told, least = _told(here, there, small)
    usual, spread = _surroundings(halved(cv2.GaussianBlur(first, (0, 0), 1.5)), small, np.minimum(least, _MOST) + 1e-6)
    hold = np.maximum(1 / (spread + _SURE**2) - 1 / _ONE**2, 0)
    xx, xy, yy = told[..., 0] + hold + 1e-3, told[..., 1], told[..., 2] + hold + 1e-3
    pull = hold[..., None] * (usual - small)
    determinant = xx * yy - xy * xy
    step = np.dstack([yy * pull[..., 0] - xy * pull[..., 1], xx * pull[..., 1] - xy * pull[..., 0]])
    step = (2 * step / determinant[..., None]).astype(np.float32)
    return motion + np.asarray(cv2.resize(step, motion.shape[1::-1]), np.float32)


def _told(first: Array, second: Array, motion: Array) -> tuple[Exact, Exact]:
    """What each square tells, (h, w, 3): a matrix xx, xy, yy in 1 / square pixels; and its smaller eigenvalue."""
    there = moved(second, motion)
    x, y = (cv2.Sobel((first + there) / 2, cv2.CV_64F, dx, 1 - dx, ksize=3, scale=0.125) for dx in (1, 0))
    apart = (first - there).astype(np.float64)
    noise = mean((apart - mean(apart, _LIGHT)) ** 2, _RADIUS) + _CLEAN**2
    xx, xy, yy = (mean(product, _RADIUS) for product in (x * x, x * y, y * y))
    middle, apart_by = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy) + 1e-12
    large, least = (np.maximum(middle + way * apart_by - _SLOPES_OF_NOISE * noise, 0) for way in (1, -1))
    along = (large - least) / (2 * apart_by)
    half = (large + least) / 2
    told = np.dstack([half + along * (xx - yy) / 2, along * xy, half - along * (xx - yy) / 2])
    share = (2 * _RADIUS + 1) ** 2 / noise
    return told * share[..., None], least * share


def _surroundings(guide: Array, motion: Array, weight: Exact) -> tuple[Exact, Exact]:
    """Mean motion (h, w, 2) of what is alike around each pixel, and its variance (h, w)."""
    colour = np.asarray(np.clip(guide * 255 + 0.5, 0, 255), np.uint8)
    smoother = cv2.ximgproc.createFastGlobalSmootherFilter(colour, _FAR, _SIMILAR)
    u, v = motion[..., 0].astype(np.float64), motion[..., 1].astype(np.float64)
    parts = (weight, weight * u, weight * v, weight * (u * u + v * v))
    total, mu, mv, squares = (smoother.filter(part.astype(np.float32)).astype(np.float64) for part in parts)
    mu, mv = mu / total, mv / total
    return np.dstack([mu, mv]), np.maximum(squares / total - mu * mu - mv * mv, 0)
