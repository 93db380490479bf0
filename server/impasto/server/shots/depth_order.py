"""What depth says of hiding: where a surface's own motion takes a pixel behind something nearer."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from impasto.server.ops.rise import rise
from impasto.server.ops.warp import warp

_REACH = 16.0
"""Pixels from which the motion of a surface is taken where its own cannot be trusted."""
_EDGE = 10.0
"""What counts as an edge between surfaces, of 255 levels of nearness."""
_FEWEST = 50
"""Pixels hidden by all signs, below which depth is not asked whether it agrees with them."""


@dataclass(frozen=True)
class Nearness:
    """Nearness of both pictures of a pair, (1, 1, H, W) each, as logarithms (see `depth.Depth.near`).

    Attributes:
        here: of the picture that is judged.
        there: of the other one.
        steps: differences from which one thing may be, and surely is, nearer than another.
    """

    here: Tensor
    there: Tensor
    steps: tuple[float, float]

    def turned(self) -> Nearness:
        """The same of the other direction."""
        return Nearness(self.there, self.here, self.steps)


@dataclass(frozen=True)
class Order:
    """What depth says, each (1, 1, H, W) in 0..1.

    Attributes:
        covered: something nearer is where this pixel goes.
        behind: nothing there is nearer, and nothing as near: 1 lets other signs of hiding count, 0 speaks against them.
    """

    covered: Tensor
    behind: Tensor


def order(near: Nearness, out: Tensor, trusted: Tensor, hidden: Tensor) -> Order:
    """Compare depth along the motion of surfaces.

    A hidden pixel has no motion that could be measured; it moves as its own surface does, which is continued from where
    motion is trusted and depth is the same (domain transform: Gastal and Oliveira 2011). Scales of depth that differ
    from frame to frame are evened out by the median over trusted pixels. Depth that contradicts most of what all other
    signs call hidden, as one of the wrong direction does, says nothing.

    Args:
        near: of both pictures.
        out: (1, 2, H, W) motion from here to there, pixels, x right, y down.
        trusted: (1, 1, H, W) 0..1, how far.
        hidden: (1, 1, H, W) 0..1 by all other signs.
    """
    surface = _continued(out, trusted, near.here)
    nearer = warp(near.there, surface) - near.here
    sure = trusted > 0.5
    if bool(sure.any()):
        nearer = nearer - nearer[sure].median()
    low, high = near.steps
    covered = rise(nearer, low, high)
    believed = _believed(nearer, hidden > 0.5, (low + high) / 2)
    return Order(believed * covered, 1 - believed * (1 - rise(nearer, 0.0, low)))


def _believed(nearer: Tensor, hidden: Tensor, step: float) -> float:
    """0..1: whether what is hidden by all other signs is more often behind something than before it."""
    behind, before = int((hidden & (nearer > step)).sum()), int((hidden & (nearer < -step)).sum())
    if behind + before < _FEWEST:
        return 1.0
    return min(1.0, max(0.0, 4 * behind / (behind + before) - 1.5))


def _continued(motion: Tensor, trusted: Tensor, near: Tensor) -> Tensor:
    """Motion averaged within surfaces, each pixel as far as it is trusted."""
    share = trusted[0, 0].numpy().astype(np.float32) + np.float32(1e-4)
    source = np.dstack([motion[0, 0].numpy() * share, motion[0, 1].numpy() * share, share]).astype(np.float32)
    flat = near[0, 0].numpy()
    span = max(float(flat.max() - flat.min()), 1e-6)
    guide = np.repeat(((flat - flat.min()) * (255 / span)).astype(np.uint8)[..., None], 3, 2)
    mean = cv2.ximgproc.dtFilter(
        np.ascontiguousarray(guide), source, _REACH, _EDGE, mode=cv2.ximgproc.DTF_NC, numIters=3
    )
    found = (mean[..., :2] / mean[..., 2:]).transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(found, np.float32))[None]
