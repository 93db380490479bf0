"""Seams: newborn paint made to continue its neighbours, once, at birth."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.server.ops.lowpass import lowpass
from impasto.server.ops.membrane import membrane

REACH = 8.0
"""Pixels over which newborn paint eases from its neighbours' colour into its own."""
_TEXTURE = 2.0
"""Differences are smoothed by this many pixels: colour is to continue, not every stroke."""
_MOST = 0.35
"""Newborn paint is not recoloured by more than this."""


def mend(paint: Tensor, carried: Tensor, there: Tensor, newborn: Tensor, plate: Tensor) -> Tensor:
    """Lay newborn paint beside carried paint without a seam: a gradient-domain blend along the plate's surfaces.

    Args:
        paint: (1, 3, H, W) float32, shaped, the newly painted picture.
        carried: (1, 3, H, W), shaped, the carried picture.
        there: (1, 1, H, W) bool, where there is carried paint.
        newborn: (1, 1, H, W) bool, where paint is born.
        plate: (1, 3, H, W), shaped; paint does not ease across its edges.

    Returns:
        (1, 3, H, W): carried paint, and newborn paint with its own gradients and its neighbours' colour at the border.
    """
    known = there & ~newborn
    difference = lowpass((carried - paint) * known, _TEXTURE) / lowpass(known.float(), _TEXTURE).clamp_min(1e-3)
    ease = membrane(difference.clamp(-_MOST, _MOST), known, newborn, plate, REACH)
    return torch.where(newborn, paint + ease, carried)
