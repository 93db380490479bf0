"""The screen: a painter is shown the plate as a monitor would show it, and its paint becomes light again.

The shaped domain reaches far beyond display white; a net's brightest stroke would come back as a lamp. Painters
therefore see sRGB of the plate's base, whose luminance ends at the knee, and their white is the knee.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from impasto.server.models.style.painter import Painter
from impasto.server.plates import srgb
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.relight import knee


def show(linear: Tensor, shaper: Shaper) -> Tensor:
    """Scene-linear light as a painter sees it: (1, 3, H, W), 1 at the knee."""
    return srgb.encode(linear / knee(shaper))


def light(shown: Tensor, shaper: Shaper) -> Tensor:
    """What `show` was given."""
    return srgb.decode(shown) * knee(shaper)


@dataclass(frozen=True)
class OnScreen:
    """A painter for shaped pictures, from one for displayed ones; see `Painter`.

    Attributes:
        painter: sees and gives display values.
        shaper: the shot's.
    """

    painter: Painter
    shaper: Shaper

    @property
    def local(self) -> bool:
        """As the painter's own."""
        return self.painter.local

    def paint(
        self,
        content: Tensor,
        *,
        start: Tensor | None = None,
        where: Tensor | None = None,
        seed: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Paint shaped `content`, (1, 3, H, W); see `Painter.paint`."""
        shaper = self.shaper
        shown = show(shaper.decode(content), shaper)
        begun = None if start is None else show(shaper.decode(start), shaper)
        painted = self.painter.paint(shown, start=begun, where=where, seed=seed, check=check)
        return shaper.encode(light(painted, shaper))
