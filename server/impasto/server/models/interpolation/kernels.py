"""Separable convolution with a kernel of its own for every pixel, in rows, so that large pictures fit into memory."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TAPS = 51
"""Length of a kernel along each axis; what moves further than half of it cannot be followed."""
ROWS = 64
"""Rows made at once."""


def separable(picture: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    """Filter rows of a picture by one kernel a pixel: the outer product of a vertical and a horizontal one.

    Args:
        picture: (1, C, h + 50, W + 50), 25 pixels more on every side than what is made.
        vertical: (1, 51, h, W).
        horizontal: (1, 51, h, W).

    Returns:
        (1, C, h, W).
    """
    rows = vertical.shape[2]
    result = torch.zeros(1, picture.shape[1], rows, vertical.shape[3], device=picture.device, dtype=picture.dtype)
    along = horizontal[0].permute(1, 2, 0)
    for tap in range(TAPS):
        windows = picture[0, :, tap : tap + rows].unfold(-1, TAPS, 1)
        result[0] += torch.einsum("chwt,hwt->chw", windows, along) * vertical[0, tap]
    return result


def padded(picture: Tensor) -> Tensor:
    """The picture with its border repeated half a kernel outwards."""
    return F.pad(picture, (TAPS // 2,) * 4, mode="replicate")


def rows_of_enlarged(low: Tensor, first: int, last: int, height: int, width: int) -> Tensor:
    """Rows `first` to `last` (exclusive) of a picture enlarged to (height, width), corners on corners.

    The same values as enlarging the whole: bilinear, `align_corners`. Rows outside the picture are 0, as a convolution
    pads them.

    Args:
        low: (1, C, h, w).
        first: may be below 0.
        last: may be beyond the height.
        height: of the whole.
        width: of the whole.
    """
    wanted = torch.arange(first, last, device=low.device)
    inside = (wanted >= 0) & (wanted < height)
    place = wanted.clamp(0, height - 1).float() * ((low.shape[2] - 1) / max(height - 1, 1))
    above = place.floor().long().clamp_max(low.shape[2] - 1)
    below = (above + 1).clamp_max(low.shape[2] - 1)
    part = (place - above)[:, None]
    rows = low[:, :, above] * (1 - part) + low[:, :, below] * part
    wide = F.interpolate(rows, (last - first, width), mode="bilinear", align_corners=True)
    return wide * inside[:, None]
