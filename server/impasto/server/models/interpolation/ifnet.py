"""IFNet, version 4.6 of RIFE: Huang et al., "Real-Time Intermediate Flow Estimation for Video Frame Interpolation",
ECCV 2022.

Four blocks, from an eighth of the size to the whole, each add to the motion from the wanted moment to both pictures and
to the mask that mixes them. Any time. The published weights come from their user (MIT); the net's keys are theirs.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.card import Model, Weights
from impasto.server.models.checkpoint import fit
from impasto.server.models.interpolation.interpolator import Course, Pair
from impasto.server.ops.warp import warp

WIDTHS, SCALES = (192, 128, 96, 64), (8, 4, 2, 1)
TENSORS = 120
"""Named tensors of the published checkpoint, those of its teacher left out."""
_STRIDE = 32
_LEFT_OUT = ("block_tea.", "caltime.")


class ResConv(nn.Module):
    """A convolution scaled by `beta` beside its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.beta = nn.Parameter(torch.ones(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        return F.leaky_relu(self.conv(x) * self.beta + x, 0.2)


class IFBlock(nn.Module):
    """One block: what it is given, at a part of the size, to motion and mask at the whole."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.conv0 = nn.Sequential(_halving(inputs, channels // 2), _halving(channels // 2, channels))
        self.convblock = nn.Sequential(*(ResConv(channels) for _ in range(8)))
        self.lastconv = nn.Sequential(nn.ConvTranspose2d(channels, 24, 4, 2, 1), nn.PixelShuffle(2))

    def forward(self, given: Tensor, motion: Tensor | None, scale: int) -> tuple[Tensor, Tensor]:
        """Motion (B, 4, H, W) in pixels to the first and the second picture; mask (B, 1, H, W) before its sigmoid."""
        x = _resized(given, 1 / scale)
        if motion is not None:
            x = torch.cat([x, _resized(motion, 1 / scale) / scale], 1)
        said = _resized(self.lastconv(self.convblock(self.conv0(x))), scale)
        return said[:, :4] * scale, said[:, 4:5]


class IFNet(nn.Module):
    """The net; its state-dict keys are those of the published checkpoint without `module.`."""

    def __init__(self) -> None:
        super().__init__()
        self.block0, self.block1 = IFBlock(7, WIDTHS[0]), IFBlock(12, WIDTHS[1])
        self.block2, self.block3 = IFBlock(12, WIDTHS[2]), IFBlock(12, WIDTHS[3])

    def forward(self, first: Tensor, second: Tensor, time: float) -> Tensor:
        """Two pictures (1, 3, H, W) 0..1, sides multiples of 32, to the one at a time."""
        when = torch.full_like(first[:, :1], time)
        motion, mask = self.block0(torch.cat([first, second, when], 1), None, SCALES[0])
        for block, scale in zip((self.block1, self.block2, self.block3), SCALES[1:], strict=True):
            seen = [warp(first, motion[:, :2]), warp(second, motion[:, 2:])]
            more, argued = block(torch.cat([*seen, when, mask], 1), motion, scale)
            motion, mask = motion + more, mask + argued
        share = torch.sigmoid(mask)
        return warp(first, motion[:, :2]) * share + warp(second, motion[:, 2:]) * (1 - share)


def _halving(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1), nn.LeakyReLU(0.2))


def _resized(x: Tensor, factor: float) -> Tensor:
    return x if factor == 1 else F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class IFNetInterpolator:
    """See `Interpolator`."""

    def __init__(self, net: IFNet, device: str) -> None:
        self._net, self._device = net.to(device), device

    @torch.no_grad()
    def __call__(self, pair: Pair, time: float, course: Course) -> Tensor:
        """See `Interpolator`."""
        height, width = pair.first.shape[-2:]
        pad = (0, -width % _STRIDE, 0, -height % _STRIDE)
        pictures = [F.pad(each, pad, mode="replicate").to(self._device) for each in (pair.first, pair.second)]
        made: Tensor = self._net(*pictures, time)
        return made[..., :height, :width].to(pair.first.device)


def own_key(key: str) -> str | None:
    """The net's name of a published key; None for those of its teacher."""
    plain = key.removeprefix("module.")
    return None if plain.startswith(_LEFT_OUT) else plain


def build(weights: Path, device: str = "cpu") -> IFNetInterpolator:
    """The interpolator from a published checkpoint of version 4.6.

    Raises:
        NotFound, BadRequest: as `impasto.server.models.checkpoint.fit`.
    """
    net = IFNet()
    fit(net, weights, "RIFE 4.6", "its flownet.pkl", rename=own_key)
    return IFNetInterpolator(net, device)


MODEL = Model(
    id="ifnet",
    family="interpolation",
    summary="RIFE 4.6: motion and mask by one net, any time; needs its published weights.",
    build=build,
    weights=Weights(
        "flownet.pkl", "", "MIT", "version 4.6 of hzwer/Practical-RIFE, on Google Drive", "Vimeo-90K, by its authors"
    ),
    stride=_STRIDE,
    smallest=1,
)
