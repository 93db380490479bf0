"""Doubles pictures the same way on any number of threads, which torch's own interpolation does not."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def doubled(x: Tensor) -> Tensor:
    """Twice the size by bilinear interpolation, edges repeated: (B, C, H, W) to (B, C, 2H, 2W)."""
    for axis in (2, 3):
        size = x.shape[axis]
        padded = F.pad(x, (0, 0, 1, 1) if axis == 2 else (1, 1, 0, 0), mode="replicate")
        middle = 0.75 * x
        before = torch.add(middle, padded.narrow(axis, 0, size), alpha=0.25)
        after = torch.add(middle, padded.narrow(axis, 2, size), alpha=0.25)
        x = torch.stack((before, after), dim=axis + 1).flatten(axis, axis + 1)
    return x
