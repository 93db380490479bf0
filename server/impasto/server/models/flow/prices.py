"""What it costs to believe a motion: how unlike two pictures look along it, averaged over what belongs together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.server.models.flow.candidates import Array, luma
from impasto.server.models.flow.planes import doubled, halved

Eight = NDArray[np.uint8]

_FINE = ((1, 0), (0, 1), (1, 1), (1, -1))
_COARSE = ((2, 0), (0, 2), (2, 2), (2, -2))
"""Neighbours a pixel is compared with, in the picture and in its blurred copy."""

_BLUR = 1.2
_STEP = 0.02
"""A difference of luma this large makes seven tenths of a full vote."""

_ORDER, _COLOUR = 0.7, 0.3
"""The most that order and colour can cost."""

_OUTSIDE = 0.5
"""Price of what leaves the picture."""

_NEAR, _WIDE = 4, 16
"""Radii of the averages on the grid of half size; at full size the near one serves."""

_HEARSAY = 0.05
"""What pixels that the other picture does not show count in averages: their prices tell nothing."""

_TAPS = np.arange(-3, 5) - 0.5
_LANCZOS = (np.sinc(_TAPS) * np.sinc(_TAPS / 4) / (np.sinc(_TAPS) * np.sinc(_TAPS / 4)).sum()).astype(np.float32)
"""Lanczos' kernel of four lobes, half-way between two pixels."""

_EDGE = 2e-3 * 255 * 255
"""Variance of 8-bit colour from which an edge is kept."""


@dataclass(frozen=True)
class _Feature:
    """8-bit channels, (H, W, C), the share of a channel's difference that counts, and the price of one of 255 steps."""

    values: Eight
    share: float
    price: float


@dataclass(frozen=True)
class _Average:
    """A guided filter, what each pixel counts in it, and the same filtered."""

    guide: Any
    share: Array
    filtered: Array

    def of(self, price: Array) -> Array:
        average: Array = self.guide.filter(price * self.share) / self.filtered
        return np.clip(average, 0, 1)  # the filter's lines overshoot


@dataclass(frozen=True)
class _Expected:
    """What planes are expected to be like; see `Prices.expect`."""

    motions: list[Array]
    price: float
    reach: float

    def price_of(self, planes: Array) -> Array:
        u, v = planes[..., 0], planes[..., 1]
        apart = np.full(u.shape, self.reach * self.reach, np.float32)
        for motion in self.motions:
            apart = np.minimum(apart, (u - motion[..., 0]) ** 2 + (v - motion[..., 1]) ** 2)
        cost: Array = np.sqrt(apart) * np.float32(self.price / self.reach)
        return cost


class Prices:
    """Prices of motion from one picture to another, 0..1.

    Every pixel is compared with its neighbours, softly between darker and lighter, in the picture and in a blurred one;
    what changes in that order along a motion costs, whatever gain and offset lie between the pictures (a soft census:
    Hafner et al. 2013, "Why Is the Census Transform Good for Robust Optic Flow Computation?"). Differences of colour
    cost too, up to a limit. Prices are averaged by guided filters of two sizes, so that they stay on their side of an
    edge (Rhemann et al. 2011, "Fast Cost-Volume Filtering for Visual Correspondence and Beyond").

    Args:
        first: (H, W, 3) float32, display-like, H and W even, 16 at least.
        second: the other picture.
        grain: standard deviation of grain; three times of it, or less, is no difference of colour.
    """

    def __init__(self, first: Array, second: Array, grain: float) -> None:
        self._here = _features(first, grain)
        self._there = [_twice(feature.values) for feature in _features(second, grain)]
        rows, columns = np.indices(first.shape[:2], dtype=np.float32)
        self._rows, self._columns = rows, columns
        small = halved(cv2.GaussianBlur(first, (0, 0), 1.8 if grain >= 0.004 else 0.8))
        self._near, self._wide = (_guided(small, radius) for radius in (_NEAR, _WIDE))
        self._full = _guided(cv2.GaussianBlur(first, (0, 0), 0.8), _NEAR)

        self.believe(np.ones(small.shape[:2], np.float32))
        self._expected: list[_Expected] = []
        self._heard: list[_Expected] = []

    def believe(self, visible: Array) -> None:
        """Say which pixels the other picture shows too: prices are averaged over these.

        The true motion of what is hidden there is as dear as any, and would make that of the surface around it dear.

        Args:
            visible: (H / 2, W / 2), 0..1, on the planes' grid.
        """
        counts = _HEARSAY + np.float32(1 - _HEARSAY) * visible
        whole = cv2.resize(counts, self._rows.shape[::-1])
        self._averages = tuple(
            _Average(guide, share, np.maximum(guide.filter(share), _HEARSAY))
            for guide, share in ((self._near, counts), (self._wide, counts), (self._full, whole))
        )

    def expect(self, motions: list[Array], price: float, reach: float) -> None:
        """Say what planes are expected to be like: one of these; what was said before holds too.

        Args:
            motions: (H / 2, W / 2, 2) each, on the planes' grid.
            price: of a plane that parts from the nearest of them by `reach` or more; less in proportion.
            reach: pixels of the grid.
        """
        self._expected.append(_Expected(motions, price, reach))

    def hear(self, motion: Array, price: float, reach: float) -> None:
        """Expect what another estimator says, which large surfaces must heed too; arguments as of `expect`."""
        self._heard.append(_Expected([motion], price, reach))

    def unheard(self, planes: Array) -> Array:
        """Price of parting from what other estimators say, (H / 2, W / 2); 0 where nobody was heard."""
        return sum((heard.price_of(planes) for heard in self._heard), np.zeros(planes.shape[:2], np.float32))

    def of_planes(self, planes: Array) -> Array:
        """Price of planes (H / 2, W / 2, 6) on their grid, (H / 2, W / 2)."""
        price = self.pixelwise(planes)
        near, wide, _ = self._averages
        average: Array = 0.5 * (near.of(price) + wide.of(price))
        for expected in (*self._heard, *self._expected):
            average += expected.price_of(planes)
        return average

    def pixelwise(self, planes: Array) -> Array:
        """Price of planes, every pixel of their grid by itself, (H / 2, W / 2)."""
        return halved(self._pixelwise(doubled(planes)))

    def of_motion(self, motion: Array) -> Array:
        """Price of motion (H, W, 2), (H, W)."""
        return self._averages[2].of(self._pixelwise(motion))

    def _pixelwise(self, motion: Array) -> Array:
        height, width = motion.shape[:2]
        x, y = motion[..., 0] + self._columns, motion[..., 1] + self._rows
        twice_x, twice_y = 2 * x, 2 * y
        price = np.zeros((height, width), np.float32)
        for here, there in zip(self._here, self._there, strict=True):
            moved = cv2.remap(there, twice_x, twice_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            apart = cv2.absdiff(here.values, moved)
            total = cv2.transform(apart, np.full((1, apart.shape[-1]), here.share, np.float32))
            price += total * np.float32(here.price)
        price[(x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)] = _OUTSIDE
        return price


def _features(picture: Array, grain: float) -> list[_Feature]:
    grey = luma(picture)
    colour = _eight(picture * 255)
    full_price = 3 * max(0.04, 3 * grain)  # sum of the channels' differences that costs all that colour can
    features = [_Feature(colour, 1 / full_price, _COLOUR / 255)]
    for values, neighbours in ((grey, _FINE), (cv2.GaussianBlur(grey, (0, 0), _BLUR), _COARSE)):
        votes = [_votes(values, across, down) for across, down in neighbours]
        features.append(_Feature(np.dstack(votes), 1 / len(votes), _ORDER / 2 / 255))
    return features


def _twice(values: Eight) -> Eight:
    """A feature on a grid twice as fine, on which linear interpolation hardly dulls it.

    Interpolated between whole pixels noise is dulled, and grain would make half pixels cheap.
    """
    fine = np.empty((2 * values.shape[0] - 1, 2 * values.shape[1] - 1, values.shape[2]), np.uint8)
    across, down = (_between(values, kernel) for kernel in (_LANCZOS[None], _LANCZOS[:, None]))
    fine[::2, ::2] = values
    fine[::2, 1::2] = np.clip(across, 0, 255)[:, :-1]
    fine[1::2, ::2] = np.clip(down, 0, 255)[:-1]
    fine[1::2, 1::2] = np.clip(_between(across, _LANCZOS[:, None]), 0, 255)[:-1, :-1]
    return fine


def _between(values: NDArray[Any], kernel: Array) -> NDArray[np.int16]:
    """Values half a pixel on, along the kernel."""
    anchor = max(0, kernel.shape[1] // 2 - 1), max(0, kernel.shape[0] // 2 - 1)
    found = cv2.filter2D(values, cv2.CV_16S, kernel, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.int16)


def _votes(values: Array, across: int, down: int) -> Eight:
    """How far the neighbour is lighter, 0..255: 0 far darker, 128 the same."""
    height, width = values.shape
    reach = 4
    padded = cv2.copyMakeBorder(values, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    step = padded[reach + down :, reach + across :][:height, :width] - values
    return _eight(127.5 + 127.5 * step / np.sqrt(step * step + np.float32(_STEP * _STEP)))


def _guided(guide: Array, radius: int) -> Any:
    radius = min(radius, min(guide.shape[:2]) // 2 - 1)
    return cv2.ximgproc.createGuidedFilter(_eight(guide * 255), max(1, radius), _EDGE)


def _eight(values: Array) -> Eight:
    return np.asarray(np.clip(values + np.float32(0.5), 0, 255), np.uint8)
