"""A net paints on a canvas of one size whatever the plate's, so that a brush is as large on 4K as on its proxy.

A net's strokes have a size in pixels. The frame is brought to the canvas, painted, and brought back; where that
enlarges, the plate's own detail is put back as far as the paint follows the plate there (after bilateral guided
upsampling, Chen et al. 2016, with a straight line from luma to luma around every pixel).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.models.style.painter import Painter
from impasto.server.ops.flatten import followed, luma

SIDE = 540
"""Shorter side of the canvas in pixels at style scale 1: strokes are as if the plate were 960x540."""

_SMALLEST = 64
_AROUND = 12
"""Pixels of the canvas around a pixel that have a say in how it is brought back."""


@dataclass(frozen=True)
class Canvas:
    """A painter that works at a size of its own; see `impasto.server.models.style.painter.Painter`.

    Attributes:
        painter: works on whole pictures.
        side: shorter side of the canvas in pixels.
    """

    painter: Painter
    side: int = SIDE

    local = False

    @classmethod
    def for_scale(cls, painter: Painter, side: int, style_scale: float) -> Canvas:
        """The canvas on which a brush is `style_scale` times as large as on one of `side`."""
        return cls(painter, max(_SMALLEST, round(side / style_scale)))

    def shown(self, picture: Tensor) -> Tensor:
        """A (1, 3, H, W) picture at the canvas's size."""
        height, width = picture.shape[-2:]
        factor = self.side / min(height, width)
        return _sized(picture, (max(1, round(height * factor)), max(1, round(width * factor))))

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
        """Paint `content` (1, 3, H, W), display-like; `start` changes nothing, only `where` is sure to be painted."""
        plate = content.clamp(0.0, 1.0)
        small = self.shown(plate)
        painted = self.painter.paint(small, where=_reached(where, small), seed=seed, check=check)
        size = content.shape[-2:]
        result = _sized(painted, size)
        if small.shape[-2] >= size[0]:
            return result
        detail = luma(plate) - _sized(luma(small), size)
        share = followed(luma(small), luma(painted)).clamp(0.0, 1.0)
        return result + _sized(share, size) * detail


def _reached(where: Tensor | None, small: Tensor) -> Tensor | None:
    """The pixels of the canvas that those of `where`, (1, 1, H, W) bool, come from."""
    if where is None:
        return None
    touched = F.adaptive_max_pool2d(where.float(), tuple(small.shape[-2:]))
    side = 2 * _AROUND + 1
    return F.max_pool2d(touched, side, 1, _AROUND) > 0


def _sized(picture: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    if tuple(picture.shape[-2:]) == tuple(size):
        return picture
    return F.interpolate(picture, tuple(size), mode="bilinear", align_corners=False, antialias=True)
