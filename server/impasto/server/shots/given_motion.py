"""Motion that is given: by the plate's own layers or by other files; what they lack is derived."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.server.errors import BadRequest
from impasto.server.ops.splat import inverse
from impasto.server.ops.threads import fixed_threads
from impasto.server.ops.warp import warp
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import mattes
from impasto.server.shots.depth import Depth
from impasto.server.shots.motion import JUDGED, FrameMotion, Holes, Pair, Paired, no_holes
from impasto.server.shots.shot import Shot, Store, Watch, digest

Layers = Mapping[str, NDArray[Any]]

_LONGEST = 65536.0
"""Pixels; no motion is longer."""


class GivenMotion(Paired):
    """Motion from the plate's own layers or other files, with what they lack derived.

    A missing direction is the other one turned round; mattes not given are judged as for measured motion. Over an
    unreadable frame whose motion is given the vectors are chained.

    Args:
        shot: the frames.
        layers: of a frame, in code conventions (`forward`, `backward` (2, H, W) float32, y down; `occlusion.next` ...
            (H, W)); None where there is no file.
        content: digest of the motion files.
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
        content: str,
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
        self._parameters = f"{JUDGED} given {content} {shaper.exposure!r} {shot.width}x{shot.height}"
        self._parameters += f" {self._depth.digest}" if self._depth is not None else ""
        self.digest = digest(self._parameters, *(shot.digest(frame) for frame in shot.frames))

    def frame(self, frame: int) -> FrameMotion:
        """See `Motion.frame`."""
        if not self._checked:
            with fixed_threads():
                self._check_sign()
            self._checked = True
        return super().frame(frame)

    def _key(self, first: int, second: int) -> str:
        named = f"{first} {second} {self._shot.digest(first)} {self._shot.digest(second)}"
        return "motion-" + digest(self._parameters, named)

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

    def _make(self, first: int, second: int) -> Pair:
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
        return Pair(
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
