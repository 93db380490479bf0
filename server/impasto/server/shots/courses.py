"""Courses: where the ground's paint is born and how it is carried, whatever it is painted with.

What comes into view little by little would be painted in strips, a frame at a time, each with its own idea of the
picture. So births look ahead: the shot is cut into spans, what has come into view by a span's last frame is born there
as a whole, and carried back to where it first shows. Only what that frame does not see is born in between.
"""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.server.shots.chains import Stage, advance
from impasto.server.shots.heal import heal
from impasto.server.shots.keyed import Keyed
from impasto.server.shots.provenance import Map, identity, over
from impasto.server.shots.relight import change
from impasto.server.shots.shot import digest

SPAN = 8
"""Frames that births look ahead, counted from the shot's start; the first frame is a span of its own."""

_COVERED = 0.999
"""Coverage by keys from which no ground is needed."""


class Courses:
    """The maps of a shot's ground; they depend on plates, motion and keys, not on the look.

    Args:
        stage: the shot.
        keyed: the keys, which go before.
        frames: readable frames of the shot, side by side, that paint is carried through.
        length: frames of a span.
    """

    def __init__(self, stage: Stage, keyed: Keyed, frames: tuple[int, ...], length: int = SPAN) -> None:
        self._stage, self._keyed = stage, keyed
        self._spans = [frames[:1], *(frames[start : start + length] for start in range(1, len(frames), length))]
        self.digest = digest(stage.digest, "ground", keyed.digest, str(length), *map(str, frames))

    def map(self, frame: int) -> Map:
        """The map of a frame; pixels born there lie where they are. No paint where only the keys' is wanted."""
        kept = self._stage.load(self._name("map", frame))
        if kept is None:
            self._carry_until(frame)
            kept = self._kept("map", frame)
        return kept

    def ends(self, frame: int) -> bool:
        """Whether a span ends with this frame."""
        return any(span and span[-1] == frame for span in self._spans)

    def _carry_until(self, frame: int) -> None:
        """Make all maps up to the end of the span this frame is in, from the last that is kept."""
        last = next(place for place, span in enumerate(self._spans) if frame <= span[-1])
        first, before = last, None
        while first > 0 and before is None:
            before = self._stage.load(self._name("map", self._spans[first - 1][-1]))
            first -= before is None
        for span in self._spans[first : last + 1]:
            before = self._carry(span, before)

    def _carry(self, span: tuple[int, ...], before: Map | None) -> Map:
        """The maps of one span, from the map of the frame before it; gives the map of its last frame."""
        end = span[-1]
        carried = self._forward(span, before)
        newborn = self._newborn(end, carried)
        self._backward(span, identity(end, newborn))
        self._between(span)
        here = carried.reborn(newborn, end)
        self._stage.save(self._name("map", end), here)
        return here

    def _forward(self, span: tuple[int, ...], before: Map | None) -> Map:
        """Carry what was born before the span through it; gives the last frame's map."""
        here = before
        for frame in span:
            self._begin(frame)
            if here is None:
                here = identity(frame, torch.zeros_like(self._stage.light(frame).gain, dtype=torch.bool))
            else:
                here = advance(self._stage, here, frame, True, sheds=True)
            self._stage.save(self._name("forward", frame), here)
        assert here is not None
        return here

    def _backward(self, span: tuple[int, ...], here: Map) -> None:
        """Carry what was born in the span's last frame back to where it first shows."""
        for frame in reversed(span[:-1]):
            self._begin(frame)
            here = advance(self._stage, here, frame, False, alone=False)
            self._stage.save(self._name("both", frame), over(self._kept("forward", frame), here))

    def _between(self, span: tuple[int, ...]) -> None:
        """Let be born, in order, what shows in between only."""
        rest: Map | None = None
        for frame in span[:-1]:
            here = self._kept("both", frame)
            if rest is not None:
                here = over(here, advance(self._stage, rest, frame, True, alone=False))
            here = self._healed(frame, here)
            here = here.reborn(self._newborn(frame, here), frame)
            rest = here.without(self._kept("both", frame).alive)
            self._stage.save(self._name("map", frame), here)

    def _healed(self, frame: int, here: Map) -> Map:
        """Close the hairlines where two maps meet."""
        stage, now = self._stage, self._stage.light(frame)
        ratio = change(now, stage.recall(here), here.alive, stage.shaper)
        return heal(here, now.base, ratio, stage.recall, stage.shaper)

    def _newborn(self, frame: int, carried: Map) -> Tensor:
        """Pixels that neither carried paint nor keys cover."""
        keys = self._keyed.coat(frame)
        missing = ~carried.alive
        return missing if keys is None else missing & (keys.cover < _COVERED)

    def _begin(self, frame: int) -> None:
        self._stage.watch.check()
        self._stage.watch.stage("maps", frame)

    def _kept(self, what: str, frame: int) -> Map:
        kept = self._stage.load(self._name(what, frame))
        assert kept is not None
        return kept

    def _name(self, what: str, frame: int) -> str:
        return f"{what}-{digest(self.digest, str(frame))}"
