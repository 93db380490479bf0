"""The encoders of RAFT: pictures to features at an eighth of their size (Teed and Deng 2020, 3.1 and appendix).

Modules are named as in the published princeton-vl checkpoints.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Normalisation = Literal["instance", "batch", "none"]


class _InstanceNorm(nn.Module):
    """Instance normalisation without weights of one picture, three times faster than PyTorch's in channels-last memory.

    PyTorch's batch normalisation of one picture is the same and faster still, but adds up a mean in one run of float32,
    which costs two digits.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(1, C, H, W) to the same."""
        rows = x.permute(0, 2, 3, 1).flatten(0, 2)
        mean = rows.mean(0, dtype=torch.float32)
        variance = (rows - mean.to(x.dtype)).square_().mean(0, dtype=torch.float32)
        return F.batch_norm(x, mean, variance, training=False)


class Pointwise(nn.Conv2d):
    """A 1x1 convolution, as the matrix product it is: for one picture on one thread PyTorch would take a slow path."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        return F.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)


def _norm(kind: Normalisation, channels: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return _InstanceNorm() if kind == "instance" else nn.Identity()


def _downsample(kind: Normalisation, inputs: int, outputs: int, stride: int) -> nn.Module | None:
    return None if stride == 1 else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride), _norm(kind, outputs))


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut: the block of RAFT large."""

    def __init__(self, kind: Normalisation, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm1, self.norm2 = _norm(kind, outputs), _norm(kind, outputs)
        self.downsample = _downsample(kind, inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        y = F.relu_(self.norm1(self.conv1(x)))
        y = F.relu_(self.norm2(self.conv2(y)))
        return F.relu_(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """A 3x3 convolution of a quarter of the channels between two 1x1: the block of RAFT small."""

    def __init__(self, kind: Normalisation, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        narrow = outputs // 4
        self.conv1 = Pointwise(inputs, narrow)
        self.conv2 = nn.Conv2d(narrow, narrow, 3, stride, padding=1)
        self.conv3 = Pointwise(narrow, outputs)
        self.norm1, self.norm2, self.norm3 = _norm(kind, narrow), _norm(kind, narrow), _norm(kind, outputs)
        self.downsample = _downsample(kind, inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        y = F.relu_(self.norm1(self.conv1(x)))
        y = F.relu_(self.norm2(self.conv2(y)))
        y = F.relu_(self.norm3(self.conv3(y)))
        return F.relu_(y + (x if self.downsample is None else self.downsample(x)))


class Encoder(nn.Module):
    """Stem, three layers of two blocks, a 1x1 convolution.

    Args:
        block: `Residual` or `Bottleneck`.
        widths: channels of stem and layers.
        outputs: channels of the features.
        kind: normalisation after every convolution but the last.
    """

    def __init__(
        self, block: type[Residual] | type[Bottleneck], widths: tuple[int, int, int], outputs: int, kind: Normalisation
    ) -> None:
        super().__init__()
        first, second, third = widths
        self.conv1, self.norm1 = nn.Conv2d(3, first, 7, stride=2, padding=3), _norm(kind, first)
        self.layer1 = nn.Sequential(block(kind, first, first, 1), block(kind, first, first, 1))
        self.layer2 = nn.Sequential(block(kind, first, second, 2), block(kind, second, second, 1))
        self.layer3 = nn.Sequential(block(kind, second, third, 2), block(kind, third, third, 1))
        self.conv2 = Pointwise(third, outputs)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in -1..1, H and W multiples of 8, to (B, outputs, H / 8, W / 8)."""
        x = F.relu_(self.norm1(self.conv1(pictures)))
        features: Tensor = self.conv2(self.layer3(self.layer2(self.layer1(x))))
        return features
