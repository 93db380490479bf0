"""Throwing pixels forward along their motion."""

from __future__ import annotations

import torch
from torch import Tensor


def splat(values: Tensor, motion: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Send every pixel to `p + motion(p)`, shared bilinearly among the four pixels there.

    Sums are taken in float64 and in one fixed order, so that the result is the same on any number of threads.

    Args:
        values: (1, C, H, W) float32.
        motion: (1, 2, H, W) float32 in pixels, x right, y down.
        weight: (1, 1, H, W) float32, what each pixel counts; None for 1.

    Returns:
        Weighted sums of what arrived, (1, C, H, W), and the sum of weights, (1, 1, H, W), both float32. What lands
        outside is lost; divide the one by the other for the mean.
    """
    _, channels, height, width = values.shape
    count = height * width
    rows = torch.arange(height, dtype=torch.float32)[:, None]
    x = (motion[0, 0] + torch.arange(width, dtype=torch.float32)).clamp(-2.0, width + 1.0).reshape(-1)
    y = (motion[0, 1] + rows).clamp(-2.0, height + 1.0).reshape(-1)
    left, top = x.floor(), y.floor()
    across, down = (x - left).double(), (y - top).double()
    flat = torch.ones(count, dtype=torch.float64) if weight is None else weight.reshape(-1).double()
    sums = torch.zeros(channels, count, dtype=torch.float64)
    total = torch.zeros(count, dtype=torch.float64)
    for dy in (0, 1):
        for dx in (0, 1):
            column, row = left.long() + dx, top.long() + dy
            share = (across if dx else 1 - across) * (down if dy else 1 - down) * flat
            share = share * ((column >= 0) & (column < width) & (row >= 0) & (row < height))
            place = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
            total += torch.bincount(place, share, minlength=count)
            for channel in range(channels):
                sums[channel] += torch.bincount(place, share * values[0, channel].reshape(-1).double(), minlength=count)
    shape = (1, -1, height, width)
    return sums.reshape(shape).float(), total.reshape(shape).float()


def inverse(motion: Tensor, believed: Tensor) -> tuple[Tensor, Tensor]:
    """The motion the other way, by splatting its negative; holes are filled from around.

    Args:
        motion: (1, 2, H, W) float32 from a first to a second picture, pixels, x right, y down.
        believed: (1, 1, H, W) float32, how much each vector counts: of two that land on one pixel the heavier wins.

    Returns:
        (1, 2, H, W) motion from the second picture to the first, and (1, 1, H, W) float32 in 0..1, how much of a pixel
        was reached: 0 in holes, where the vectors of the reached pixels around are continued.
    """
    sums, total = splat(-motion, motion, believed)
    _, reached = splat(torch.ones_like(believed), motion)
    return fill(sums / total.clamp_min(1e-12), (total > 0.05).float()), reached.clamp(0, 1)


def fill(values: Tensor, known: Tensor) -> Tensor:
    """Continue known values into holes, nearest scale first (pull-push: Gortler et al. 1996, "The Lumigraph").

    Args:
        values: (1, C, H, W) float32.
        known: (1, 1, H, W) float32, 1 where the value stands, 0 in holes.

    Returns:
        (1, C, H, W) with holes filled; 0 where nothing is known at all.
    """
    height, width = values.shape[-2:]
    if bool((known > 0).all()) or max(height, width) == 1:
        return torch.where(known > 0, values, torch.zeros_like(values))
    share = torch.nn.functional.avg_pool2d(known, 2, ceil_mode=True, count_include_pad=False)
    mean = torch.nn.functional.avg_pool2d(values * known, 2, ceil_mode=True, count_include_pad=False)
    coarse = fill(mean / share.clamp_min(1e-12), (share > 0).float())
    around = torch.nn.functional.interpolate(coarse, scale_factor=2, mode="bilinear")[..., :height, :width]
    return torch.where(known > 0, values, around)
