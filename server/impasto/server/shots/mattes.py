"""What is hidden in the neighbouring frame, how far motion can be trusted, and why not."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from impasto.server.ops.splat import splat
from impasto.server.ops.warp import warp

VISIBLE, INCONSISTENT, OUTSIDE, HIDDEN, PHOTOMETRIC, NO_NEIGHBOUR = range(6)
"""The causes of `occlusion.cause`: 0 seen; 1 motion there and back disagree; 2 leaves the picture; 3 nothing of the
other picture comes from here, so something covers it; 4 looks different there; 5 no frame there (the shot ends)."""

VERSION = 1
"""Raised when the judging changes; part of every cache key."""


@dataclass(frozen=True)
class Mattes:
    """One direction of one frame. Each (1, 1, H, W) float32, rounded to half floats.

    Attributes:
        occlusion: 0..1, 1 = visible here, hidden or outside there; the threshold is a half.
        confidence: 0..1, how far the motion can be trusted; never above 1 - occlusion.
        cause: the code of what weighed most where occlusion is above a half, else 0.
    """

    occlusion: Tensor
    confidence: Tensor
    cause: Tensor


def mattes(here: Tensor, there: Tensor, out: Tensor, home: Tensor) -> Mattes:
    """Mattes of one picture towards another.

    Forward/backward check (Sundaram et al. 2010), range map (Wang et al. 2018, "Occlusion Aware Unsupervised Learning
    of Optical Flow") and a photometric test after local gain.

    Args:
        here: (1, 3, H, W) float32, display-like.
        there: the other picture.
        out: (1, 2, H, W) motion from here to there, pixels, x right, y down.
        home: motion from there to here.
    """
    width, height = here.shape[-1], here.shape[-2]
    back = warp(home, out)
    parted = (out + back).square().sum(1, keepdim=True)
    tolerance = (
        0.01 * (out.square().sum(1, keepdim=True) + back.square().sum(1, keepdim=True))
        + 0.5 * max(1.0, width / 1024) ** 2
    )
    inconsistent = _rise(parted / tolerance, 0.5, 1.5)
    outside = _outside(out, width, height)
    _, reached = splat(torch.ones_like(parted), home)
    hidden = _rise(1 - _mean(reached.clamp(0, 1), 1), 0.3, 0.7)
    differs = _difference(here, warp(there, out))
    photometric = _rise(differs, 0.06, 0.14) * _rise(parted / tolerance, 0.1, 0.5)
    scores = torch.cat([inconsistent, outside, hidden, photometric], 1)
    weight, strongest = scores.max(1, keepdim=True)
    occlusion = half(weight)
    trust = torch.exp(-(parted / tolerance - 0.25).clamp_min(0)) * (1 - 0.5 * _rise(differs, 0.03, 0.12))
    return Mattes(
        occlusion,
        half(torch.minimum(trust, 1 - occlusion)),
        torch.where(occlusion > 0.5, strongest.float() + INCONSISTENT, torch.zeros_like(occlusion)),
    )


def nobody_there(height: int, width: int) -> Mattes:
    """Mattes towards a frame that is not there: occlusion 1, confidence 0."""
    one = torch.ones(1, 1, height, width)
    return Mattes(one, torch.zeros_like(one), one * NO_NEIGHBOUR)


def half(values: Tensor) -> Tensor:
    """Values as they are after being written as half floats."""
    return values.half().float()


def _outside(motion: Tensor, width: int, height: int) -> Tensor:
    x = motion[:, 0:1] + torch.arange(width)
    y = motion[:, 1:2] + torch.arange(height)[:, None]
    beyond = torch.maximum(torch.maximum(-x, x - (width - 1)), torch.maximum(-y, y - (height - 1)))
    return _rise(beyond, 0.0, 1.0)


def _difference(here: Tensor, there: Tensor) -> Tensor:
    """Mean absolute difference after the local gain that brings the one to the other's brightness."""
    brightness = [_mean(picture.mean(1, keepdim=True), 4) + 0.02 for picture in (here, there)]
    gain = (brightness[0] / brightness[1]).clamp(0.5, 2.0)
    return _mean((here - there * gain).abs().mean(1, keepdim=True), 1)


def _rise(values: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, smooth between."""
    part = ((values - low) / (high - low)).clamp(0, 1)
    return part * part * (3 - 2 * part)


def _mean(values: Tensor, radius: int) -> Tensor:
    """Mean over a square, borders replicated."""
    return avg_pool2d(pad(values, (radius,) * 4, mode="replicate"), 2 * radius + 1, 1)
