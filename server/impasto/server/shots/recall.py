"""Recall: the plate that paint was laid over, fetched through a map to where the paint is now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor

from impasto.server.ops.lattice import Lattice
from impasto.server.shots.provenance import Map, gathered

_HELD = 12
_HELD_BYTES = 384 << 20
"""At most so many plates and so many bytes are held in memory, but two at least."""


class Recall:
    """The plates of a shot by frame, ready to be fetched from.

    Args:
        base: gives the shaped base of a frame's plate, (1, 3, H, W) float32.
    """

    def __init__(self, base: Callable[[int], Tensor]) -> None:
        self._base = base
        self._held: OrderedDict[int, Lattice] = OrderedDict()

    def __call__(self, here: Map) -> Tensor:
        """The birth plate of every pixel of a map, fetched bilinearly: (1, 3, H, W), shaped; 0 without paint."""
        return gathered(here, lambda frame, x, y: self._plate(frame).bilinear(x, y), 3)

    def _plate(self, frame: int) -> Lattice:
        if frame not in self._held:
            self._held[frame] = Lattice(self._base(frame))
            size = sum(plate.nbytes for plate in self._held.values())
            while len(self._held) > _HELD or (size > _HELD_BYTES and len(self._held) > 2):
                size -= self._held.popitem(last=False)[1].nbytes
        self._held.move_to_end(frame)
        return self._held[frame]
