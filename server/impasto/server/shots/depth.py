"""How near everything in a shot is: read from a layer, or estimated by a model and brought to one scale."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.server.models.depth.estimator import DepthEstimator
from impasto.server.ops.threads import fixed_threads
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.analysis import spread
from impasto.server.shots.shot import Shot, Store, Watch

_BEHIND_ALL = 0.5
"""By how much, as a logarithm, what has no depth (sky) lies behind the farthest thing of its frame."""
_FARTHEST = 20.0
"""Depth of an estimate's farthest things, where its nearest are at 1."""


class Depth(Protocol):
    """Depth of a shot, frame by frame."""

    digest: str
    """Of everything that decides it."""
    steps: tuple[float, float]
    """Differences of nearness, as logarithms, from which one thing may be, and surely is, nearer than another."""
    tells: bool
    """Whether its borders are those of things, so that mattes are truer by it (`benchmarks/mattes.py --depth`)."""

    kept: bool
    """Whether the plate holds it already as the pass `depth` shows it."""

    def near(self, frame: int) -> Tensor | None:
        """(1, 1, H, W) float32, the logarithm of inverse depth; larger is nearer. None where the frame has none."""
        ...

    def distance(self, frame: int) -> Tensor | None:
        """(1, 1, H, W) float32 as the pass `depth` shows it: larger is farther, 0 where there is nothing."""
        ...


class LayerDepth:
    """Implements `Depth` by a layer of the plate, in whatever units it has.

    Args:
        layer: of a frame, (H, W) float32, or None where it has none.
        high: whether large values are near, as inverse depth is; else small ones, as a distance's. Signs are dropped,
            as cameras look along either z.
        name: of the layer.
    """

    steps = (0.02, 0.08)
    tells = True

    def __init__(self, layer: Callable[[int], NDArray[np.float32] | None], high: bool, name: str) -> None:
        self._layer, self._high = layer, high
        self.digest = f"layer {name} {high}"
        self.kept = name == "depth.Z" and not high

    def near(self, frame: int) -> Tensor | None:
        """See `Depth.near`."""
        inverse = self._inverse(frame)
        if inverse is None:
            return None
        there = inverse > 0
        farthest = float(inverse[there].min()) if bool(there.any()) else 1.0
        return torch.where(there, inverse, torch.full_like(inverse, farthest * float(np.exp(-_BEHIND_ALL)))).log()

    def distance(self, frame: int) -> Tensor | None:
        """See `Depth.distance`."""
        inverse = self._inverse(frame)
        return None if inverse is None else torch.where(inverse > 0, 1 / inverse.clamp_min(1e-30), 0.0)

    def _inverse(self, frame: int) -> Tensor | None:
        """Inverse depth, 0 where the layer says nothing: no number, nothing, or infinitely far."""
        values = self._layer(frame)
        if values is None:
            return None
        depth = torch.from_numpy(np.ascontiguousarray(values, np.float32))[None, None].abs()
        depth = torch.where((depth > 1e-12) & (depth < 1e12), depth, torch.zeros_like(depth))
        return depth if self._high else torch.where(depth > 0, 1 / depth.clamp_min(1e-12), 0.0)


class EstimatedDepth:
    """Implements `Depth` by a model whose answers have one unknown scale and offset a shot.

    They are brought to 1 (near) and `_FARTHEST` by their range over up to 16 fixed frames of the shot, so that a
    frame's depth depends on the shot and its number alone.

    Args:
        shot: the frames.
        estimator: the model.
        model_digest: of the model, its version and weights.
        shaper: brings pictures into the display-like domain.
        store: keeps what was estimated.
        watch: told of every frame.
    """

    steps = (0.1, 0.3)
    tells = False
    kept = False

    def __init__(
        self, shot: Shot, estimator: DepthEstimator, model_digest: str, shaper: Shaper, store: Store, watch: Watch
    ) -> None:
        self._shot, self._estimator, self._shaper = shot, estimator, shaper
        self._store, self._watch = store, watch
        self._model = f"{model_digest} {shaper.exposure!r}"
        fixed = "|".join(shot.digest(frame) for frame in spread(shot))
        self.digest = "estimated " + hashlib.sha256(f"{self._model} {fixed}".encode()).hexdigest()
        self._range: tuple[float, float] | None = None

    def near(self, frame: int) -> Tensor | None:
        """See `Depth.near`."""
        distance = self.distance(frame)
        return None if distance is None else -distance.log()

    def distance(self, frame: int) -> Tensor | None:
        """See `Depth.distance`."""
        if self._range is None:
            ends = [
                torch.quantile(self._raw(each)[..., ::4, ::4], torch.tensor([0.02, 0.98]))
                for each in spread(self._shot)
            ]
            low, high = torch.stack(ends).median(0).values.tolist()
            self._range = low, max(high, low + 1e-6)
        low, high = self._range
        part = ((self._raw(frame) - low) / (high - low)).clamp(0, 1.5)
        return 1 / (1 / _FARTHEST + (1 - 1 / _FARTHEST) * part)

    def _raw(self, frame: int) -> Tensor:
        key = "depth-" + hashlib.sha256(f"{self._model} {self._shot.digest(frame)}".encode()).hexdigest()
        kept: dict[str, Any] | None = self._store.load(key)
        if kept is not None:
            return torch.from_numpy(kept["near"])
        self._watch.check()
        self._watch.stage("depth", frame)
        with fixed_threads():
            near = self._estimator(self._shaper.encode(self._shot.picture(frame)))
        self._store.save(key, {"near": near.numpy()})
        return near
