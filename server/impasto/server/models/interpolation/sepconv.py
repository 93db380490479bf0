"""Frames by adaptive separable convolution: Niklaus, Mai and Liu, "Video Frame Interpolation via Adaptive Separable
Convolution", ICCV 2017.

A net looks at both pictures and says, for every pixel of the middle, two kernels of 51x51 that gather it from either.
Motion stays under 25 pixels and the time is the middle. The published weights are for academic use and come from their
user; the net's keys are theirs.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.card import Model, Parameter, Weights
from impasto.server.models.checkpoint import fit
from impasto.server.models.interpolation.interpolator import Course, Pair
from impasto.server.models.interpolation.kernels import ROWS, TAPS, padded, rows_of_enlarged, separable

PARAMETERS = 21_675_452
"""Weights of the net."""
_STRIDE = 32
_LICENCE = "LicenseRef-academic-use-only"
_SEEN = "clips of YouTube, by its authors"
_PAGE = "http://content.sniklaus.com/sepconv/"


class SepConv(nn.Module):
    """The net of the paper; its state-dict keys are those of the published checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.netConv1, self.netConv2, self.netConv3 = _basic(6, 32), _basic(32, 64), _basic(64, 128)
        self.netConv4, self.netConv5 = _basic(128, 256), _basic(256, 512)
        self.netDeconv5, self.netDeconv4 = _basic(512, 512), _basic(512, 256)
        self.netDeconv3, self.netDeconv2 = _basic(256, 128), _basic(128, 64)
        self.netUpsample5, self.netUpsample4 = _upsample(512), _upsample(256)
        self.netUpsample3, self.netUpsample2 = _upsample(128), _upsample(64)
        self.netVertical1, self.netVertical2 = _kernels(), _kernels()
        self.netHorizontal1, self.netHorizontal2 = _kernels(), _kernels()

    def forward(self, first: Tensor, second: Tensor, rows: int = ROWS) -> Tensor:
        """Two pictures (1, 3, H, W) 0..1 to the one half way, made so many rows at once."""
        height, width = first.shape[-2:]
        below, beside = -height % _STRIDE, -width % _STRIDE
        a, b = (F.pad(each, (0, beside, 0, below), mode="replicate") for each in (first, second))
        seen = self._looked(torch.cat([a, b], 1))
        heads = (self.netVertical1, self.netHorizontal1, self.netVertical2, self.netHorizontal2)
        low = [head[:6](seen) for head in heads]
        a, b = padded(a), padded(b)
        size = height + below, width + beside
        parts = []
        for start in range(0, height, rows):
            end = min(start + rows, height)
            kernels = [_grown(head, each, start, end, *size) for head, each in zip(heads, low, strict=True)]
            strip = slice(start, end + TAPS - 1)
            parts.append(
                separable(a[:, :, strip], kernels[0], kernels[1]) + separable(b[:, :, strip], kernels[2], kernels[3])
            )
        return torch.cat(parts, 2)[..., :width]

    def _looked(self, both: Tensor) -> Tensor:
        """Features at half size."""
        one = self.netConv1(both)
        two = self.netConv2(F.avg_pool2d(one, 2))
        three = self.netConv3(F.avg_pool2d(two, 2))
        four = self.netConv4(F.avg_pool2d(three, 2))
        five = self.netConv5(F.avg_pool2d(four, 2))
        up = self.netUpsample5(self.netDeconv5(F.avg_pool2d(five, 2))) + five
        up = self.netUpsample4(self.netDeconv4(up)) + four
        up = self.netUpsample3(self.netDeconv3(up)) + three
        looked: Tensor = self.netUpsample2(self.netDeconv2(up)) + two
        return looked


def _grown(head: nn.Sequential, low: Tensor, start: int, end: int, height: int, width: int) -> Tensor:
    """Rows of a head's kernels at full size: its enlarging and its last convolution, of these rows alone."""
    strip = rows_of_enlarged(low, start - 1, end + 1, height, width)
    last = head[7]
    assert isinstance(last, nn.Conv2d)
    return F.conv2d(strip, last.weight, last.bias, padding=(0, 1))


def _basic(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number in range(3):
        layers += [nn.Conv2d(inputs if number == 0 else outputs, outputs, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


def _upsample(channels: int) -> nn.Sequential:
    larger = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    return nn.Sequential(larger, nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())


def _kernels() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(64, 64, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, TAPS, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
        nn.Conv2d(TAPS, TAPS, 3, padding=1),
    )


class SepConvInterpolator:
    """See `Interpolator`; the time is always the middle."""

    def __init__(self, net: SepConv, device: str) -> None:
        self._net, self._device = net.to(device), device

    @torch.no_grad()
    def __call__(self, pair: Pair, time: float, course: Course) -> Tensor:
        """See `Interpolator`.

        Raises:
            ValueError: the time is not the middle.
        """
        if time != 0.5:
            raise ValueError(f"sepconv makes the middle, not {time}.")
        made: Tensor = self._net(pair.first.to(self._device), pair.second.to(self._device))
        return made.to(pair.first.device)


def own_key(key: str) -> str:
    """The net's name of a published key: `moduleConv1.0.weight` is `netConv1.0.weight`."""
    return key.replace("module", "net", 1)


def build(weights: Path, device: str = "cpu") -> SepConvInterpolator:
    """The interpolator from a published checkpoint.

    Raises:
        NotFound, BadRequest: as `impasto.server.models.checkpoint.fit`.
    """
    net = SepConv()
    fit(net, weights, "SepConv", "its network-lf.pytorch or network-l1.pytorch", rename=own_key)
    return SepConvInterpolator(net, device)


MODEL = Model(
    id="sepconv",
    family="interpolation",
    summary="Kernels for every pixel: calm motion, half way only; needs its published weights, for academic use.",
    build=build,
    weights=Weights("network-lf.pytorch", "", _LICENCE, f"{_PAGE}network-lf.pytorch", _SEEN),
    alternatives=(
        Weights("network-l1.pytorch", "", _LICENCE, f"{_PAGE}network-l1.pytorch", "clips of YouTube, by its authors"),
    ),
    stride=_STRIDE,
    smallest=1,
    parameters=(Parameter("middle_only", 1, 1, 1, "Frames are made half way between two only."),),
)
