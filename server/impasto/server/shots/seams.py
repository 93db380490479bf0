"""Seams: newborn paint made to continue its neighbours, once, at birth."""

from __future__ import annotations

import torch
from impasto.server.ops.membrane import membrane
from torch import Tensor

_REACH = 8.0
"""Pixels over which newborn paint eases from its neighbours' colour into its own."""


def mend(paint: Tensor, carried: Tensor, there: Tensor, newborn: Tensor) -> Tensor:
    """Lay newborn paint beside carried paint without a seam: a gradient-domain blend.

    Args:
        paint: (1, 3, H, W) float32, shaped, the newly painted picture.
        carried: (1, 3, H, W), shaped, the carried picture.
        there: (1, 1, H, W) bool, where there is carried paint.
        newborn: (1, 1, H, W) bool, where paint is born.

    Returns:
        (1, 3, H, W): carried paint, and newborn paint with its own gradients and its neighbours' colour at the border.
    """
    ease = membrane(carried - paint, there & ~newborn, newborn, _REACH)
    return torch.where(newborn, paint + ease, carried)
