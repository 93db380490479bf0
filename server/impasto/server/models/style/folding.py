"""Folds what is constant once a style is held into the weights of a net, so that painting does not do it per pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def absorb(conv: nn.Conv2d, gain: Tensor, bypass: Tensor | None = None, shift: Tensor | None = None) -> None:
    """Make a convolution answer `gain * conv(x) + bypass * x + shift`; its weights are replaced, not written to.

    Args:
        conv: of odd kernel, stride 1 where there is a bypass, and as many channels out as in.
        gain: (C,), of every channel out.
        bypass: (C,), or None for none.
        shift: (C,), or None for none.
    """
    weight = conv.weight.detach() * gain[:, None, None, None]
    if bypass is not None:
        middle = conv.kernel_size[0] // 2
        channels = torch.arange(len(bypass))
        weight[channels, channels, middle, middle] += bypass
    bias = torch.zeros_like(gain) if conv.bias is None else conv.bias.detach() * gain
    conv.weight = nn.Parameter(weight, requires_grad=False)
    conv.bias = nn.Parameter(bias if shift is None else bias + shift, requires_grad=False)


def held(mean: Tensor, deviation: Tensor, eps: float = 1e-5) -> nn.InstanceNorm2d:
    """AdaIN with a style's statistics, both of C numbers: an instance normalisation to them."""
    norm = nn.InstanceNorm2d(mean.numel(), eps=eps, affine=True)
    norm.weight = nn.Parameter(deviation.detach().flatten().clone(), requires_grad=False)
    norm.bias = nn.Parameter(mean.detach().flatten().clone(), requires_grad=False)
    return norm.eval()
