"""Births: what is known of the paint that was laid in one frame, kept by frame in the store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.server.ops.spline import knots, sample_spline
from impasto.server.ops.warp import sample
from impasto.server.shots.provenance import Map
from impasto.server.shots.relight import Light
from impasto.server.shots.shot import Store

_KEPT = 4
"""Births held in memory; the store keeps the rest."""


@dataclass(frozen=True)
class Birth:
    """Paint as it was laid, and the plate it was laid over. All float32 over the raster.

    Attributes:
        paint: (1, 3, H, W), shaped base of the paint.
        bends: (1, 3, H, W), spline coefficients of the paint.
        plate: (1, 3, H, W), shaped base of the plate.
        match: (1, 1, H, W) 0..1, how far the paint takes the plate's highlights.
        cover: (1, 1, H, W) 0..1, where there is paint.
    """

    paint: Tensor
    bends: Tensor
    plate: Tensor
    match: Tensor
    cover: Tensor

    @classmethod
    def of(cls, paint: Tensor, match: Tensor, cover: Tensor, plate: Light) -> Birth:
        """Paint laid over a plate."""
        return cls(paint, knots(paint), plate.base, match, cover)


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
        make: makes a birth that neither memory nor store has, the same every time.
    """

    def __init__(self, store: Store, key: Callable[[int], str], make: Callable[[int], Birth]) -> None:
        self._store, self._key, self._make = store, key, make
        self._kept: OrderedDict[int, Birth] = OrderedDict()

    def __getitem__(self, frame: int) -> Birth:
        """The birth of this frame."""
        if frame in self._kept:
            self._kept.move_to_end(frame)
            return self._kept[frame]
        arrays = self._store.load(self._key(frame))
        if arrays is None:
            birth = self._make(frame)
        else:
            birth = Birth(**{name: torch.from_numpy(array) for name, array in arrays.items()})
        self._hold(frame, birth)
        return birth

    def keep(self, frame: int, birth: Birth) -> None:
        """Keep what was born in this frame."""
        self._store.save(self._key(frame), {name: value.numpy() for name, value in vars(birth).items()})
        self._hold(frame, birth)

    def _hold(self, frame: int, birth: Birth) -> None:
        self._kept[frame] = birth
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)


def fetch(here: Map, births: Births) -> Fetched:
    """What a frame's map says: every pixel's paint by its one resampling, and beside it the plate at birth."""

    def beside(birth: Birth, x: Tensor, y: Tensor) -> Tensor:
        return _bilinear([birth.paint, birth.plate, birth.match, birth.cover], x, y)

    def exact(birth: Birth, x: Tensor, y: Tensor) -> Tensor:
        return sample_spline(birth.paint, birth.bends, x, y)

    soft, plate, match, cover = _gather(here, births, beside, 8).split([3, 3, 1, 1], 1)
    return Fetched(_gather(here, births, exact, 3), soft, plate, match, cover)


def recall(here: Map, births: Births) -> Tensor:
    """The plate at birth alone, for the life test: its shaped base, (1, 3, H, W), 0 where there is no paint."""
    return _gather(here, births, lambda birth, x, y: _bilinear([birth.plate], x, y), 3)


def _bilinear(pictures: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
    return sample(torch.cat(pictures, 1), x[None, None, None], y[None, None, None], "bilinear")[0, :, 0]


def _gather(here: Map, births: Births, take: Callable[[Birth, Tensor, Tensor], Tensor], channels: int) -> Tensor:
    """(1, C, H, W) put together from what `take` gives, (C, N), for the pixels of every birth; 0 elsewhere."""
    born, x, y = here.born.flatten(), here.x.flatten(), here.y.flatten()
    result = torch.zeros(channels, len(born), device=born.device)
    for frame in torch.unique(born[born >= 0]).tolist():
        where = (born == frame).nonzero()[:, 0]
        result[:, where] = take(births[frame], x[where], y[where])
    return result.reshape(1, channels, *here.born.shape[-2:])
