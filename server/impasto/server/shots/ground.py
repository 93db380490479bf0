"""The ground: paint that no artist laid, painted wherever `courses` says that it is born."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from impasto.server.models.style.painter import Painter
from impasto.server.ops.threads import PAINTERS_THREADS, fixed_threads
from impasto.server.shots.births import Birth, Births, fetch, near
from impasto.server.shots.borders import softened
from impasto.server.shots.chains import Stage
from impasto.server.shots.courses import SPAN, Courses
from impasto.server.shots.keyed import Coat, Keyed
from impasto.server.shots.provenance import NOWHERE, Map, identity
from impasto.server.shots.relight import Light, answer, follow
from impasto.server.shots.seams import mend
from impasto.server.shots.shot import digest

_TELLING = 0.1
"""Share of the picture that must be painted in the first frame for its paint to tell of the look."""


def bare(frame: int, light: Light) -> Coat:
    """The plate itself as a coat of paint."""
    one = torch.ones_like(light.gain)
    here = identity(frame, one > 0)
    return Coat(light.base, one, one, here.x, here.y, here.born)


class Ground:
    """The births of a shot in one look.

    A birth is laid beside what is carried there, so births that are seen around it are painted before it. Each is
    painted when it is first looked at; what it becomes does not depend on when that is.

    Args:
        stage: the shot.
        keyed: the keys, which go before.
        painter: gives the painter of a frame.
        painter_digest: of the painter.
        relight: 0..1; births are laid beside paint relit as by 1, so they do not depend on it, unless
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
        self._courses, self._every = Courses(stage, keyed, frames, every or SPAN), every
        parts = [self._courses.digest, painter_digest, repr(relight) if keyed.chains else "", str(seed)]
        name = digest(*parts, *(["filled between"] if every else []))
        self._first, self._answer_key = frames[:1], f"answer-{name}"
        self.births = Births(
            stage.store,
            lambda frame: f"birth-{digest(name, str(frame))}",
            self._bear_in_order,
            stage.shaper,
            stage.shot.height,
            stage.shot.width,
            len(frames),
        )

    def coat(self, frame: int) -> Coat:
        """What the ground paints in this frame of its own, under its light; covers what the keys do not."""
        return self._coat(frame, self._courses.map(frame), self._relight)

    def _bear_in_order(self, frame: int) -> None:
        """Lay a birth, after those that are seen around it."""
        waiting = [frame]
        while waiting:
            lacking = [other for other in self._around(waiting[-1]) if not self.births.has(other)]
            if lacking:
                waiting += lacking
                continue
            born = waiting.pop()
            if not self.births.has(born):
                self._bear(born)

    def _around(self, frame: int) -> list[int]:
        """The births whose paint is seen where this one is laid."""
        seen = self._beside(frame)[0].born
        return [int(other) for other in torch.unique(seen[seen != NOWHERE])]

    def _beside(self, frame: int) -> tuple[Map, Tensor]:
        """What is carried to where this frame's birth is laid, and where that is, (1, 1, H, W) bool."""
        whole = self._courses.map(frame)
        newborn = whole.born == frame
        carried = whole.without(newborn)
        if self._paints(frame) and self._painter(frame).local:
            return carried, newborn
        return carried.without(~near(newborn)), newborn

    def _paints(self, frame: int) -> bool:
        """Whether what is born in this frame is painted; else the plate in its neighbours' colours stands for it."""
        return not self._every or self._courses.ends(frame)

    def _bear(self, frame: int) -> None:
        """Lay what is born in a frame so that it continues what is there, and keep it."""
        self._stage.watch.check()
        self._stage.watch.stage("births", frame)
        carried, newborn = self._beside(frame)
        light = self._stage.light(frame)
        base, there, match = self._surroundings(frame, carried)
        if self._paints(frame):
            start = mend(light.base, base, there, newborn, light.base) if self._painter(frame).local else None
            painted = self._painted(frame, start, newborn)
            paint = torch.where(newborn | there, mend(painted, base, there, newborn, light.base), painted)
        else:
            paint = mend(light.base, base, there, newborn, light.base)
        self.births.keep(frame, Birth(paint, match, torch.ones_like(match)), newborn)

    def _painted(self, frame: int, start: Tensor | None, newborn: Tensor) -> Tensor:
        painter, check = self._painter(frame), self._stage.watch.check
        where = newborn if painter.local else near(newborn)
        with fixed_threads(PAINTERS_THREADS):
            base = self._stage.light(frame).base
            return painter.paint(base, start=start, where=where, seed=self._seed + frame, check=check)

    def _surroundings(self, frame: int, carried: Map) -> tuple[Tensor, Tensor, Tensor]:
        """What lies around newborn paint: shaped base, where it is, and its match with the plate's highlights."""
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
        own = softened(here, fetch(here, self.births, stage.recall), self.births, stage.recall, light, stage.shaper)
        answers = self._answer if bool((here.alive & (here.born != frame)).any()) else 1.0
        base = follow(own.paint, own.soft, own.plate, here.alive, light, stage.shaper, relight, answers)
        return Coat(base, own.match, own.cover, here.x, here.y, here.born)

    @cached_property
    def _answer(self) -> float:
        """How far the look answers to light, told by what it paints in its first frame."""
        stage, kept = self._stage, self._stage.store.load(self._answer_key)
        if kept is None:
            frame = self._first[0]
            own = self._courses.map(frame)
            painted = own.born == frame
            told = 1.0
            if float(painted.float().mean()) > _TELLING:
                laid = fetch(own.without(~painted), self.births, stage.recall)
                told = answer(laid.paint, laid.plate, painted, stage.shaper)
            kept = {"answer": np.array([told])}
            stage.store.save(self._answer_key, kept)
        return float(kept["answer"][0])
