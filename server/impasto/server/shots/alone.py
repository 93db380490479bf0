"""A frame painted for itself, without heed to the others: what paint is measured by, and what it may come back to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.server.models.style.painter import Painter
from impasto.server.ops.threads import PAINTERS_THREADS, fixed_threads
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.relight import split
from impasto.server.shots.shot import Shot, Store, Watch, digest

VERSION = 1
"""Raised when frames painted alone come out otherwise; part of every key in the store."""


@dataclass(frozen=True)
class Alone:
    """Paints whole frames of a shot in one look; what is painted is kept in the store.

    Attributes:
        painter: gives the painter of a frame.
        look: digest of the painter and all that is set of it.
        shot: the plates.
        shaper: the shot's.
        seed: of random draws.
        store: keeps the pictures.
        watch: told of every frame.
    """

    painter: Callable[[int], Painter]
    look: str
    shot: Shot
    shaper: Shaper
    seed: int
    store: Store
    watch: Watch

    def __call__(self, frame: int) -> Tensor:
        """The shaped base of this readable frame's own painting, (1, 3, H, W) float32."""
        shot = self.shot
        of_shot = (f"{other} {shot.digest(other)}" for other in shot.frames)
        parts = [str(VERSION), self.look, repr(self.shaper), str(self.seed), str(frame), *of_shot]
        key = f"alone-{digest(*parts)}"
        kept = self.store.load(key)
        if kept is not None:
            return torch.from_numpy(kept["paint"])
        self.watch.check()
        self.watch.stage("alone", frame)
        base = split(shot.picture(frame), self.shaper).base
        with fixed_threads(PAINTERS_THREADS):
            paint = self.painter(frame).paint(base, seed=self.seed + frame, check=self.watch.check)
        self.store.save(key, {"paint": paint.numpy()})
        return paint
