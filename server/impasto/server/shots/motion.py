"""Motion between the frames of a shot: measured, or given."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.server.errors import BadRequest, FrameError
from impasto.server.models.flow.estimator import FlowEstimator
from impasto.server.models.mattes import impasto_mattes
from impasto.server.ops.splat import fill, inverse
from impasto.server.ops.threads import fixed_threads
from impasto.server.ops.warp import warp
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import mattes
from impasto.server.shots.depth import Depth
from impasto.server.shots.depth_order import Nearness
from impasto.server.shots.shot import Shot, Store, Watch

Layers = Mapping[str, NDArray[Any]]

_JUDGED = f"{mattes.VERSION} {impasto_mattes.VERSION}"
"""How mattes are judged; part of every cache key."""
_LONGEST = 65536.0
"""Pixels; no motion is longer."""


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
class _Pair:
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


class _Paired(ABC):
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

    def _pair(self, first: int, second: int) -> _Pair:
        key = self._key(first, second)
        kept = self._store.load(key)
        if kept is not None:
            return _Pair(**{field.name: torch.from_numpy(kept[field.name]) for field in fields(_Pair)})
        self._watch.check()
        self._watch.stage("motion", first)
        with fixed_threads():
            pair = self._make(first, second)
        self._watch.check()
        self._store.save(key, {field.name: getattr(pair, field.name).numpy() for field in fields(_Pair)})
        return pair

    @abstractmethod
    def _key(self, first: int, second: int) -> str: ...

    @abstractmethod
    def _make(self, first: int, second: int) -> _Pair: ...

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

    def _unsure(self, pair: _Pair, first: int, second: int) -> _Pair:
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

    def _judged(self, first: Tensor, second: Tensor, forward: Tensor, backward: Tensor, near: Nearness | None) -> _Pair:
        judge = impasto_mattes.judge()
        onward = mattes.mattes(first, second, forward, backward, near, judge)
        homeward = mattes.mattes(second, first, backward, forward, near.turned() if near is not None else None, judge)
        return _Pair(
            forward,
            backward,
            onward.occlusion,
            homeward.occlusion,
            onward.confidence,
            homeward.confidence,
            onward.cause,
            homeward.cause,
        )


class ComputedMotion(_Paired):
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
        self._parameters = f"{_JUDGED} {model_digest} {shaper.exposure!r} {grain!r} {shot.width}x{shot.height}"
        self._parameters += f" {self._depth.digest}" if self._depth is not None else ""
        self.digest = _digest(self._parameters, *(shot.digest(frame) for frame in shot.frames))

    def _key(self, first: int, second: int) -> str:
        return "motion-" + _digest(self._parameters, self._shot.digest(first), self._shot.digest(second))

    def _make(self, first: int, second: int) -> _Pair:
        a, b = self._shaped(first), self._shaped(second)
        forward, backward = self._estimator.both(a, b)
        for frame, motion in ((first, forward), (second, backward)):
            if (holes := self._holes(frame)) is not None:
                motion.copy_(fill(motion, 1 - holes))
        return self._unsure(self._judged(a, b, forward, backward, self._nearness(first, second)), first, second)


class GivenMotion(_Paired):
    """Motion from the plate's own layers or other files, with what they lack derived.

    A missing direction is the other one turned round; mattes not given are judged as for measured motion. Over an
    unreadable frame whose motion is given the vectors are chained.

    Args:
        shot: the frames.
        layers: of a frame, in code conventions (`forward`, `backward` (2, H, W) float32, y down; `occlusion.next` ...
            (H, W)); None where there is no file.
        digest: of the motion files' content.
        shaper: brings pictures into the display-like domain.
        store: keeps pairs.
        watch: told of every pair, and warned.
        name: what the motion was asked for as, for messages.
        measured: whether it was measured in the same pictures by an earlier job.
        depth: as for `ComputedMotion`.
        holes: likewise; vectors given there stay.

    Raises:
        BadRequest: by `frame`, where no motion is found or its vertical sign does not fit the pictures.
    """

    def __init__(
        self,
        shot: Shot,
        layers: Callable[[int], Layers | None],
        digest: str,
        shaper: Shaper,
        store: Store,
        watch: Watch,
        name: str = "plate",
        measured: bool = False,
        depth: Depth | None = None,
        holes: Holes = no_holes,
    ) -> None:
        super().__init__(shot, shaper, store, watch, depth, holes)
        self._layers = layers
        self._name = name
        self.measured = measured
        self._checked = False
        self._parameters = f"{_JUDGED} given {digest} {shaper.exposure!r} {shot.width}x{shot.height}"
        self._parameters += f" {self._depth.digest}" if self._depth is not None else ""
        self.digest = _digest(self._parameters, *(shot.digest(frame) for frame in shot.frames))

    def frame(self, frame: int) -> FrameMotion:
        """See `Motion.frame`."""
        if not self._checked:
            with fixed_threads():
                self._check_sign()
            self._checked = True
        return super().frame(frame)

    def _key(self, first: int, second: int) -> str:
        named = f"{first} {second} {self._shot.digest(first)} {self._shot.digest(second)}"
        return "motion-" + _digest(self._parameters, named)

    def _given(self, start: int, end: int) -> Tensor | None:
        """Motion from one readable frame to its neighbour, chained over unreadable frames; None where not given."""
        layer = "forward" if end > start else "backward"
        step = 1 if end > start else -1
        between = [frame for frame in self._shot.frames if min(start, end) < frame < max(start, end)][::step]
        motion: Tensor | None = None
        for frame in (start, *between):
            found = (self._layers(frame) or {}).get(layer)
            if found is None:
                if motion is None:
                    return None
                continue
            part = _sound(torch.as_tensor(found, dtype=torch.float32)[None])
            motion = part if motion is None else motion + warp(part, motion)
        return motion

    def _make(self, first: int, second: int) -> _Pair:
        forward, backward = self._given(first, second), self._given(second, first)
        if forward is None and backward is None:
            raise BadRequest(
                f"'{self._name}' holds no motion between frames {first} and {second}: give files with the layers "
                f"forward or backward (forward.u, forward.v) for these frames, or leave --motion to compute it.",
                reason="MOTION_MISSING",
                frame=first,
            )
        a, b = self._shaped(first), self._shaped(second)
        if backward is None:
            assert forward is not None
            backward = inverse(forward, _likeness(a, b, forward))[0]
        if forward is None:
            forward = inverse(backward, _likeness(b, a, backward))[0]
        judged = self._unsure(self._judged(a, b, forward, backward, self._nearness(first, second)), first, second)
        onward = self._kept(self._layers(first) or {}, "next", judged.occlusion_next, judged.confidence_next)
        homeward = self._kept(self._layers(second) or {}, "prev", judged.occlusion_prev, judged.confidence_prev)
        return _Pair(
            forward,
            backward,
            onward[0],
            homeward[0],
            onward[1],
            homeward[1],
            _cause(onward[0], judged.cause_next),
            _cause(homeward[0], judged.cause_prev),
        )

    @staticmethod
    def _kept(layers: Layers, side: str, occlusion: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:
        """Mattes as given, else as judged; rounded to half floats."""

        def given(name: str) -> Tensor | None:
            values = layers.get(f"{name}.{side}")
            return None if values is None else mattes.half(torch.as_tensor(values)[None, None].float().clamp(0, 1))

        hidden = given("occlusion")
        occlusion = occlusion if hidden is None else hidden
        trust = given("confidence")
        return occlusion, mattes.half(torch.minimum(confidence, 1 - occlusion)) if trust is None else trust

    def _check_sign(self) -> None:
        """Compare the pictures along the motion with v as given and turned."""
        readable = [frame for frame in self._shot.frames if self._shot.readable(frame)]
        pairs = list(pairwise(readable))
        as_given = turned = 0.0
        for first, second in pairs[:: max(1, len(pairs) // 4)][:4]:
            motion, here, there = self._given(first, second), first, second
            if motion is None:
                motion, here, there = self._given(second, first), second, first
            if motion is None:
                continue
            moved = motion[:, 1:2].abs() > 0.75
            if not bool(moved.any()):
                continue
            a, b = self._shaped(here), self._shaped(there)
            flipped = motion * torch.tensor([1.0, -1.0])[:, None, None]
            as_given += _misfit(a, b, motion, moved)
            turned += _misfit(a, b, flipped, moved)
        if turned < 0.8 * as_given:
            raise BadRequest(
                f"The vertical motion of '{self._name}' points the wrong way: its v must be up (Nuke's convention), "
                "and the pictures fit better with v turned; multiply forward.v and backward.v by -1.",
                reason="MOTION_UPSIDE_DOWN",
            )


def _misfit(here: Tensor, there: Tensor, motion: Tensor, where: Tensor) -> float:
    """Difference of two pictures along the motion, summed over some pixels; one pixel counts a quarter at most."""
    return float(((here - warp(there, motion)).abs().mean(1, keepdim=True).clamp_max(0.25) * where).sum())


def _sound(motion: Tensor) -> Tensor:
    """Motion with 0 for what is no number or longer than any picture: renderers write such where there is nothing."""
    return torch.where(motion.abs().amax(1, keepdim=True) < _LONGEST, motion, torch.zeros_like(motion))


def _likeness(here: Tensor, there: Tensor, motion: Tensor) -> Tensor:
    """Weight of a vector where several meet: near 1 where the pictures agree along it, far less where not."""
    return torch.exp(-20 * (here - warp(there, motion)).abs().mean(1, keepdim=True).clamp_max(0.5))


def _cause(occlusion: Tensor, judged: Tensor) -> Tensor:
    """Cause of a matte: as judged; `HIDDEN` where a given matte says more than was judged."""
    found = torch.where(judged > 0, judged, torch.full_like(judged, mattes.HIDDEN))
    return torch.where(occlusion > 0.5, found, torch.zeros_like(found))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
