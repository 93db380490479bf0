"""The artist's keyframes, carried both ways; every key has a map of its own, and choosing comes after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.server.ops.lowpass import lowpass
from impasto.server.shots.provenance import Map, stretch

_MEMORY = 8.0
"""Frames of distance that weigh as much as one doubt."""
_CROSSING = 0.15
"""Difference of doubts over which one key gives way to another: narrow, so that textures rarely mix."""
_SMOOTH = 4.0
"""Pixels over which the choice between keys is smoothed."""
_SURE = 1e4
"""Stands for no doubt at all: a key at its own frame."""


@dataclass(frozen=True)
class Key:
    """A frame painted by the artist.

    Attributes:
        frame: the frame it paints.
        picture: (1, 3, H, W) float32, scene-linear working RGB on the raster.
        coverage: (1, 1, H, W) float32 0..1, where it paints.
        weight: how much it counts beside other keys; 0 leaves it out.
        hold: the frames it may paint; None for all.
        digest: of all of these.
    """

    frame: int
    picture: Tensor
    coverage: Tensor
    weight: float
    hold: frozenset[int] | None
    digest: str

    def holds(self, frame: int) -> bool:
        """Whether the key may paint this frame."""
        return self.weight > 0 and (self.hold is None or frame in self.hold)


def choose(frame: int, keys: Sequence[Key], maps: Sequence[Map], coverage: Sequence[Tensor]) -> list[Tensor]:
    """How much of each key every pixel takes: the better supported wins, smoothly in space and time.

    Args:
        frame: the frame to paint.
        keys: those that may paint it.
        maps: their maps of this frame.
        coverage: (1, 1, H, W) 0..1 each, their coverage fetched through their maps.

    Returns:
        A share (1, 1, H, W) 0..1 each; they add up to 1 where a key covers fully, to less where none does.
    """
    if not keys:
        return []
    support = [_support(frame, key, own) for key, own in zip(keys, maps, strict=True)]
    best = torch.stack(support).amax(0)
    shares = [torch.exp((own - best) / _CROSSING) * covers for own, covers in zip(support, coverage, strict=True)]
    total = torch.stack(shares).sum(0)
    covered = torch.stack(list(coverage)).amax(0)
    return [share / total.clamp_min(1e-9) * covered for share in shares]


def _support(frame: int, key: Key, own: Map) -> Tensor:
    """Logarithm of a key's support: what doubt, distance and stretch leave of its weight; far below where dead."""
    alive = own.alive.float()
    if frame == key.frame:
        return torch.where(own.alive, _SURE, -_SURE)
    cost = (own.doubt + stretch(own)) * alive
    smooth = lowpass(cost, _SMOOTH) / lowpass(alive, _SMOOTH).clamp_min(1e-3)
    distance = abs(frame - key.frame) / _MEMORY
    return torch.where(own.alive, float(torch.tensor(key.weight).log()) - distance - smooth, -_SURE)
