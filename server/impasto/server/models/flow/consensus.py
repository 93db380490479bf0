"""Motion from several searches of one pair, the pictures choosing between them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor

from impasto.server.models.flow.candidates import Array, Eight, chosen, confirmed, luma, stretched, surfaces
from impasto.server.models.flow.steady import steadied
from impasto.server.ops.polish import polish

T = TypeVar("T")
Search = Callable[[Eight, Eight], Array]
"""From two 8-bit lumas (H, W), 16 pixels or more each way, to motion (H, W, 2) from first to second."""

_SMALLEST = 16
_RADII = (8, 24, 64)
_HARDLY = 0.004
"""Grain below which nothing is done about it."""


class Consensus:
    """A `FlowEstimator` made of searches.

    Each pair is searched in slightly blurred pictures; then in sharp ones, after what the two do not share in their
    finest band (grain, glints, aliasing) has been taken out. What all searches found, and the smooth surfaces fitted to
    the second look, are the candidates of every pixel; the pictures choose; a variational polish at full resolution
    ends it. Both directions run side by side, and OpenCV's own threads are kept to one, since its results depend on
    their number.

    Args:
        first_look: searches of the slightly blurred pictures.
        second_look: searches of the confirmed pictures.
        grain: standard deviation of the plate's grain in display-like units; 0 for none.
        warps: of the polish.
    """

    def __init__(
        self, first_look: tuple[Search, ...], second_look: tuple[Search, ...], grain: float, warps: int = 5
    ) -> None:
        self._first_look = first_look
        self._second_look = second_look
        self._grain = grain
        self._warps = warps

    def both(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """See `FlowEstimator.both`."""
        cv2.setNumThreads(1)
        height, width = first.shape[-2:]
        a, b = _array(first), _array(second)
        with ThreadPoolExecutor(2) as pool:
            clean_a, clean_b, there, back = self.searched(pool, a, b)
            result = side_by_side(pool, self._agreed, (clean_a, clean_b, there, back), (clean_b, clean_a, back, there))
        onward, homeward = (
            torch.from_numpy(np.ascontiguousarray(motion[:height, :width].transpose(2, 0, 1)))[None]
            for motion in result
        )
        return onward, homeward

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """See `FlowEstimator.__call__`."""
        return self.both(first, second)[0]

    def searched(self, pool: ThreadPoolExecutor, a: Array, b: Array) -> tuple[Array, Array, list[Array], list[Array]]:
        """What all searches find.

        Args:
            pool: does the work, both directions side by side.
            a: (H, W, 3) float32, display-like.
            b: the other picture.

        Returns:
            The confirmed pictures, then motion (H, W, 2) there and back of every search.
        """
        found = self._searched(pool, self._first_look, self._calmed(a), self._calmed(b))
        clean_a, clean_b = side_by_side(pool, confirmed, (a, b, found[0][0]), (b, a, found[1][0]))
        again = self._searched(pool, self._second_look, clean_a, clean_b)
        return clean_a, clean_b, found[0] + again[0], found[1] + again[1]

    def _calmed(self, picture: Array) -> Array:
        """A picture for the first look, its finest steps rounded: a search is led astray by what is not confirmed yet.

        Grain is taken down before, edges kept; that is left out where there is hardly any.
        """
        calm = cv2.bilateralFilter(picture, 5, 3 * self._grain, 1.0) if self._grain >= _HARDLY else picture
        rounded: Array = cv2.GaussianBlur(calm, (0, 0), 0.7)
        return rounded

    def _searched(
        self, pool: ThreadPoolExecutor, searches: tuple[Search, ...], a: Array, b: Array
    ) -> tuple[list[Array], list[Array]]:
        eight_a, eight_b = stretched(luma(a), luma(b))
        there = [pool.submit(search, eight_a, eight_b) for search in searches]
        back = [pool.submit(search, eight_b, eight_a) for search in searches]
        return [future.result() for future in there], [future.result() for future in back]

    def _agreed(self, first: Array, second: Array, there: list[Array], back: list[Array]) -> Array:
        scale = max(1.0, first.shape[1] / 1024)
        radii = tuple(round(radius * scale) for radius in _RADII)
        late = slice(len(self._first_look), None)
        pairs = zip(there[late], back[late], strict=True)
        fits = [fit for onward, homeward in pairs for fit in surfaces(onward, homeward, radii)]
        motion = chosen(first, second, there + fits, self._grain)
        return steadied(first, second, polish(luma(first), luma(second), motion, warps=self._warps))


def side_by_side(pool: ThreadPoolExecutor, work: Callable[..., T], *arguments: tuple[object, ...]) -> list[T]:
    """Results of the work for each of the arguments, done at once."""
    futures: list[Future[T]] = [pool.submit(work, *each) for each in arguments]
    return [future.result() for future in futures]


def _array(picture: Tensor) -> Array:
    """(H, W, 3), made at least `_SMALLEST` each way by repeating the border."""
    values = np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy(), dtype=np.float32)
    below, right = (max(0, _SMALLEST - size) for size in values.shape[:2])
    return np.pad(values, ((0, below), (0, right), (0, 0)), mode="edge") if below or right else values
