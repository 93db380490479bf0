"""Motion of facets: every pixel takes the plane of motion, its own or a neighbour's, that the pictures bear out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from impasto.server.models.card import Model
from impasto.server.models.flow import dis
from impasto.server.models.flow.candidates import Array, agreement, luma
from impasto.server.models.flow.consensus import Consensus, side_by_side
from impasto.server.models.flow.estimator import FlowEstimator
from impasto.server.models.flow.members import joined
from impasto.server.models.flow.pinned import unpinned
from impasto.server.models.flow.planes import continued, doubled, fitted, flat, halved, registered
from impasto.server.models.flow.prices import Prices
from impasto.server.models.flow.steady import steadied
from impasto.server.models.flow.surfaces import surfaces
from impasto.server.models.flow.visibility import reached
from impasto.server.ops.polish import polish

_SMALLEST = 16

_FITS, _REGISTRATIONS = (4, 12, 32), (12, 32)
_FITS_AGAIN, _REGISTRATIONS_AGAIN = (6, 16), (6, 16, 40)
"""Radii of the squares planes are fitted in, and of those they are registered in besides, on the grid of half size."""

_STEPS, _STEPS_AGAIN = (32, 16, 8, 4, 2, 1), (16, 8, 4, 2, 1)
"""How far planes are handed on."""

_AROUND = (1, 2, 4, 8)
"""How far the last choice looks, on the same grid."""

_SETTLED = 8
"""Radius of the last registration, on grainy plates."""

_SURROUNDINGS, _BESIDE = 12, (12, 32)
_REACH = 0.5
_STRAY = 0.06
"""What it costs to part by `_REACH`, on the grid, or more, from the planes of the surroundings of this radius.

Those beside a pixel, so far to each side, count as well as its own: a rim of ground belongs to what lies away from the
thing before it.
"""

_UNHEARD, _FAR_OFF = 0.6, 24.0
"""The same for the other estimator's motion."""

LARGEST = 720
"""Pixels of the shorter side above which planes are sought in a picture of half size, and refined in the whole one."""


@dataclass
class _Way:
    """One direction: its prices, both lumas, planes and their prices on the grid of half size."""

    prices: Prices
    first: Array
    second: Array
    planes: Array
    price: Array

    @property
    def motion(self) -> Array:
        """On the grid of half size."""
        return np.ascontiguousarray(self.planes[..., :2])


class Facets:
    """A `FlowEstimator` of planes.

    Two searches begin (`dis`). Planes are fitted to their vectors around every pixel and registered to the pictures
    themselves, in squares so large that even faint texture under grain tells. Planes are then handed on, far ones first
    (PatchMatch with slanted planes: Bleyer et al. 2011, "PatchMatch Stereo"), and a pixel keeps what is cheapest by
    `Prices`. A second round begins from there, and asks a little more of what parts from its surroundings. Large
    surfaces seen in perspective (`surfaces`) then take what may as well be theirs. The choice is made again at full
    size along borders, and a variational polish ends it.

    Args:
        grain: standard deviation of the plate's grain in display-like units; 0 for none.
        also: another estimator whose motion is offered beside that of the searches.
    """

    def __init__(self, grain: float = 0.0, also: FlowEstimator | None = None) -> None:
        self._grain, self._also = grain, also
        self._search = Consensus((dis.search,), (dis.search,), grain)

    def both(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """See `FlowEstimator.both`."""
        cv2.setNumThreads(1)
        height, width = first.shape[-2:]
        a, b = _array(first), _array(second)
        heard = [] if self._also is None else [_array(motion) for motion in self._also.both(first, second)]
        with ThreadPoolExecutor(2) as pool:
            motions = self._both(pool, a, b, heard)
        onward, homeward = (
            torch.from_numpy(np.ascontiguousarray(motion[:height, :width].transpose(2, 0, 1)))[None]
            for motion in motions
        )
        return onward, homeward

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """See `FlowEstimator.__call__`."""
        return self.both(first, second)[0]

    def _both(self, pool: ThreadPoolExecutor, a: Array, b: Array, heard: list[Array]) -> list[Array]:
        """Motion there and back; `heard` holds that of the other estimator, if any."""
        if min(a.shape[:2]) > LARGEST:
            ways = self._enlarged(pool, a, b, heard)
        else:
            a, b = unpinned(a, b)
            there, back = self._search.searched(pool, a, b)[2:]
            there, back = there + heard[:1], back + heard[1:]
            ways = side_by_side(pool, self._begun, (a, b, there, back), (b, a, back, there))
            for way, motion in zip(ways, heard, strict=False):  # there is none where nobody was asked
                way.prices.hear(halved(motion) * np.float32(0.5), _UNHEARD, _FAR_OFF)
            motions = [way.motion for way in ways]
            side_by_side(pool, self._again, (ways[0], *motions), (ways[1], *reversed(motions)))
            self._join(pool, ways, a, b)
        return side_by_side(pool, self._ended, (ways[0], a, b), (ways[1], b, a))

    @staticmethod
    def _join(pool: ThreadPoolExecutor, ways: list[_Way], a: Array, b: Array) -> None:
        """Let pixels be of large surfaces, which are sought in both directions at once."""
        motions = ways[0].motion, ways[1].motion
        believed = agreement(*motions), agreement(*reversed(motions))
        found = surfaces(pool, (ways[0].first, ways[0].second), motions, believed)
        back = [np.linalg.inv(homography) for homography in found]
        there, home = ways
        there.planes, home.planes = side_by_side(
            pool,
            joined,
            (there.prices, a, there.planes, believed[0], found),
            (home.prices, b, home.planes, believed[1], back),
        )

    def _enlarged(self, pool: ThreadPoolExecutor, a: Array, b: Array, heard: list[Array]) -> list[_Way]:
        """Both directions, found in pictures of half size."""
        small_a, small_b = halved(a), halved(b)
        height, width = small_a.shape[:2]
        half = [_even(halved(motion) * np.float32(0.5)) for motion in heard]
        motions = [motion[:height, :width] for motion in self._both(pool, _even(small_a), _even(small_b), half)]
        there, back = (
            _Way(Prices(first, second, self._grain), small_a, small_b, flat(motion), np.empty(0, np.float32))
            for first, second, motion in ((a, b, motions[0]), (b, a, motions[1]))
        )
        there.prices.believe(reached(back.motion))
        back.prices.believe(reached(there.motion))
        return [there, back]

    def _begun(self, first: Array, second: Array, there: list[Array], back: list[Array]) -> _Way:
        prices = Prices(first, second, self._grain)
        small = [cv2.GaussianBlur(halved(luma(picture)), (0, 0), 0.5) for picture in (first, second)]
        nothing = np.zeros((*small[0].shape, 6), np.float32)
        way = _Way(prices, small[0], small[1], nothing, np.full(nothing.shape[:2], np.inf, np.float32))
        for onward, homeward in zip(there, back, strict=True):
            motion, answer = (halved(found) * np.float32(0.5) for found in (onward, homeward))
            believed = agreement(motion, answer)
            self._offer(way, flat(motion))
            self._offer_around(way, motion, believed, _FITS, _REGISTRATIONS)
        self._hand_on(way, _STEPS)
        return way

    def _again(self, way: _Way, there: Array, back: Array) -> None:
        believed = agreement(there, back)
        way.prices.believe(reached(back))
        way.prices.expect(_surroundings(there, believed), _STRAY, _REACH)
        way.price = way.prices.of_planes(way.planes)
        self._offer_around(way, there, believed, _FITS_AGAIN, _REGISTRATIONS_AGAIN)
        self._hand_on(way, _STEPS_AGAIN)
        if self._grain > 0:
            self._settle(way, believed)

    def _ended(self, way: _Way, first: Array, second: Array) -> Array:
        """The choice between the planes around, at full size; then the last tenth of a pixel."""
        motion = doubled(way.planes)
        best = way.prices.of_motion(motion)
        for far in _AROUND:
            for across, down in _sides(far):
                other = doubled(continued(way.planes, across, down))
                price = way.prices.of_motion(other)
                cheaper = price < best
                best = np.where(cheaper, price, best)
                motion = np.where(cheaper[..., None], other, motion)
        return steadied(first, second, polish(luma(first), luma(second), np.ascontiguousarray(motion)))

    def _settle(self, way: _Way, believed: Array) -> None:
        """Register once more from where each pixel is, and take what is dearer by no more than grain makes it.

        Grain is dulled between whole pixels, which makes half pixels a little cheap; registration does not mind.
        """
        planes = registered(way.first, way.second, way.planes, believed, _SETTLED, rounds=2)
        taken = way.prices.of_planes(planes) < way.price + np.float32(1.5 * self._grain)
        way.planes = np.where(taken[..., None], planes, way.planes)

    @staticmethod
    def _offer(way: _Way, planes: Array) -> None:
        price = way.prices.of_planes(planes)
        cheaper = price < way.price
        way.price = np.where(cheaper, price, way.price)
        way.planes = np.where(cheaper[..., None], planes, way.planes)

    def _offer_around(
        self, way: _Way, motion: Array, believed: Array, fits: tuple[int, ...], registrations: tuple[int, ...]
    ) -> None:
        for radius in sorted({*fits, *registrations}):
            fit = fitted(motion, believed, radius)
            if radius in fits:
                self._offer(way, fit)
            if radius in registrations:
                near = believed / (1 + ((motion - fit[..., :2]) ** 2).sum(-1) / np.float32(0.25))
                self._offer(way, registered(way.first, way.second, fit, near, radius))

    def _hand_on(self, way: _Way, steps: tuple[int, ...]) -> None:
        for far in steps:
            for across, down in _sides(far):
                self._offer(way, continued(way.planes, across, down))


def _surroundings(motion: Array, believed: Array) -> list[Array]:
    """Motion of the planes around every pixel, and of those beside it continued to it."""
    planes = fitted(motion, believed, _SURROUNDINGS)
    beside = [continued(planes, *side) for far in _BESIDE for side in _sides(far)]
    return [np.ascontiguousarray(each[..., :2]) for each in (planes, *beside)]


def _sides(far: int) -> tuple[tuple[int, int], ...]:
    return (far, 0), (-far, 0), (0, far), (0, -far)


def _array(picture: Tensor) -> Array:
    """(H, W, C), even, and at least `_SMALLEST` each way."""
    return _even(np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy(), dtype=np.float32))


def _even(values: Array) -> Array:
    """A picture made even, and at least `_SMALLEST` each way, by repeating the border."""
    below, right = (max(_SMALLEST, size + size % 2) - size for size in values.shape[:2])
    return np.pad(values, ((0, below), (0, right), (0, 0)), mode="edge") if below or right else values


def build(grain: float = 0.0) -> Facets:
    """Make the estimator; `grain` is the standard deviation of the plate's grain in display-like units."""
    return Facets(grain)


MODEL = Model(
    id="facets",
    family="flow",
    summary="Planes of motion, registered to the pictures and handed on: the truest without weights.",
    build=build,
    version=6,
    smallest=1,
    parameters=(dis.GRAIN,),
)
