"""The ground: paint that no artist laid, born in order from the shot's start wherever nothing else covers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from impasto.server.models.style.painter import Painter
from impasto.server.shots.births import Birth, Births, fetch
from impasto.server.shots.chains import Carried, Stage, advance, digest
from impasto.server.shots.keyed import Coat, Keyed
from impasto.server.shots.provenance import Map, identity
from impasto.server.shots.relight import follow
from impasto.server.shots.seams import mend
from torch import Tensor

_COVERED = 0.999
"""Coverage by keys from which no ground is needed."""


class Ground:
    """The births of a shot and the maps that carry them.

    Args:
        stage: the shot.
        keyed: the keys, which go before.
        painter: gives the painter of a frame; the plate itself is the paint where None.
        painter_digest: of the painter.
        relight: 0..1.
        seed: of random draws.
    """

    def __init__(
        self,
        stage: Stage,
        keyed: Keyed,
        painter: Callable[[int], Painter] | None,
        painter_digest: str,
        relight: float,
        seed: int,
    ) -> None:
        self._stage, self._keyed, self._painter, self._relight, self._seed = stage, keyed, painter, relight, seed
        self._digest = digest(stage.digest, "ground", keyed.digest, painter_digest, repr(relight), str(seed))
        self.births = Births(stage.store, lambda frame: self._name("birth", frame), self._again)
        self._last: tuple[int, Map] | None = None

    def map(self, frame: int) -> Map:
        """The map of a readable frame, with its own births; makes all births up to it that are not kept."""
        path = [other for other in self._stage.frames if other <= frame]
        here, missing = self._latest(path)
        for step in missing:
            here = self._step(here, step)
        self._last = (frame, here)
        return here

    def coat(self, frame: int) -> Coat:
        """What the ground paints in this frame, under its light; covers everything the keys do not."""
        here = self.map(frame)
        return self._coat(frame, Carried(here, fetch(here, self.births)))

    def _latest(self, path: list[int]) -> tuple[Map | None, list[int]]:
        for place in range(len(path) - 1, -1, -1):
            if self._last is not None and self._last[0] == path[place]:
                return self._last[1], path[place + 1 :]
            kept = self._stage.load(self._name("map", path[place]))
            if kept is not None:
                return kept, path[place + 1 :]
        return None, path

    def _step(self, before: Map | None, frame: int) -> Map:
        """Carry, then let paint be born where there is none."""
        self._stage.watch.check()
        self._stage.watch.stage("births", frame)
        carried = self._carried(before, frame)
        keys = self._keyed.coat(frame)
        newborn = ~carried.map.alive
        if keys is not None:
            newborn &= keys.cover < _COVERED
        if bool(newborn.any()):
            self.births.keep(frame, self._born(frame, carried, keys, newborn))
        here = carried.map.reborn(newborn, frame)
        self._stage.save(self._name("map", frame), here)
        return here

    def _carried(self, before: Map | None, frame: int) -> Carried:
        if before is None or self._painter is None:
            light = self._stage.light(frame)
            nothing = identity(frame, torch.zeros_like(light.gain, dtype=torch.bool))
            return Carried(nothing, Birth.nothing(*light.gain.shape[-2:]))
        return advance(self._stage, before, frame, True, self.births)

    def _born(self, frame: int, carried: Carried, keys: Coat | None, newborn: Tensor) -> Birth:
        """Paint what is newborn so that it continues what is carried."""
        stage = self._stage
        light = stage.light(frame)
        match = torch.ones_like(light.gain)
        cover = torch.ones_like(light.gain)
        if self._painter is None:
            return Birth.of(light.base, match, cover, light)
        coat = self._coat(frame, carried)
        there = carried.map.alive
        base = coat.base
        if keys is not None:
            base = torch.where(there, base, keys.base) * (1 - keys.cover) + keys.base * keys.cover
            there = there | (keys.cover > 0.5)
            match = keys.match * keys.cover + (1 - keys.cover)
        start = mend(light.base, base, there, newborn) if bool(there.any()) else light.base
        painter = self._painter(frame)
        painted = painter.paint(
            light.base, start=start, where=newborn, seed=self._seed + frame, check=stage.watch.check
        )
        return Birth.of(mend(painted, base, there, newborn), torch.where(newborn, 1.0, match), cover, light)

    def _coat(self, frame: int, carried: Carried) -> Coat:
        own, here = carried.fetched, carried.map
        base = follow(own.paint, own.plate, own.low, self._stage.light(frame), self._stage.shaper, self._relight)
        return Coat(base, own.match, own.cover, here.x, here.y, here.born)

    def _again(self, frame: int) -> Birth:
        """A birth the store has lost, made again from the frames before it."""
        path = [other for other in self._stage.frames if other < frame]
        here, missing = self._latest(path) if path else (None, [])
        for step in missing:
            here = self._step(here, step)
        self._step(here, frame)
        return self.births[frame]

    def _name(self, what: str, frame: int) -> str:
        return f"{what}-{digest(self._digest, str(frame))}"
