"""Channels stored at half the size with every value twice: raw cameras and plain 4:2:0 decoders write such.

Moved by a pixel or a part of one, doubled values fall on other pairs than those of a frame the camera took. So such a
channel is moved as the smooth picture its cells stand for, and put into cells again.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

_SURE = 0.98
"""Share of the pairs that must be equal."""
_ELSEWHERE = 0.6
"""Share of the pairs across cells that may be equal: in a flat picture all are, and nothing can be said."""


@dataclass(frozen=True)
class Cells:
    """The cells of one channel: pairs along both axes, beginning before column `left` and row `top`, each 0 or 1."""

    left: int
    top: int

    def smooth(self, channel: Tensor) -> Tensor:
        """The picture the cells stand for, (1, 1, H, W): smooth, and nearly the same again when put into cells."""
        means = self._means(channel)
        picture = _enlarged(means)
        for _ in range(2):  # what the cells' means have lost is put back
            picture = picture + _enlarged(means - F.avg_pool2d(picture, 2))
        return self._crop(picture, channel)

    def again(self, channel: Tensor) -> Tensor:
        """The channel put into its cells, (1, 1, H, W): each pixel the mean of its cell."""
        return self._crop(F.interpolate(self._means(channel), scale_factor=2, mode="nearest"), channel)

    def _means(self, channel: Tensor) -> Tensor:
        height, width = channel.shape[-2:]
        pad = (self.left, (width + self.left) % 2, self.top, (height + self.top) % 2)
        return F.avg_pool2d(F.pad(channel, pad, mode="replicate"), 2)

    def _crop(self, picture: Tensor, like: Tensor) -> Tensor:
        height, width = like.shape[-2:]
        return picture[..., self.top : self.top + height, self.left : self.left + width].contiguous()


def _enlarged(means: Tensor) -> Tensor:
    return F.interpolate(means, scale_factor=2, mode="bicubic")


def find(channel: Tensor) -> Cells | None:
    """The cells of a channel (1, 1, H, W), or None where its values do not come in pairs."""
    left, top = _phase(channel, -1), _phase(channel, -2)
    return Cells(left, top) if left is not None and top is not None else None


def _phase(channel: Tensor, axis: int) -> int | None:
    """Where pairs begin along an axis: 0 at the border, 1 a pixel before it; None for no pairs."""
    if channel.shape[axis] < 8:
        return None
    equal = (channel.diff(dim=axis) == 0).float()
    index = torch.arange(equal.shape[axis], device=channel.device)
    even = float(equal.index_select(axis, index[0::2]).mean())
    odd = float(equal.index_select(axis, index[1::2]).mean())
    if even > _SURE and odd < _ELSEWHERE:
        return 0
    return 1 if odd > _SURE and even < _ELSEWHERE else None
