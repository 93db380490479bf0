"""Births: what is known of the paint that was laid in one frame, kept by frame in the store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch
from impasto.server.ops.bounded import sample_bounded
from impasto.server.shots.provenance import Map
from impasto.server.shots.relight import Light
from impasto.server.shots.shot import Store
from torch import Tensor

_KEPT = 4
"""Births held in memory; the store keeps the rest."""


@dataclass(frozen=True)
class Birth:
    """Paint as it was laid, and the plate it was laid over. All float32 over the raster.

    Attributes:
        paint: (1, 3, H, W), shaped base of the paint.
        plate: (1, 3, H, W), shaped base of the plate.
        low: (1, 1, H, W), low-frequency luminance of the plate.
        match: (1, 1, H, W) 0..1, how far the paint takes the plate's highlights.
        cover: (1, 1, H, W) 0..1, where there is paint.
    """

    paint: Tensor
    plate: Tensor
    low: Tensor
    match: Tensor
    cover: Tensor

    @classmethod
    def of(cls, paint: Tensor, match: Tensor, cover: Tensor, plate: Light) -> Birth:
        """Paint laid over a plate."""
        return cls(paint, plate.base, plate.low, match, cover)

    @classmethod
    def nothing(cls, height: int, width: int) -> Birth:
        """No paint anywhere."""
        none = torch.zeros(1, 1, height, width)
        return cls(none.repeat(1, 3, 1, 1), none.repeat(1, 3, 1, 1), none + 1, none, none)


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


def fetch(here: Map, births: Births) -> Birth:
    """What a frame's map says: every pixel's paint and birth plate by one resampling.

    Args:
        here: the frame's map.
        births: the births it names.

    Returns:
        Paint and plate as they were at birth, brought to where they are now; nothing where the map has no paint.
    """
    height, width = here.born.shape[-2:]
    result = Birth.nothing(height, width)
    names = list(vars(result))
    sizes = [value.shape[1] for value in vars(result).values()]
    flat = torch.cat(list(vars(result).values()), 1).flatten(2)
    born, x, y = here.born.flatten(), here.x.flatten(), here.y.flatten()
    for frame in torch.unique(born[born >= 0]).tolist():
        where = (born == frame).nonzero()[:, 0]
        values = torch.cat(list(vars(births[frame]).values()), 1)
        flat[..., where] = sample_bounded(values, x[where][None, None, None], y[where][None, None, None])[:, :, 0]
    parts = flat.reshape(1, -1, height, width).split(sizes, 1)
    return Birth(**dict(zip(names, parts, strict=True)))
