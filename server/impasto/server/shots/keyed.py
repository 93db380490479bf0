"""The paint of the keys in any frame: every key carried on its own, then chosen between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.server.errors import BadRequest
from impasto.server.shots.births import Birth, Births, Fetched, fetch
from impasto.server.shots.borders import softened
from impasto.server.shots.chains import Stage, advance
from impasto.server.shots.keys import Key, choose
from impasto.server.shots.provenance import Map, identity
from impasto.server.shots.relight import Light, follow, undevelop
from impasto.server.shots.shot import digest


@dataclass(frozen=True)
class Coat:
    """Paint over a frame, under its light.

    Attributes:
        base: (1, 3, H, W) float32, shaped base.
        match: (1, 1, H, W) 0..1, see `relight.develop`.
        cover: (1, 1, H, W) 0..1, where there is paint.
        x: (1, 1, H, W) float32, column of the (heavier) source; raster index.
        y: the same for rows.
        born: (1, 1, H, W) int32, frame of the (heavier) source.
    """

    base: Tensor
    match: Tensor
    cover: Tensor
    x: Tensor
    y: Tensor
    born: Tensor


class KeyChain:
    """One key's maps through the shot, both ways; independent of every other key.

    Args:
        stage: the shot.
        key: the key.
    """

    def __init__(self, stage: Stage, key: Key) -> None:
        self.key, self._stage = key, stage
        self._digest = digest(stage.digest, "key", key.digest)
        self.births = Births(
            stage.store,
            lambda frame: f"birth-{self._digest}",
            self._bear,
            stage.shaper,
            stage.shot.height,
            stage.shot.width,
            1,
        )
        self._last: dict[bool, tuple[int, Map]] = {}

    def map(self, frame: int) -> Map:
        """The key's map of a readable frame of the shot."""
        if frame == self.key.frame:
            return identity(frame, self.key.coverage > 0)
        frames = self._stage.frames
        onward = frame > self.key.frame
        path = (
            [f for f in frames if self.key.frame < f <= frame]
            if onward
            else [f for f in reversed(frames) if frame <= f < self.key.frame]
        )
        here, missing = self._latest(path, onward)
        for step in missing:
            self._stage.watch.check()
            self._stage.watch.stage("maps", step)
            here = advance(self._stage, here, step, onward)
            self._stage.save(self._name(step), here)
        self._last[onward] = (frame, here)
        return here

    def _latest(self, path: Sequence[int], onward: bool) -> tuple[Map, Sequence[int]]:
        """The map furthest along the path that is known, and the frames after it."""
        known = self._last.get(onward)
        for place in range(len(path) - 1, -1, -1):
            if known is not None and known[0] == path[place]:
                return known[1], path[place + 1 :]
            kept = self._stage.load(self._name(path[place]))
            if kept is not None:
                return kept, path[place + 1 :]
        return identity(self.key.frame, self.key.coverage > 0), path

    def _name(self, frame: int) -> str:
        return f"map-{digest(self._digest, str(frame))}"

    def _bear(self, frame: int) -> None:
        light = self._stage.light(frame)
        paint, match = undevelop(self.key.picture, light, self._stage.shaper)
        self.births.keep(frame, Birth(paint, match, self.key.coverage), self.key.coverage > 0)


class Keyed:
    """All keys of a job.

    Args:
        stage: the shot.
        keys: of the job.
        relight: 0..1, how far paint follows the plate's light.

    Raises:
        BadRequest: a key's frame is not in the shot.
    """

    def __init__(self, stage: Stage, keys: Sequence[Key], relight: float) -> None:
        self._stage, self._relight = stage, relight
        self._last: tuple[int, Coat | None] | None = None
        for key in keys:
            if key.frame not in stage.shot.frames:
                raise BadRequest(
                    f"Key {key.frame} is not a frame of the shot {stage.shot.frames[0]}-{stage.shot.frames[-1]}; "
                    "widen --shot or give the key the number of the frame it paints.",
                    reason="KEY_OUTSIDE",
                    frame=key.frame,
                )
            if key.frame not in stage.frames:
                stage.watch.warn(f"Key {key.frame} is left out: its plate cannot be read.")
        self.chains = [KeyChain(stage, key) for key in keys if key.frame in stage.frames]
        self.digest = digest(*(f"{k.key.digest} {k.key.weight!r} {sorted(k.key.hold or ())}" for k in self.chains))

    def nearest(self, frame: int) -> int | None:
        """Frame of the key nearest in time, the earlier of two; None without keys."""
        frames = [chain.key.frame for chain in self.chains if chain.key.weight > 0]
        return min(frames, key=lambda other: (abs(other - frame), other), default=None)

    def coat(self, frame: int) -> Coat | None:
        """What the keys paint in this frame, or None where none may."""
        if self._last is None or self._last[0] != frame:
            chains = [chain for chain in self.chains if chain.key.holds(frame)]
            self._last = frame, self._made(frame, chains) if chains else None
        return self._last[1]

    def _made(self, frame: int, chains: list[KeyChain]) -> Coat:
        stage = self._stage
        maps = [chain.map(frame) for chain in chains]
        light = stage.light(frame)
        fetched = [self._fetched(chain, own, light) for chain, own in zip(chains, maps, strict=True)]
        shares = choose(frame, [chain.key for chain in chains], maps, [each.cover for each in fetched])
        cover = torch.stack(shares).sum(0)
        base = torch.zeros_like(light.base)
        match = torch.zeros_like(cover)
        for own, share in zip(fetched, shares, strict=True):
            part = share / cover.clamp_min(1e-9)
            base = (
                base + follow(own.paint, own.soft, own.plate, own.cover > 0, light, stage.shaper, self._relight) * part
            )
            match = match + own.match * part
        heaviest = torch.stack(shares).argmax(0)
        pick = [torch.stack([getattr(own, name) for own in maps]).gather(0, heaviest[None])[0] for name in "xy"]
        born = torch.stack([own.born for own in maps]).gather(0, heaviest[None])[0]
        return Coat(base, match, cover, pick[0], pick[1], born)

    def _fetched(self, chain: KeyChain, own: Map, light: Light) -> Fetched:
        stage, births = self._stage, chain.births
        return softened(own, fetch(own, births, stage.recall), births, stage.recall, light, stage.shaper)
