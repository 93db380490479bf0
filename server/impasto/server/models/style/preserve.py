"""What paint leaves to the plate: its hues, or its broad light and shade. For every look alike.

Painting in luma only is Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer", CVPR 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.server.models.style.painter import Painter
from impasto.server.ops.flatten import flattened, luma
from impasto.server.ops.lowpass import broad

_BROAD = 0.04
"""What counts as broad light: Gaussian deviation over the picture's height."""
_MOST = 4.0
"""Paint is not lightened or darkened by more than this."""


def with_colour(painted: Tensor, plate: Tensor) -> Tensor:
    """The plate's colours, grain aside, at the luma that was painted; both (1, 3, H, W) display-like."""
    flat = flattened(plate)
    wanted, present = luma(painted), luma(flat)
    darker = flat * (wanted / present.clamp(min=1e-4)).clamp(0.0, 1.0)
    return torch.where(wanted < present, darker, flat + (wanted - present))


def with_light(painted: Tensor, plate: Tensor) -> Tensor:
    """The paint under the plate's broad light and shade, strokes kept; both (1, 3, H, W) display-like."""
    sigma = _BROAD * plate.shape[-2]
    wanted, present = (broad(luma(picture), sigma).clamp_min(0.0) + 0.01 for picture in (plate, painted))
    return painted * (wanted / present).clamp(1 / _MOST, _MOST)


@dataclass(frozen=True)
class Preserving:
    """A painter that leaves something to the plate; see `impasto.server.models.style.painter.Painter`.

    Attributes:
        painter: whose paint it is.
        colour: the plate keeps its hue and chroma; paint shows in luma only.
        luminance: the plate keeps its broad light and shade.
    """

    painter: Painter
    colour: bool = False
    luminance: bool = False

    @property
    def local(self) -> bool:
        """As the painter's own."""
        return self.painter.local

    @torch.no_grad()
    def paint(
        self,
        content: Tensor,
        *,
        start: Tensor | None = None,
        where: Tensor | None = None,
        seed: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Paint `content` (1, 3, H, W), display-like; what a local painter is given as `start` stays as it is."""
        part = None if self.luminance and not self.local else where
        painted = self.painter.paint(content, start=start, where=part, seed=seed, check=check)
        kept = with_light(painted, content) if self.luminance else painted
        kept = with_colour(kept, content) if self.colour else kept
        return kept if where is None or start is None or not self.local else torch.where(where, kept, start)
