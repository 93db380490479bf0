"""Births: what is known of the paint that was laid in one frame, kept by frame in the store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from impasto.server.ops.lattice import Lattice
from impasto.server.ops.spline import APRON, Spline
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import screen
from impasto.server.shots.provenance import Map, gathered
from impasto.server.shots.recall import Recall
from impasto.server.shots.shot import Store

_TILE = 64
"""Side of the tiles in which births are kept, in pixels, on a grid from the upper left."""
_HELD = 12
_HELD_BYTES = 512 << 20
"""At most so many births and so many bytes are held in memory, but two at least; the store keeps the rest."""


@dataclass(frozen=True)
class Birth:
    """Paint as it was laid. All float32 over the raster.

    Attributes:
        paint: (1, 3, H, W), shaped base of the paint.
        match: (1, 1, H, W) 0..1, how far the paint takes the plate's highlights.
        cover: (1, 1, H, W) 0..1, where there is paint.
    """

    paint: Tensor
    match: Tensor
    cover: Tensor

    def packed(self, where: Tensor) -> dict[str, NDArray[Any]]:
        """For the store: the tiles that fetching `where`, (1, 1, H, W) bool, can look at."""
        height, width = where.shape[-2:]
        whole = _padded(torch.cat([self.paint, self.match, self.cover], 1)[0])
        tiles = whole.unflatten(2, (-1, _TILE)).unflatten(1, (-1, _TILE)).permute(1, 3, 0, 2, 4)
        used = F.max_pool2d(_padded(near(where).float()[0])[None], _TILE)[0, 0] > 0
        return {
            "size": torch.tensor([height, width]).numpy(),
            "used": used.numpy(),
            "tiles": tiles[used].contiguous().numpy(),
        }

    @classmethod
    def unpacked(cls, arrays: Mapping[str, NDArray[Any]]) -> Birth:
        """From the store; 0 where nothing was kept."""
        height, width = arrays["size"].tolist()
        used, tiles = torch.from_numpy(arrays["used"]), torch.from_numpy(arrays["tiles"])
        grid = torch.zeros(*used.shape, *tiles.shape[1:])
        grid[used] = tiles
        whole = grid.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)[None, :, :height, :width]
        return cls(*(part.contiguous() for part in whole.split([3, 1, 1], 1)))


class Laid:
    """A birth ready to be fetched from.

    Paint is resampled as it is seen on a screen: in the shaped domain of a dark shot strokes would ring.

    Args:
        birth: the paint.
        shaper: the shot's.
    """

    def __init__(self, birth: Birth, shaper: Shaper) -> None:
        self._shaper = shaper
        self.rest = Lattice(torch.cat([birth.paint, birth.match, birth.cover], 1))
        self._paint: Tensor | None = birth.paint

    def paint(self, x: Tensor, y: Tensor) -> Tensor:
        """The paint's one resampling, (3, N), shaped; see `Spline.at`."""
        shown = self._spline.at(x, y)[None, ..., None]
        return self._shaper.encode(screen.light(shown, self._shaper))[0, ..., 0]

    @cached_property
    def _spline(self) -> Spline:
        """Made when it is first asked for."""
        assert self._paint is not None
        spline, self._paint = Spline(screen.show(self._shaper.decode(self._paint), self._shaper)), None
        return spline

    @property
    def nbytes(self) -> int:
        """Memory held."""
        own = self._paint.nbytes if self._paint is not None else self._spline.nbytes
        return self.rest.nbytes + own


@dataclass(frozen=True)
class Fetched:
    """What a map fetches: paint and birth plate, brought to where they are now. Shapes and ranges as in `Birth`.

    `soft` is the paint fetched bilinearly, as the plate is, for where the two are compared pixel by pixel. All are 0
    where the map has no paint.
    """

    paint: Tensor
    soft: Tensor
    plate: Tensor
    match: Tensor
    cover: Tensor


class Births:
    """Births by frame.

    Args:
        store: keeps them.
        key: names a frame's birth in the store.
        make: makes a birth that neither memory nor store has and keeps it, the same every time.
        shaper: the shot's.
    """

    def __init__(self, store: Store, key: Callable[[int], str], make: Callable[[int], None], shaper: Shaper) -> None:
        self._store, self._key, self._make, self._shaper = store, key, make, shaper
        self._held: OrderedDict[int, Laid] = OrderedDict()

    def __getitem__(self, frame: int) -> Laid:
        """The birth of this frame."""
        if frame not in self._held and not self._found(frame):
            self._make(frame)
            if frame not in self._held:  # much was born after it
                self._found(frame)
        self._held.move_to_end(frame)
        return self._held[frame]

    def has(self, frame: int) -> bool:
        """Whether this birth is there without being made."""
        return frame in self._held or self._found(frame)

    def keep(self, frame: int, birth: Birth, where: Tensor) -> None:
        """Keep what was born in this frame on the pixels `where`, (1, 1, H, W) bool."""
        arrays = birth.packed(where)
        self._store.save(self._key(frame), arrays)
        self._hold(frame, arrays)

    def _found(self, frame: int) -> bool:
        """Whether the store has it; holds it then."""
        arrays = self._store.load(self._key(frame))
        if arrays is not None:
            self._hold(frame, arrays)
        return arrays is not None

    def _hold(self, frame: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._held[frame] = Laid(Birth.unpacked(arrays), self._shaper)
        size = sum(laid.nbytes for laid in self._held.values())
        while len(self._held) > _HELD or (size > _HELD_BYTES and len(self._held) > 2):
            _, oldest = self._held.popitem(last=False)
            size -= oldest.nbytes


def near(where: Tensor) -> Tensor:
    """Pixels, (1, 1, H, W) bool, that fetching those of `where` can look at."""
    grown = where.float()
    for kernel in ((1, 2 * APRON + 1), (2 * APRON + 1, 1)):
        grown = F.max_pool2d(grown, kernel, 1, (kernel[0] // 2, kernel[1] // 2))
    return grown > 0


def fetch(here: Map, births: Births, recall: Recall) -> Fetched:
    """What a frame's map says: every pixel's paint by its one resampling, and beside it the plate at birth."""

    def take(frame: int, x: Tensor, y: Tensor) -> Tensor:
        laid = births[frame]
        return torch.cat([laid.paint(x, y), laid.rest.bilinear(x, y)])

    paint, soft, match, cover = gathered(here, take, 8).split([3, 3, 1, 1], 1)
    return Fetched(paint, soft, recall(here), match, cover)


def _padded(picture: Tensor) -> Tensor:
    """A picture (C, H, W) grown to whole tiles with 0."""
    height, width = picture.shape[-2:]
    return F.pad(picture, (0, -width % _TILE, 0, -height % _TILE))
