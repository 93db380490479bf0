"""Recall: the plate that paint was laid over, fetched through a map to where the paint is now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from impasto.server.ops.lattice import Lattice
from impasto.server.shots.pages import SIDE, Pages
from impasto.server.shots.provenance import Map

_MOST_BYTES = 384 << 20
"""Memory of what is held."""


class Recall:
    """The plates of a shot by frame, ready to be fetched from.

    Args:
        base: gives the shaped base of a frame's plate, (1, 3, H, W) float32.
        height: of the plates.
        width: of the plates.
        plates: how many there are.
    """

    def __init__(self, base: Callable[[int], Tensor], height: int, width: int, plates: int) -> None:
        page_bytes = 3 * 4 * (SIDE + 1) ** 2
        self._pages = Pages(height, width, plates, page_bytes, _MOST_BYTES, lambda frame: base(frame)[0], self._lay)
        self._lattice = Lattice(3, SIDE, self._pages.places)

    def __call__(self, here: Map) -> Tensor:
        """The birth plate of every pixel of a map, fetched bilinearly: (1, 3, H, W), shaped; 0 without paint."""
        return self._pages.gather(here, self._lattice.bilinear, 3)

    def _lay(self, plate: Tensor, pieces: Sequence[int], places: Tensor) -> None:
        self._lattice.lay(places, self._pages.windows(plate, pieces, 0, 1))
