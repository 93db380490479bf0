"""A small net that weighs the signs of hiding around a pixel against each other, and says how true its motion is.

What it says of motion was learned beside the matte and is not used (decision 20).

A U-shaped net (Ronneberger et al., MICCAI 2015) at full size, for much of what is hidden lies in strips of a few
pixels; three steps down it sees some forty pixels around. It begins from a matte made by rules and moves it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDE = 8
"""Sides are padded to multiples of this."""
SEEN = 30
"""Channels the net is given."""
REACH = 64
"""Pixels of every side that a pixel's answer may depend on, at most."""
_WIDTHS = (16, 24, 32, 40)
_LEAST = 0.06
"""No rule is so sure that the net could not be surer."""


class MatteNet(nn.Module):
    """Its last layer begins at nothing, so untrained it gives the matte and the trust of the rules."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = _WIDTHS
        self.enter = nn.Sequential(_layer(SEEN, a), _layer(a, a))
        self.down1 = nn.Sequential(_layer(a, b, 2), _layer(b, b))
        self.down2 = nn.Sequential(_layer(b, c, 2), _layer(c, c))
        self.down3 = nn.Sequential(_layer(c, d, 2), _layer(d, d))
        self.up2, self.up1, self.up0 = _layer(d + c, c), _layer(c + b, b), _layer(b + a, a)
        self.leave = nn.Conv2d(a, 2, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, signs: Tensor) -> Tensor:
        """Weigh signs.

        Args:
            signs: (B, SEEN, H, W), sides multiples of `STRIDE`; the last two are occlusion and trust by rules, 0..1.

        Returns:
            (B, 2, H, W) logits of a pixel being hidden, and of its motion erring by less than a pixel.
        """
        whole = self.enter(signs)
        half = self.down1(whole)
        quarter = self.down2(half)
        deep = self.down3(quarter)
        quarter = self.up2(torch.cat([_doubled(deep), quarter], 1))
        half = self.up1(torch.cat([_doubled(quarter), half], 1))
        whole = self.up0(torch.cat([_doubled(half), whole], 1))
        ruled = torch.logit(signs[:, -2:].clamp(_LEAST, 1 - _LEAST))
        moved: Tensor = self.leave(whole)
        return ruled + moved


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
    nn.init.kaiming_normal_(convolution.weight, a=0.1)
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    return nn.Sequential(convolution, nn.LeakyReLU(0.1))


def _doubled(picture: Tensor) -> Tensor:
    return F.interpolate(picture, scale_factor=2, mode="nearest")
