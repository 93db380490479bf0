"""The ground: paint that no artist laid, born in order from the shot's start wherever nothing else covers.

What comes into view little by little would be painted in strips, a frame at a time, each with its own idea of the
picture. So births look ahead: the shot is cut into spans, what has come into view by a span's last frame is painted
there as a whole, and carried back to where it first shows. Only what that frame does not see is born in between.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from impasto.server.models.style.painter import Painter
from impasto.server.ops.threads import PAINTERS_THREADS, fixed_threads
from impasto.server.shots.births import Birth, Births, fetch, near, recall
from impasto.server.shots.borders import softened
from impasto.server.shots.chains import Stage, advance, digest
from impasto.server.shots.heal import heal
from impasto.server.shots.keyed import Coat, Keyed
from impasto.server.shots.provenance import Map, identity, over
from impasto.server.shots.relight import Light, change, follow
from impasto.server.shots.seams import mend

SPAN = 8
"""Frames that births look ahead, counted from the shot's start; the first frame is a span of its own."""

_COVERED = 0.999
"""Coverage by keys from which no ground is needed."""


def bare(frame: int, light: Light) -> Coat:
    """The plate itself as a coat of paint."""
    one = torch.ones_like(light.gain)
    here = identity(frame, one > 0)
    return Coat(light.base, one, one, here.x, here.y, here.born)


class Ground:
    """The births of a shot and the maps that carry them.

    Args:
        stage: the shot.
        keyed: the keys, which go before.
        painter: gives the painter of a frame.
        painter_digest: of the painter.
        relight: 0..1; births are laid beside paint that follows the light fully, so they do not depend on it, unless
            keys paint too.
        seed: of random draws.
        frames: readable frames of the shot, side by side, that it is carried through.
        every: births look so far ahead, and what shows between the frames painted alone is not painted but filled with
            the plate in its neighbours' colours; 0 lets every frame be painted, births looking `SPAN` frames ahead.
    """

    def __init__(
        self,
        stage: Stage,
        keyed: Keyed,
        painter: Callable[[int], Painter],
        painter_digest: str,
        relight: float,
        seed: int,
        frames: tuple[int, ...],
        every: int = 0,
    ) -> None:
        self._stage, self._keyed, self._painter, self._relight, self._seed = stage, keyed, painter, relight, seed
        self._frames, self._every = frames, every
        lit = repr(relight) if keyed.chains else ""
        parts = [stage.digest, "ground", keyed.digest, painter_digest, lit, str(seed), *map(str, frames)]
        self._digest = digest(*parts, *([f"every {every}"] if every else []))
        self.births = Births(stage.store, lambda frame: self._name("birth", frame), self._again, stage.shaper)

    def coat(self, frame: int) -> Coat:
        """What the ground paints in this frame of its own, under its light; covers what the keys do not."""
        kept = self._stage.load(self._name("map", frame))
        if kept is None:
            self._paint_until(frame)
            kept = self._stage.load(self._name("map", frame))
            assert kept is not None
        return self._coat(frame, kept, self._relight)

    def _spans(self) -> list[tuple[int, ...]]:
        frames, length = self._frames, self._every or SPAN
        return [frames[:1], *(frames[start : start + length] for start in range(1, len(frames), length))]

    def _paint_until(self, frame: int) -> None:
        """Make all maps and births up to the end of the span this frame is in, from the last that is kept."""
        spans = self._spans()
        last = next(place for place, span in enumerate(spans) if frame <= span[-1])
        first, before = last, None
        while first > 0 and before is None:
            before = self._stage.load(self._name("map", spans[first - 1][-1]))
            first -= before is None
        for span in spans[first : last + 1]:
            before = self._paint(span, before)

    def _paint(self, span: tuple[int, ...], before: Map | None) -> Map:
        """Maps and births of one span, from the map of the frame before it; gives the map of its last frame."""
        end = span[-1]
        carried = self._forward(span, before)
        newborn = self._newborn(end, carried)
        self._bear(end, carried, newborn)
        here = carried.reborn(newborn, end)
        self._backward(span, identity(end, newborn))
        self._between(span)
        self._stage.save(self._name("map", end), here)
        return here

    def _forward(self, span: tuple[int, ...], before: Map | None) -> Map:
        """Carry what was painted before the span through it; gives the last frame's map."""
        here = before
        for frame in span:
            self._begin("maps", frame)
            if here is None:
                here = identity(frame, torch.zeros_like(self._stage.light(frame).gain, dtype=torch.bool))
            else:
                here = advance(self._stage, here, frame, True, self.births, sheds=True)
            self._stage.save(self._name("forward", frame), here)
        assert here is not None
        return here

    def _backward(self, span: tuple[int, ...], here: Map) -> None:
        """Carry what was born in the span's last frame back to where it first shows."""
        for frame in reversed(span[:-1]):
            self._begin("maps", frame)
            here = advance(self._stage, here, frame, False, self.births, alone=False)
            self._stage.save(self._name("both", frame), over(self._kept("forward", frame), here))

    def _between(self, span: tuple[int, ...]) -> None:
        """Let be born, in order, what shows in between only."""
        rest: Map | None = None
        for frame in span[:-1]:
            here = self._kept("both", frame)
            if rest is not None:
                here = over(here, advance(self._stage, rest, frame, True, self.births, alone=False))
            here = self._healed(frame, here)
            newborn = self._newborn(frame, here)
            if self._every:
                self._fill(frame, here, newborn)
            else:
                self._bear(frame, here, newborn)
            both = self._kept("both", frame).alive
            here = here.reborn(newborn, frame)
            rest = here.without(both)
            self._stage.save(self._name("map", frame), here)

    def _healed(self, frame: int, here: Map) -> Map:
        """Close the hairlines where two maps meet."""
        now, shaper = self._stage.light(frame), self._stage.shaper
        return heal(here, now.base, change(now, recall(here, self.births), here.alive, shaper), self.births, shaper)

    def _newborn(self, frame: int, carried: Map) -> Tensor:
        """Pixels that neither carried paint nor keys cover."""
        keys = self._keyed.coat(frame)
        missing = ~carried.alive
        return missing if keys is None else missing & (keys.cover < _COVERED)

    def _bear(self, frame: int, carried: Map, newborn: Tensor) -> None:
        """Paint what is newborn so that it continues what is there, and keep it."""
        if not bool(newborn.any()):
            return
        self._begin("births", frame)
        stage, light, painter = self._stage, self._stage.light(frame), self._painter(frame)
        around = None if painter.local else near(newborn)
        base, there, match = self._surroundings(frame, carried, around)
        start = mend(light.base, base, there, newborn, light.base) if painter.local else None
        with fixed_threads(PAINTERS_THREADS):
            seed, check = self._seed + frame, stage.watch.check
            painted = painter.paint(
                light.base, start=start, where=newborn if around is None else around, seed=seed, check=check
            )
        paint = mend(painted, base, there, newborn, light.base)
        paint = torch.where(newborn | there, paint, painted)
        self.births.keep(frame, Birth.of(paint, match, torch.ones_like(match), light), newborn)

    def _fill(self, frame: int, carried: Map, newborn: Tensor) -> None:
        """Let the plate in its neighbours' colours stand for what no painted frame sees, and keep it."""
        if not bool(newborn.any()):
            return
        self._begin("births", frame)
        light = self._stage.light(frame)
        base, there, match = self._surroundings(frame, carried, near(newborn))
        paint = mend(light.base, base, there, newborn, light.base)
        self.births.keep(frame, Birth.of(paint, match, torch.ones_like(match), light), newborn)

    def _surroundings(self, frame: int, carried: Map, around: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """What lies around newborn paint: shaped base, where it is, and its match with the plate's highlights."""
        if around is not None:
            carried = carried.without(~around)
        coat = self._coat(frame, carried, 1.0)
        base, there, match = coat.base, carried.alive, torch.where(carried.alive, coat.match, 1.0)
        keys = self._keyed.coat(frame)
        if keys is not None:
            ground = torch.where(there, base, keys.base)
            base = keys.base * keys.cover + ground * (1 - keys.cover)
            match = keys.match * keys.cover + match * (1 - keys.cover)
            there = there | (keys.cover > 0.5)
        return base, there, match

    def _coat(self, frame: int, here: Map, relight: float) -> Coat:
        stage, light = self._stage, self._stage.light(frame)
        own = softened(here, fetch(here, self.births), self.births, light, stage.shaper)
        base = follow(own.paint, own.soft, own.plate, here.alive, light, stage.shaper, relight)
        return Coat(base, own.match, own.cover, here.x, here.y, here.born)

    def _again(self, frame: int) -> None:
        """A birth the store has lost, made again from the frames before it."""
        spans = self._spans()
        place = next(place for place, span in enumerate(spans) if frame in span)
        before: Map | None = None
        if place > 0:
            end = spans[place - 1][-1]
            before = self._stage.load(self._name("map", end))
            if before is None:
                self._paint_until(end)
                before = self._kept("map", end)
        self._paint(spans[place], before)

    def _begin(self, what: str, frame: int) -> None:
        self._stage.watch.check()
        self._stage.watch.stage(what, frame)

    def _kept(self, what: str, frame: int) -> Map:
        kept = self._stage.load(self._name(what, frame))
        assert kept is not None
        return kept

    def _name(self, what: str, frame: int) -> str:
        return f"{what}-{digest(self._digest, str(frame))}"
