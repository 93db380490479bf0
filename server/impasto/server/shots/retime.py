"""Other times of a shot: between which frames a time falls, whether they may be joined, and what moves between them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from impasto.server.errors import FrameError
from impasto.server.models.interpolation.interpolator import Course, Interpolator, Pair
from impasto.server.models.interpolation.splat import course
from impasto.server.ops.threads import PAINTERS_THREADS, fixed_threads
from impasto.server.ops.warp import warp
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import mixing
from impasto.server.shots.motion import Motion
from impasto.server.shots.shot import Shot, Watch

HOLD, NEAREST = "hold", "nearest"

ORIGINAL, CUT, CARRIED = "original", "cut", "carried"
"""How a frame was made where no model made it: a frame of the plate, one held across a cut, paint moved along."""

CALM = 8.0
"""Pixels: where 95 of 100 move less, a kernel method may be taken."""

_CONSISTENT = 0.25
"""Share of the pixels of both whose motion there and back agrees under which two frames may be a cut; of both, as a
smooth picture seems to agree with anything."""
_ALIKE = 0.8
"""Correlation along the motion under which they are."""


@dataclass(frozen=True)
class Moment:
    """Where a time falls.

    Attributes:
        before: the frame at or before it.
        after: the frame after it; `before` itself where the time is that frame.
        part: 0..1, how far between the two.
    """

    before: int
    after: int
    part: float

    @property
    def whole(self) -> bool:
        """Whether the time is a frame of the plate."""
        return self.before == self.after


def moment(shot: Shot, time: Fraction) -> Moment:
    """Between which frames of the shot a time falls.

    Raises:
        FrameError: a frame it needs cannot be read.
    """
    place = bisect_right(shot.frames, time) - 1
    before = shot.frames[place]
    after = before if time == before else shot.frames[place + 1]
    for frame in (before, after):
        if not shot.readable(frame):
            raise FrameError(
                f"Frame {frame} of the plate is missing or cannot be read, and time {float(time):g} needs it; render "
                "it, or say --repair to make it from its neighbours.",
                reason="FRAME_MISSING",
                frame=frame,
            )
    return Moment(before, after, float((time - before) / (after - before)) if after > before else 0.0)


def bridged(shot: Shot, time: Fraction) -> Moment:
    """The same between readable frames alone; at the shot's ends the nearest is held.

    Raises:
        FrameError: no frame can be read.
    """
    readable = [frame for frame in shot.frames if shot.readable(frame)]
    if not readable:
        raise FrameError("No frame of the shot can be read; look at the plate.", reason="FRAME_MISSING")
    before = [frame for frame in readable if frame <= time]
    after = [frame for frame in readable if frame >= time]
    start, end = (before or after[:1])[-1], (after or before[-1:])[0]
    return Moment(start, end, float((time - start) / (end - start)) if end > start else 0.0)


@dataclass(frozen=True)
class Joined:
    """What is known of the way from one frame to another.

    Attributes:
        pair: pictures and motion; None across a cut.
        fast: pixels that 95 of 100 move less than.
    """

    pair: Pair | None
    fast: float


@dataclass(frozen=True)
class Cuts:
    """Which neighbouring frames are of two shots.

    Attributes:
        given: first frames of new shots where their user named them; None where the pictures tell.
        vetoed: frames at which no new shot begins, whatever the pictures tell.
    """

    given: frozenset[int] | None = None
    vetoed: frozenset[int] = frozenset()

    def part(self, before: int, after: int, pair: Pair) -> bool:
        """Whether a new shot begins after one frame and not after the other."""
        firsts = frozenset(range(before + 1, after + 1))
        if self.given is not None:
            return bool(self.given & firsts)
        return not self.vetoed & firsts and is_cut(pair)


class Between:
    """Finds the course of any moment of a shot, and its colour.

    Args:
        shot: the frames.
        motion: of this shot.
        near: nearness 0..1 (1, 1, H, W) of a frame where its depth is known.
        watch: told of every step.
        cuts: which neighbouring frames are of two shots.
    """

    def __init__(
        self, shot: Shot, motion: Motion, near: Callable[[int], Tensor | None], watch: Watch, cuts: Cuts | None = None
    ) -> None:
        self._shot, self._motion, self._near, self._watch = shot, motion, near, watch
        self._cuts = cuts or Cuts()
        self._last: tuple[tuple[int, int], Joined] | None = None

    def joined(self, before: int, after: int) -> Joined:
        """The way between two readable frames that are neighbours, as the shot sees it."""
        if self._last is None or self._last[0] != (before, after):
            self._watch.check()
            with fixed_threads():
                self._last = (before, after), self._join(before, after)
        return self._last[1]

    def _join(self, before: int, after: int) -> Joined:
        out, home = self._motion.frame(before), self._motion.frame(after)
        pair = Pair(
            mixing.encode(self._shot.picture(before)),
            mixing.encode(self._shot.picture(after)),
            out.forward,
            home.backward,
            out.occlusion_next,
            home.occlusion_prev,
            out.confidence_next,
            home.confidence_prev,
            self._near(before),
            self._near(after),
        )
        lengths = pair.forward.square().sum(1).sqrt().flatten()
        fast = float(lengths.kthvalue(max(1, round(0.95 * len(lengths)))).values)
        return Joined(None if self._cuts.part(before, after, pair) else pair, fast)

    def course(self, here: Moment) -> tuple[Pair, Course] | None:
        """The course of a moment between two frames; None across a cut."""
        pair = self.joined(here.before, here.after).pair
        if pair is None:
            return None
        self._watch.check()
        self._watch.stage("between", here.before)
        with fixed_threads():
            return pair, course(pair, here.part)

    def colour(self, pair: Pair, here: Moment, along: Course, model: Interpolator) -> Tensor:
        """Scene-linear working RGB that a model makes, (1, 3, H, W), unclamped.

        A net sees what a display would show; what lies beyond follows the course.
        """
        self._watch.check()
        with fixed_threads(PAINTERS_THREADS):
            shown = Pair(**{**vars(pair), "first": pair.first.clamp(0, 1), "second": pair.second.clamp(0, 1)})
            beyond = along.mix(pair.first - shown.first, pair.second - shown.second)
            made = model(shown, here.part, along)
        return mixing.decode(made + beyond)


def is_cut(pair: Pair) -> bool:
    """Whether two pictures are of two shots: motion there and back disagrees nearly everywhere, and what it joins does
    not look alike."""
    if float((torch.cat([pair.trust_first, pair.trust_second]) > 0.5).float().mean()) >= _CONSISTENT:
        return False
    a, b = pair.first.mean(1, keepdim=True), warp(pair.second, pair.forward).mean(1, keepdim=True)
    a, b = a - a.mean(), b - b.mean()
    together = float((a * b).mean())
    spread = math.sqrt(float(a.square().mean()) * float(b.square().mean()))
    return together < _ALIKE * spread + 1e-9


def held(here: Moment, cuts: str) -> int:
    """The frame shown at a moment between the two frames of a cut."""
    return here.after if cuts == NEAREST and here.part > 0.5 else here.before


class Choice:
    """Which model makes the colour of which moment: the one asked for, or by the motion measured.

    Args:
        models: ready to work, by id; holds `splat`.
        wish: a model's id, or auto.
    """

    def __init__(self, models: Mapping[str, Interpolator], wish: str) -> None:
        self._models, self._wish = models, wish

    def of(self, joined: Joined, here: Moment) -> tuple[str, Interpolator]:
        """The model of a moment.

        Where little moves a kernel method is taken, if its weights are here and the moment is the middle; else a net
        that is here, else splats.
        """
        name = self._wish
        if name == "auto":
            calm = joined.fast < CALM and here.part == 0.5
            name = next(
                known
                for known, fits in (("sepconv", calm), ("ifnet", True), ("impasto-blend", True), ("splat", True))
                if fits and known in self._models
            )
        return name, self._models[name]


class Repaired:
    """A shot without the frames that repeat the one before: they count as missing. See `Shot`.

    Args:
        shot: as it is on disk.
        shaper: the shot's.
    """

    def __init__(self, shot: Shot, shaper: Shaper) -> None:
        self._shot, self._shaper = shot, shaper
        self.frames, self.height, self.width = shot.frames, shot.height, shot.width
        self._steps: dict[int, float | None] = {}

    def readable(self, frame: int) -> bool:
        """Whether the frame is there and new."""
        return self._shot.readable(frame) and not self.repeats(frame)

    def picture(self, frame: int) -> Tensor:
        """See `Shot.picture`."""
        return self._shot.picture(frame)

    def digest(self, frame: int) -> str:
        """See `Shot.digest`."""
        return self._shot.digest(frame) if self.readable(frame) else "missing"

    def repeats(self, frame: int) -> bool:
        """Whether a readable frame shows what the one before it shows, while the shot moves on around it."""
        step = self._step(frame)
        if step is None:
            return False
        place = self.frames.index(frame)
        around = [self._step(other) for other in self.frames[max(0, place - 3) : place + 4] if other != frame]
        moving = max((other for other in around if other is not None), default=0.0)
        return step == 0.0 or (step < _REPEATED and step < _AMONG * moving)

    def _step(self, frame: int) -> float | None:
        """Mean difference to the frame before, shaped; None where one of the two is not there."""
        if frame not in self._steps:
            place = self.frames.index(frame)
            before = self.frames[place - 1] if place else None
            if before is None or not (self._shot.readable(before) and self._shot.readable(frame)):
                self._steps[frame] = None
            else:
                a, b = (self._shaper.encode(self._shot.picture(each)) for each in (before, frame))
                self._steps[frame] = float((a - b).abs().double().mean())
        return self._steps[frame]


_REPEATED = 0.004
"""Shaped difference a frame that repeats another may have by being compressed anew."""
_AMONG = 0.08
"""And how small it must be beside the steps around it."""


def nearness(near: Tensor) -> Tensor:
    """Nearness 0..1 of logarithms of inverse depth (see `Depth.near`): the inverse, 5th to 95th hundredth."""
    inverse = near.exp().flatten()
    low, high = (inverse.kthvalue(max(1, round(part * len(inverse)))).values for part in (0.05, 0.95))
    return ((inverse - low) / (high - low).clamp_min(1e-9)).clamp(0, 1).reshape(near.shape)
