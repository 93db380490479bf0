"""A small net that looks at what splats brought to the moment between, and mends how they are mixed.

After the synthesis step of Niklaus and Liu (CVPR 2018 and 2020): motion has been solved before, so little is left:
which side to believe, and what neither shows. It is given no motion, so it works at any size of motion and any time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.interpolation.interpolator import Course, Pair
from impasto.server.ops.warp import warp

STRIDE = 8
"""Sides are padded to multiples of this."""
SEEN = 11
"""Channels the net is given."""
_WIDTHS = (32, 48, 64)
_NEVER = 1e-3
"""Share that still can be argued with."""


def brought(pair: Pair, time: float, course: Course) -> Tensor:
    """What the net is given, (1, 11, H, W): both pictures along the course, how far each is trusted there, the course's
    share, how the two differ, and the time."""
    first = warp(torch.cat([pair.first, pair.trust_first], 1), course.to_first)
    second = warp(torch.cat([pair.second, pair.trust_second], 1), course.to_second)
    sharp = [
        warp(picture, way, "bicubic")
        for picture, way in ((pair.first, course.to_first), (pair.second, course.to_second))
    ]
    unlike = (sharp[0] - sharp[1]).abs().mean(1, keepdim=True)
    when = torch.full_like(unlike, time)
    return torch.cat([*sharp, first[:, 3:], second[:, 3:], course.share, unlike, when], 1)


class BlendNet(nn.Module):
    """A U-shaped net at half size; its last layer begins at nothing, so untrained it gives the course's own mix."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c = _WIDTHS
        self.enter = _block(4 * SEEN, a)
        self.down1, self.down2 = _block(a, b, 2), _block(b, c, 2)
        self.deep = _block(c, c)
        self.up1, self.up2 = _block(c + b, b), _block(b + a, a)
        self.leave = nn.Conv2d(a, 16, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.kaiming_normal_(layer.weight, a=0.1)
                nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.leave.weight)

    def forward(self, given: Tensor) -> Tensor:
        """(B, 11, H, W) as `brought` gave it, sides multiples of `STRIDE`, to pictures (B, 3, H, W)."""
        half = self.enter(F.pixel_unshuffle(given, 2))
        quarter = self.down1(half)
        deep = self.deep(self.down2(quarter))
        quarter = self.up1(torch.cat([_doubled(deep), quarter], 1))
        half = self.up2(torch.cat([_doubled(quarter), half], 1))
        said = F.pixel_shuffle(self.leave(half), 2)
        first, second, share = given[:, :3], given[:, 3:6], given[:, 8:9]
        share = torch.sigmoid(torch.logit(share.clamp(_NEVER, 1 - _NEVER)) + said[:, :1])
        return first + share * (second - first) + said[:, 1:]


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1),
        nn.LeakyReLU(0.1),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.LeakyReLU(0.1),
    )


def _doubled(picture: Tensor) -> Tensor:
    return F.interpolate(picture, scale_factor=2, mode="nearest")
