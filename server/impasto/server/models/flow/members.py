"""Which pixels belong to a large surface: those of which the pictures hardly say otherwise, where it is seen around."""

from __future__ import annotations

import cv2
import numpy as np

from impasto.server.models.flow.candidates import Array
from impasto.server.models.flow.planes import Exact, fitted, halved, inside
from impasto.server.models.flow.prices import Eight, Prices
from impasto.server.models.flow.surfaces import agreeing, planes_of

_RADIUS, _EDGE = 4, 2e-3 * 255 * 255
"""Of the guided filter over which prices are compared: its radius, the variance of 8-bit colour that keeps an edge."""

_SIMILAR, _FAR = 10.0, 1000.0
"""Steps of 255 of colour across which surroundings end, and how far they reach: weight of smoothness."""

_DEARER = 0.7
"""How much dearer a surface may be, in deviations of a single pixel's price, where all around is its own."""

_SETTLED = 0.5
"""The share of that which is lost where motion is believed and goes with its neighbours' as it is."""

_NEIGHBOURS = 12
"""Radius of the square of neighbours."""

_STEP = 0.002
"""What 8 bits make of a price: what is cheaper by less is no cheaper."""


def joined(prices: Prices, first: Array, planes: Array, believed: Array, homographies: list[Exact]) -> Array:
    """Planes of which those that might as well be a large surface's are that surface's.

    The cheapest of many planes is cheapest by chance too, and dearer in truth. What belongs to few large surfaces is
    likelier than a crumb of its own (Isack and Boykov 2012, "Energy-Based Geometric Multi-Model Fitting"); so a surface
    may be dearer than a pixel's plane, the more so the more pixels around of like colour move by it already, as long as
    the difference is small beside what it varies by from pixel to pixel. Where nothing varies the pictures tell nothing
    and planes are kept, as they are where they leave the picture. What another estimator says counts for surfaces too.

    Args:
        prices: of this direction.
        first: (H, W, 3) float32, display-like.
        planes: (H / 2, W / 2, 6).
        believed: (H / 2, W / 2) 0..1.
        homographies: of surfaces, in this direction.

    Returns:
        (H / 2, W / 2, 6).
    """
    guide, colours = (_eight(halved(cv2.GaussianBlur(first, (0, 0), blur))) for blur in (0.8, 1.5))
    near = cv2.ximgproc.createGuidedFilter(guide, min(_RADIUS, min(believed.shape) // 2 - 1), _EDGE)
    far = cv2.ximgproc.createFastGlobalSmootherFilter(colours, _FAR, _SIMILAR)
    motion = np.ascontiguousarray(planes[..., :2])
    settled = near.filter(agreeing(motion, fitted(motion, believed, _NEIGHBOURS)[..., :2], believed))
    allowance = np.float32(_DEARER) * (1 - np.float32(_SETTLED) * np.clip(settled, 0, 1))
    total = far.filter(believed) + np.float32(0.02)
    price, within = prices.pixelwise(planes) + prices.unheard(planes), inside(motion)
    best, taken = np.zeros_like(believed), planes
    for homography in homographies:
        surface = planes_of(homography, *believed.shape)
        there = np.ascontiguousarray(surface[..., :2])
        share = np.maximum(far.filter(agreeing(motion, there, believed)) / total, 0)
        dearer = (prices.pixelwise(surface) + prices.unheard(surface) - price) * within * inside(there)
        varies = np.sqrt(np.maximum(near.filter(dearer**2), 0) + np.float32(1e-6))
        score = (near.filter(dearer) + np.float32(_STEP)) / varies - allowance * np.sqrt(share)
        better = score < best
        best = np.where(better, score, best)
        taken = np.where(better[..., None], surface, taken)
    return taken


def _eight(values: Array) -> Eight:
    return np.asarray(np.clip(values * 255 + np.float32(0.5), 0, 255), np.uint8)
