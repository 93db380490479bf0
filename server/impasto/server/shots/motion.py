"""Motion between the frames of a shot, put together from pairs of them; and how it is measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Protocol

import torch
from torch import Tensor

from impasto.server.errors import FrameError
from impasto.server.models.flow.estimator import FlowEstimator
from impasto.server.models.mattes import impasto_mattes
from impasto.server.ops.splat import fill
from impasto.server.ops.threads import fixed_threads
from impasto.server.ops.warp import warp
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import mattes
from impasto.server.shots.depth import Depth
from impasto.server.shots.depth_order import Nearness
from impasto.server.shots.shot import Shot, Store, Watch, digest

JUDGED = f"{mattes.VERSION} {impasto_mattes.VERSION}"
"""How mattes are judged; part of every cache key."""


@dataclass(frozen=True)
class FrameMotion:
    """All that is known of one frame's motion. Motion (1, 2, H, W) in pixels, x right, y down; mattes (1, 1, H, W).

    All float32; mattes hold values that half floats hold exactly. At the shot's ends motion is 0, occlusion 1,
    confidence 0.

    Attributes:
        forward: to the next readable frame.
        backward: to the previous readable frame.
        occlusion_next: 1 = hidden or outside in the next frame.
        occlusion_prev: the same for the previous.
        confidence_next: 0..1, how far `forward` can be trusted.
        confidence_prev: the same for `backward`.
        cause: `mattes` code of `occlusion_next` plus ten times that of `occlusion_prev`.
    """

    forward: Tensor
    backward: Tensor
    occlusion_next: Tensor
    occlusion_prev: Tensor
    confidence_next: Tensor
    confidence_prev: Tensor
    cause: Tensor


class Motion(Protocol):
    """Motion of a shot, frame by frame."""

    digest: str
    """Of everything that decides the motion."""

    measured: bool
    """Whether the pictures are all it was made from: such motion drifts as a map grows old."""

    def frame(self, frame: int) -> FrameMotion:
        """Motion of this frame, the same whatever was asked before.

        Raises:
            FrameError: the frame is not readable.
            BadRequest: the given motion cannot be used.
        """
        ...

    def neighbours(self, frame: int) -> tuple[int | None, int | None]:
        """The readable frames before and after this one that its motion points to."""
        ...


@dataclass(frozen=True)
class Pair:
    """Two neighbouring readable frames: motion there and back, and the mattes of either side, see `FrameMotion`."""

    forward: Tensor
    backward: Tensor
    occlusion_next: Tensor
    occlusion_prev: Tensor
    confidence_next: Tensor
    confidence_prev: Tensor
    cause_next: Tensor
    cause_prev: Tensor


Holes = Callable[[int], Tensor | None]
"""Of a frame, where its picture tells nothing, (1, 1, H, W) of 0 and 1; None where there is no such pixel."""


def no_holes(frame: int) -> Tensor | None:
    """Every pixel of the frame tells something."""
    return None


class Paired(ABC):
    """Frames put together from pairs; what measured and given motion have in common."""

    digest: str
    measured: bool

    def __init__(
        self, shot: Shot, shaper: Shaper, store: Store, watch: Watch, depth: Depth | None, holes: Holes
    ) -> None:
        self._shot = shot
        self._holes = holes
        self._depth = depth if depth is not None and depth.tells else None
        self._shaper = shaper
        self._store = store
        self._watch = watch

    def neighbours(self, frame: int) -> tuple[int | None, int | None]:
        """See `Motion.neighbours`."""
        before = [other for other in self._shot.frames if other < frame]
        after = [other for other in self._shot.frames if other > frame]
        readable = self._shot.readable
        return next(filter(readable, reversed(before)), None), next(filter(readable, after), None)

    def frame(self, frame: int) -> FrameMotion:
        """See `Motion.frame`."""
        if not self._shot.readable(frame):
            raise FrameError(f"Frame {frame} cannot be read, so it has no motion.", reason="FRAME_MISSING", frame=frame)
        previous, following = self.neighbours(frame)
        still = torch.zeros(1, 2, self._shot.height, self._shot.width)
        nobody = mattes.nobody_there(self._shot.height, self._shot.width)
        after = self._pair(frame, following) if following is not None else None
        before = self._pair(previous, frame) if previous is not None else None
        return FrameMotion(
            after.forward if after else still,
            before.backward if before else still,
            after.occlusion_next if after else nobody.occlusion,
            before.occlusion_prev if before else nobody.occlusion,
            after.confidence_next if after else nobody.confidence,
            before.confidence_prev if before else nobody.confidence,
            (after.cause_next if after else nobody.cause) + 10 * (before.cause_prev if before else nobody.cause),
        )

    def _pair(self, first: int, second: int) -> Pair:
        key = self._key(first, second)
        kept = self._store.load(key)
        if kept is not None:
            return Pair(**{field.name: torch.from_numpy(kept[field.name]) for field in fields(Pair)})
        self._watch.check()
        self._watch.stage("motion", first)
        with fixed_threads():
            pair = self._make(first, second)
        self._watch.check()
        self._store.save(key, {field.name: getattr(pair, field.name).numpy() for field in fields(Pair)})
        return pair

    @abstractmethod
    def _key(self, first: int, second: int) -> str: ...

    @abstractmethod
    def _make(self, first: int, second: int) -> Pair: ...

    def _shaped(self, frame: int) -> Tensor:
        """The picture, what is around holes continued into them."""
        shaped, holes = self._shaper.encode(self._shot.picture(frame)), self._holes(frame)
        return shaped if holes is None else fill(shaped, 1 - holes)

    def _nearness(self, first: int, second: int) -> Nearness | None:
        """Of two frames, where both have depth."""
        if self._depth is None:
            return None
        here, there = self._depth.near(first), self._depth.near(second)
        return Nearness(here, there, self._depth.steps) if here is not None and there is not None else None

    def _unsure(self, pair: Pair, first: int, second: int) -> Pair:
        """A pair whose motion is not trusted where it begins or ends in a hole."""
        here, there = self._holes(first), self._holes(second)
        if here is None and there is None:
            return pair
        none = torch.zeros_like(pair.confidence_next)
        here, there = none if here is None else here, none if there is None else there
        onward = torch.maximum(here, warp(there, pair.forward)) > 0
        homeward = torch.maximum(there, warp(here, pair.backward)) > 0
        return replace(
            pair,
            confidence_next=pair.confidence_next.masked_fill(onward, 0),
            confidence_prev=pair.confidence_prev.masked_fill(homeward, 0),
        )

    def _judged(self, first: Tensor, second: Tensor, forward: Tensor, backward: Tensor, near: Nearness | None) -> Pair:
        judge = impasto_mattes.judge()
        onward = mattes.mattes(first, second, forward, backward, near, judge)
        homeward = mattes.mattes(second, first, backward, forward, near.turned() if near is not None else None, judge)
        return Pair(
            forward,
            backward,
            onward.occlusion,
            homeward.occlusion,
            onward.confidence,
            homeward.confidence,
            onward.cause,
            homeward.cause,
        )


class ComputedMotion(Paired):
    """Motion measured by a model between neighbouring readable frames; every pair is kept in the store.

    Args:
        shot: the frames.
        estimator: the model.
        model_digest: of the model, its version, weights and parameters.
        shaper: brings pictures into the display-like domain.
        grain: see `shots.analysis`; only part of the digest here, the estimator has it already.
        store: keeps pairs.
        watch: told of every pair.
        depth: of the shot, where it is known; a sign of hiding where it `tells`.
        holes: of a frame. They move as what is around them does, and nothing found in them counts.
    """

    measured = True

    def __init__(
        self,
        shot: Shot,
        estimator: FlowEstimator,
        model_digest: str,
        shaper: Shaper,
        grain: float,
        store: Store,
        watch: Watch,
        depth: Depth | None = None,
        holes: Holes = no_holes,
    ) -> None:
        super().__init__(shot, shaper, store, watch, depth, holes)
        self._estimator = estimator
        self._parameters = f"{JUDGED} {model_digest} {shaper.exposure!r} {grain!r} {shot.width}x{shot.height}"
        self._parameters += f" {self._depth.digest}" if self._depth is not None else ""
        self.digest = digest(self._parameters, *(shot.digest(frame) for frame in shot.frames))

    def _key(self, first: int, second: int) -> str:
        return "motion-" + digest(self._parameters, self._shot.digest(first), self._shot.digest(second))

    def _make(self, first: int, second: int) -> Pair:
        a, b = self._shaped(first), self._shaped(second)
        forward, backward = self._estimator.both(a, b)
        for frame, motion in ((first, forward), (second, backward)):
            if (holes := self._holes(frame)) is not None:
                motion.copy_(fill(motion, 1 - holes))
        return self._unsure(self._judged(a, b, forward, backward, self._nearness(first, second)), first, second)
