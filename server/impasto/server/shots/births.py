"""Births: what is known of the paint that was laid in one frame, kept by frame in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from impasto.server.ops.lattice import Lattice
from impasto.server.ops.spline import APRON, Spline
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import screen
from impasto.server.shots.pages import SIDE, Pages
from impasto.server.shots.provenance import Map
from impasto.server.shots.recall import Recall
from impasto.server.shots.shot import Store

_TILE = 64
"""Side of the tiles in which births are kept, in pixels, on a grid from the upper left."""
_BESIDE = 16
"""Pixels beside what is born that are kept with it."""
_MOST_BYTES = 512 << 20
"""Memory of what is held ready to be fetched from; the store keeps the rest."""
_PAGE_BYTES = 4 * (3 * (2 * SIDE + 3) ** 2 + (3 + 5) * (SIDE + 1) ** 2)


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


def unpacked(arrays: Mapping[str, NDArray[Any]]) -> Tensor:
    """A birth from the store: paint, match and cover, (5, H, W); 0 where nothing was kept."""
    height, width = arrays["size"].tolist()
    used, tiles = torch.from_numpy(arrays["used"]), torch.from_numpy(arrays["tiles"])
    grid = torch.zeros(*used.shape, *tiles.shape[1:])
    grid[used] = tiles
    return grid.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)[:, :height, :width]


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

    Paint is resampled as it is seen on a screen: in the shaped domain of a dark shot strokes would ring.

    Args:
        store: keeps them.
        key: names a frame's birth in the store.
        make: makes a birth that the store does not have and keeps it, the same every time.
        shaper: the shot's.
        height: of the raster.
        width: of the raster.
        births: how many there can be.
    """

    def __init__(
        self,
        store: Store,
        key: Callable[[int], str],
        make: Callable[[int], None],
        shaper: Shaper,
        height: int,
        width: int,
        births: int,
    ) -> None:
        self._store, self._key, self._make, self._shaper = store, key, make, shaper
        self._pages = Pages(height, width, births, _PAGE_BYTES, _MOST_BYTES, self._read, self._lay)
        self._paint, self._rest = Spline(3, SIDE, self._pages.places), Lattice(5, SIDE, self._pages.places)
        self._known: set[int] = set()
        self._fresh: tuple[int, Mapping[str, NDArray[Any]]] | None = None

    def __call__(self, here: Map) -> Tensor:
        """What a map names, (1, 8, H, W): `Fetched.paint`, `soft`, `match` and `cover`."""
        found = self._pages.gather(here, self._take, 8)
        return torch.cat([self._shaper.encode(screen.light(found[:, :3], self._shaper)), found[:, 3:]], 1)

    def has(self, frame: int) -> bool:
        """Whether this birth has been there without being made; what the store loses is made again when it is read."""
        if frame not in self._known and self._store.load(self._key(frame)) is not None:
            self._known.add(frame)
        return frame in self._known

    def keep(self, frame: int, birth: Birth, where: Tensor) -> None:
        """Keep what was born in this frame on the pixels `where`, (1, 1, H, W) bool."""
        arrays = birth.packed(where)
        self._store.save(self._key(frame), arrays)
        self._known.add(frame)
        self._fresh = frame, arrays

    def _read(self, frame: int) -> Tensor:
        """A birth's channels, (5, H, W), made where they are not there."""
        arrays = self._kept(frame)
        if arrays is None:
            self._known.discard(frame)
            self._make(frame)
            arrays = self._kept(frame)
        assert arrays is not None
        return unpacked(arrays)

    def _kept(self, frame: int) -> Mapping[str, NDArray[Any]] | None:
        if self._fresh is not None and self._fresh[0] == frame:
            return self._fresh[1]
        return self._store.load(self._key(frame))

    def _lay(self, channels: Tensor, pieces: Sequence[int], places: Tensor) -> None:
        self._rest.lay(places, self._pages.windows(channels, pieces, 0, 1))
        # A window's numbers are a multiple of 32: powers round the same in whatever company they are taken.
        paint = self._pages.windows(channels[:3], pieces, APRON, APRON)
        self._paint.lay(places, screen.show(self._shaper.decode(paint), self._shaper))

    def _take(self, place: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """The paint's one resampling, as on a screen, and beside it all channels bilinearly: (8, N)."""
        return torch.cat([self._paint.at(place, x, y), self._rest.bilinear(place, x, y)])


def near(where: Tensor) -> Tensor:
    """Pixels, (1, 1, H, W) bool, that fetching those of `where` can look at."""
    grown = where.float()
    for kernel in ((1, 2 * _BESIDE + 1), (2 * _BESIDE + 1, 1)):
        grown = F.max_pool2d(grown, kernel, 1, (kernel[0] // 2, kernel[1] // 2))
    return grown > 0


def fetch(here: Map, births: Births, recall: Recall) -> Fetched:
    """What a frame's map says: every pixel's paint by its one resampling, and beside it the plate at birth."""
    paint, soft, match, cover = births(here).split([3, 3, 1, 1], 1)
    return Fetched(paint, soft, recall(here), match, cover)


def _padded(picture: Tensor) -> Tensor:
    """A picture (C, H, W) grown to whole tiles with 0."""
    height, width = picture.shape[-2:]
    return F.pad(picture, (0, -width % _TILE, 0, -height % _TILE))
