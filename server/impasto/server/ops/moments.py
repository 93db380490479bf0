"""What is left of features once their places are forgotten: means, deviations, Gram matrices, all or where a mask says.

Guided statistics after Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer", CVPR 2017.
"""

from __future__ import annotations

import torch
from torch import Tensor


def gram(features: Tensor, mask: Tensor | None = None) -> Tensor:
    """Gram matrices of features, (B, C, C), as means over pixels.

    Args:
        features: (B, C, H, W).
        mask: (B or 1, 1, H, W) of 0..1; pixels count by its square, and so does their number (guided Gram matrices,
            Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer", CVPR 2017). None counts all.
    """
    if mask is None:
        flat = features.flatten(2)
        return flat @ flat.mT / flat.shape[-1]
    flat = (features * mask).flatten(2)
    return flat @ flat.mT / mask.square().sum((-2, -1)).clamp_min(1e-6)


def moments(features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over pixels, each (B, C, 1, 1); `mask` as in `gram`, weighting plainly."""
    if mask is None:
        mean = features.mean((-2, -1), keepdim=True)
        variance = (features - mean).square().mean((-2, -1), keepdim=True)
    else:
        share = mask / mask.sum((-2, -1), keepdim=True).clamp_min(1e-6)
        mean = (features * share).sum((-2, -1), keepdim=True)
        variance = ((features - mean).square() * share).sum((-2, -1), keepdim=True)
    return mean, torch.sqrt(variance + 1e-5)
