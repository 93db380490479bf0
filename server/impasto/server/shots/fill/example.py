"""What a key teaches: its plate and its paint, side by side, as a painter sees them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.keys import Key
from impasto.server.shots.relight import split, undevelop
from impasto.server.shots.screen import show
from impasto.server.shots.shot import Shot

_FULLY = 0.999
"""Coverage from which a pixel counts as the key's own."""


@dataclass(frozen=True)
class Example:
    """A painted frame as an example.

    Attributes:
        frame: its number.
        plate: (1, 3, H, W) float32, display values, 0..1.
        paint: (1, 3, H, W) the same.
        where: (1, 1, H, W) bool, where the key paints fully.
        digest: of the key and its plate.
    """

    frame: int
    plate: Tensor
    paint: Tensor
    where: Tensor
    digest: str

    @classmethod
    def of(cls, key: Key, shot: Shot, shaper: Shaper) -> Example:
        """The example of a key whose plate can be read; highlights above the knee are taken out of both."""
        light = split(shot.picture(key.frame), shaper)
        base, _ = undevelop(key.picture, light, shaper)
        plate, paint = (show(shaper.decode(shaped), shaper).clamp(0.0, 1.0) for shaped in (light.base, base))
        where = key.coverage > min(_FULLY, float(key.coverage.max()) * _FULLY)
        return cls(key.frame, plate, paint, where, f"{key.digest} on {shot.digest(key.frame)}")

    def colours(self, picture: Tensor) -> Tensor:
        """The pixels of a (1, 3, H, W) picture that the key paints, as (1, 3, 1, n)."""
        return picture[0][:, self.where[0, 0]].reshape(1, 3, 1, -1)
