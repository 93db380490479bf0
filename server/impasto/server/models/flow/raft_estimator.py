"""RAFT as an estimator: any size, both ways at once, memory and precision fixed beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.models.card import Model, Parameter
from impasto.server.models.flow import raft_weights
from impasto.server.models.flow.estimator import FlowEstimator
from impasto.server.models.flow.facets import Facets
from impasto.server.models.flow.raft import SMALLEST, STRIDE, Raft, Size
from impasto.server.models.flow.raft_memory import Arrangement, arranged, ways_at_once
from impasto.server.models.flow.raft_tiles import refined
from impasto.server.models.weights import default_store
from impasto.server.ops import correlation
from impasto.server.ops.polish import polish

Precision = Literal["float32", "bfloat16"]

MEMORY = 8 << 30
"""Bytes planned for where nothing else is said."""

SETTLED = 0.01
"""Pixels: updates end when their mean step is shorter."""

REFINEMENTS = 8
"""Updates at full size after motion was found at half size, and as many again for every further halving."""

_LUMA = torch.tensor([0.2126, 0.7152, 0.0722])[:, None, None]

PRECISIONS = ("float32", "bfloat16")

PARAMETERS = (
    Parameter("updates", 12, 1, 64, "Steps towards the motion; 32 for large motion."),
    Parameter("settled", SETTLED, 0.0, 1.0, "Steps end when they are shorter in the mean, in pixels."),
    Parameter("half", 0, 0, 1, "1 finds motion at half size and refines it: for pictures over 2K."),
    Parameter(
        "tiles",
        0,
        0,
        4096,
        "Side in pixels of overlapping tiles in which motion found at a smaller size is refined; 0 takes tiles only "
        "where the whole picture needs more than the memory planned.",
    ),
    Parameter(
        "polish", 2, 0, 2, "2 lets the pictures choose between its vectors and facets; 1 only refines; 0 neither."
    ),
    Parameter(
        "grain", 0.0, 0.0, 1.0, "Standard deviation of the grain in display-like units; the net needs no telling."
    ),
)


class RaftEstimator:
    """Measures motion with one net; see `impasto.server.models.flow.estimator.FlowEstimator`.

    Each direction is computed by `threads` threads of its own, whatever the process may use: the order of sums, and
    with it the last bits, depends on their number. On a card the directions follow each other, for the sake of memory.

    Args:
        net: with its weights; taken over and changed to `precision`.
        updates: steps at most.
        settled: pixels; see `Raft.forward`.
        memory: bytes planned for; decides the form of the correlation, with the picture's size.
        precision: of the convolutions; correlation and motion stay float32.
        half: find motion at half size, then refine it at full size.
        tiles: side of the tiles it is refined in, in pixels, rounded up to whole cells, `SMALLEST` at least; 0 as
            `impasto.server.models.flow.raft_memory.arranged` says.
        polish: end with the variational refinement of `impasto.server.ops.polish`.
        threads: for each direction.
        device: where it is computed.
    """

    def __init__(
        self,
        net: Raft,
        *,
        updates: int = 12,
        settled: float = SETTLED,
        memory: int = MEMORY,
        precision: Precision = "float32",
        half: bool = False,
        tiles: int = 0,
        polish: bool = True,
        threads: int = 1,
        device: str = "cpu",
    ) -> None:
        self._dtype = torch.float32 if precision == "float32" else torch.bfloat16
        self._net = net.to(device=device, dtype=self._dtype)
        self._updates, self._settled, self._memory, self._half = updates, settled, memory, half
        self._tiles = tiles and max(SMALLEST, -(-tiles // STRIDE) * STRIDE)
        self._polish, self._device = polish, device
        self._pool = _workers(ways_at_once(device), threads)

    def both(self, first: Tensor, second: Tensor, start: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """See `FlowEstimator.both`; `start` holds motion both ways to begin with, each (1, 2, H, W) in pixels."""
        pictures = [picture.to(self._device) for picture in (first, second)]
        size, updates = first.shape[-2:], self._updates
        way = self._arranged(*size)
        if way.reduce > 1 and min(size) > 1:
            smaller = [-(-side // way.reduce) for side in size]
            small = [F.interpolate(picture, smaller, mode="area") for picture in pictures]
            begun = None if start is None else (_resized(start[0], smaller), _resized(start[1], smaller))
            there, back = self._pair(small, begun, updates)
            start = (_resized(there, size), _resized(back, size))
            updates = min(updates, REFINEMENTS * (way.reduce.bit_length() - 1))
        ways = [motion.to(first.device) for motion in self._pair(pictures, start, updates, way.tile)]
        if self._polish:
            ways = list(self._pool.map(_polished, (first, second), (second, first), ways))
        return ways[0], ways[1]

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """See `FlowEstimator.__call__`."""
        return self.both(first, second)[0]

    def _arranged(self, height: int, width: int) -> Arrangement:
        """How a picture of this size is measured."""
        ways, element = ways_at_once(self._device), self._dtype.itemsize
        found = arranged(self._net.size, height, width, ways, self._memory, element, self._tiles)
        return Arrangement(2, 0) if self._half and not found.tile else found

    def _pair(
        self, pictures: list[Tensor], start: tuple[Tensor, Tensor] | None, updates: int, tile: int = 0
    ) -> tuple[Tensor, Tensor]:
        height, width = pictures[0].shape[-2:]
        pad = padding(height, width)
        ready = [F.pad(2 * picture - 1, pad, mode="replicate").to(self._dtype) for picture in pictures]
        ready = [picture.contiguous(memory_format=torch.channels_last) for picture in ready]
        if tile and start is not None:
            known = [F.pad(motion.to(self._device), pad, mode="replicate") for motion in start]
            ways = self._pool.map(self._tiled, ready, reversed(ready), known, (updates, updates), (tile, tile))
        else:
            features = list(self._pool.map(self._features, ready))
            begun = (None, None) if start is None else tuple(_cells(motion.to(self._device), pad) for motion in start)
            ways = self._pool.map(self._way, ready, features, reversed(features), begun, (updates, updates))
        rows, columns = slice(pad[2], pad[2] + height), slice(pad[0], pad[0] + width)
        there, back = (motion[..., rows, columns].contiguous() for motion in ways)
        return there, back

    @torch.no_grad()
    def _tiled(self, first: Tensor, second: Tensor, start: Tensor, updates: int, tile: int) -> Tensor:
        """One way in tiles, from motion in pixels."""

        def measure(a: Tensor, b: Tensor, begun: Tensor, origin: tuple[int, int]) -> Tensor:
            cells = F.avg_pool2d(begun, STRIDE) / STRIDE
            a, b = (each.contiguous(memory_format=torch.channels_last) for each in (a, b))
            cell = (origin[0] // STRIDE, origin[1] // STRIDE)
            return self._way(a, self._features(a), self._features(b), cells, updates, cell)

        return refined(first, second, start, tile, measure)

    @torch.no_grad()
    def _features(self, picture: Tensor) -> Tensor:
        return self._net.features(picture)

    @torch.no_grad()
    def _way(
        self,
        picture: Tensor,
        first: Tensor,
        second: Tensor,
        start: Tensor | None,
        updates: int,
        origin: tuple[int, int] = (0, 0),
    ) -> Tensor:
        height, width = second.shape[-2:]
        form = correlation.form(height, width, self._memory, first.element_size())
        motion: Tensor = self._net(
            picture, first, second, updates=updates, form=form, start=start, settled=self._settled, origin=origin
        )
        return motion


def _polished(first: Tensor, second: Tensor, motion: Tensor) -> Tensor:
    """Motion refined to parts of a pixel, where both pictures have more than a pixel a side."""
    if min(first.shape[-2:]) < 2:
        return motion
    a, b = ((picture.cpu() * _LUMA).sum(1)[0].numpy() for picture in (first, second))
    refined = polish(a, b, np.ascontiguousarray(motion[0].permute(1, 2, 0).cpu().numpy()))
    return torch.from_numpy(refined).permute(2, 0, 1)[None].contiguous().to(motion.device)


def padding(height: int, width: int) -> tuple[int, int, int, int]:
    """Pixels added left, right, above and below, so that the net takes a picture of this size."""
    down, across = (max(SMALLEST, -(-side // STRIDE) * STRIDE) - side for side in (height, width))
    return across // 2, across - across // 2, down // 2, down - down // 2


def _cells(motion: Tensor, pad: tuple[int, int, int, int]) -> Tensor:
    """(1, 2, H / 8, W / 8) cells from (1, 2, H, W) pixels before padding."""
    return F.avg_pool2d(F.pad(motion, pad, mode="replicate"), STRIDE) / STRIDE


def _resized(motion: Tensor, size: Sequence[int]) -> Tensor:
    """Motion at another size of the picture, in that size's pixels."""
    height, width = motion.shape[-2:]
    scale = torch.tensor([size[1] / width, size[0] / height], device=motion.device)
    return F.interpolate(motion, tuple(size), mode="bilinear", align_corners=False) * scale[:, None, None]


def _workers(count: int, threads: int) -> ThreadPoolExecutor:
    """Workers that compute with this many threads each; the process keeps the number it has."""
    inherited = torch.get_num_threads()
    started = Barrier(count + 1)

    def begin() -> None:
        torch.set_num_threads(threads)
        torch.get_num_threads()  # a thread takes over the number at its first question, not when it is set
        started.wait()

    pool = ThreadPoolExecutor(count, "raft", begin)
    for _ in range(count):
        pool.submit(torch.get_num_threads)
    started.wait()
    torch.set_num_threads(inherited)  # what threads started from now on begin with
    return pool


def builder(
    model: Model,
    size: Size,
    *,
    weights: Path | None = None,
    grain: float = 0.0,
    half: float = 0.0,
    tiles: float = 0.0,
    polish: float = 2.0,
    **options: Any,
) -> FlowEstimator:
    """An estimator from a file of weights.

    Args:
        model: whose weights are taken from the store where no file is named.
        size: of the net.
        weights: a checkpoint; None takes the first of the model's that is in the store.
        grain: standard deviation of the plate's grain in display-like units; the net needs no telling.
        half: 1 to find motion at half size first.
        tiles: see `RaftEstimator`.
        polish: 2 offers the net's vectors to `Facets`; 1 refines them alone, which is quick; 0 leaves them as they are.
        **options: as for `RaftEstimator`.

    Raises:
        NotReady, Denied: as `Store.ready`.
        NotFound, BadRequest: as `raft_weights.load`.
    """
    file = weights if weights is not None else default_store().ready(model)
    if "updates" in options:
        options["updates"] = round(options["updates"])
    refines = 0.5 <= polish < 1.5
    net = RaftEstimator(raft_weights.load(file, size), half=half >= 0.5, tiles=round(tiles), polish=refines, **options)
    return Facets(grain, net) if polish >= 1.5 else net
