"""Johnson's feed-forward nets: one net, one look, painted in one pass.

Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV 2016, with
the instance normalisation of Ulyanov et al. 2016 and resize-convolutions instead of transposed ones. Modules are
named as in the published checkpoints of pytorch/examples (`fast_neural_style`), so these load strictly.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.errors import BadRequest
from impasto.server.models import weights
from impasto.server.models.card import Model, Weights
from impasto.server.models.style.canvas import SIDE
from impasto.server.models.style.feedforward import FeedForwardPainter

PARAMETERS = 1_679_235
"""Weights of one net."""

REACH = 60
"""Pixels that one pixel can move another over, statistics being fixed: 57, rounded up."""

FOLDS = (
    *((f"conv{i}.conv2d", f"in{i}") for i in (1, 2, 3)),
    *((f"res{i}.conv{j}.conv2d", f"res{i}.in{j}") for i in range(1, 6) for j in (1, 2)),
    ("deconv1.conv2d", "in4"),
    ("deconv2.conv2d", "in5"),
)
"""Convolutions and the normalisations that follow them."""

_RUNNING = re.compile(r"in\d+\.running_(mean|var)$")
"""Keys that files from before PyTorch 0.4 carry and the net never used."""


class _Conv(nn.Module):
    """Reflection padding, then a convolution; `upsample` repeats pixels first."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, upsample: int = 1) -> None:
        super().__init__()
        self.upsample, self.pad = upsample, kernel // 2
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        if self.upsample > 1:
            x = F.interpolate(x, scale_factor=self.upsample, mode="nearest")
        out: Tensor = self.conv2d(F.pad(x, (self.pad,) * 4, mode="reflect"))
        return out


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _Conv(channels, channels, 3)
        self.in1 = nn.InstanceNorm2d(channels, affine=True)
        self.conv2 = _Conv(channels, channels, 3)
        self.in2 = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.in2(self.conv2(F.relu(self.in1(self.conv1(x)))))
        return out


class JohnsonNet(nn.Module):
    """The transformer net: two halvings, five residual blocks, two doublings."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.in1 = _Conv(3, 32, 9), nn.InstanceNorm2d(32, affine=True)
        self.conv2, self.in2 = _Conv(32, 64, 3, stride=2), nn.InstanceNorm2d(64, affine=True)
        self.conv3, self.in3 = _Conv(64, 128, 3, stride=2), nn.InstanceNorm2d(128, affine=True)
        self.res1, self.res2, self.res3 = _Residual(128), _Residual(128), _Residual(128)
        self.res4, self.res5 = _Residual(128), _Residual(128)
        self.deconv1, self.in4 = _Conv(128, 64, 3, upsample=2), nn.InstanceNorm2d(64, affine=True)
        self.deconv2, self.in5 = _Conv(64, 32, 3, upsample=2), nn.InstanceNorm2d(32, affine=True)
        self.deconv3 = _Conv(32, 3, 9)

    def forward(self, x: Tensor) -> Tensor:
        """Paint (B, 3, H, W) RGB 0..255, H and W multiples of 4; the answer has the same size and range."""
        x = F.relu(self.in1(self.conv1(x)))
        x = F.relu(self.in2(self.conv2(x)))
        x = F.relu(self.in3(self.conv3(x)))
        for block in (self.res1, self.res2, self.res3, self.res4, self.res5):
            x = block(x)
        x = F.relu(self.in4(self.deconv1(x)))
        x = F.relu(self.in5(self.deconv2(x)))
        painted: Tensor = self.deconv3(x)
        return painted


def load(path: Path) -> dict[str, Tensor]:
    """The weights of a Johnson net, known by their keys and shapes.

    Args:
        path: a `.pth`, `.pt` or `.model` checkpoint with pytorch/examples keys, or safetensors with the same keys.

    Returns:
        Key to float32 tensor, exactly the keys of `JohnsonNet`.

    Raises:
        NotFound: no such file.
        BadRequest: damaged, holding code, or not a Johnson net; the sentence says which.
    """
    state = {key: value for key, value in weights.read(path).items() if not _RUNNING.search(key)}
    with torch.device("meta"):
        expected = JohnsonNet().state_dict()
    difference = weights.first_difference(state, expected)
    if difference:
        raise BadRequest(
            f"{path} is not a Johnson net ({difference}); as a style give a picture or a checkpoint with the keys of "
            "pytorch/examples fast_neural_style.",
            reason="WEIGHTS_UNKNOWN",
        )
    return {key: value.float() for key, value in state.items()}


class _Look(nn.Module):
    """The net for RGB 0..1; its answer is clipped, as these nets were trained to be shown."""

    def __init__(self, net: JohnsonNet) -> None:
        super().__init__()
        self.net = net
        self.folds = tuple((f"net.{conv}", f"net.{norm}") for conv, norm in FOLDS)

    def forward(self, x: Tensor) -> Tensor:
        painted: Tensor = self.net(x * 255.0)
        return (painted / 255.0).clamp(0.0, 1.0)


def painter_of(net: JohnsonNet) -> FeedForwardPainter:
    """A painter with this net."""
    return FeedForwardPainter(_Look(net.eval().requires_grad_(False)), MODEL.stride, MODEL.smallest, REACH)


def build(path: Path) -> FeedForwardPainter:
    """A painter from a weights file.

    Args:
        path: see `load`.

    Raises:
        NotFound, BadRequest: as `load`.
    """
    net = JohnsonNet()
    net.load_state_dict(load(path))
    return painter_of(net)


_ARCHIVE = "saved_models.zip at https://www.dropbox.com/s/lrvwfehqdcxoza8/saved_models.zip (pytorch/examples)"

_PUBLISHED = tuple(
    Weights(f"{style}.pth", "", "BSD-3-Clause", _ARCHIVE, f"MS-COCO, and the painting '{style}'")
    for style in ("mosaic", "candy", "rain_princess", "udnie")
)

MODEL = Model(
    id="johnson",
    family="style",
    summary="Fast feed-forward nets of one look each; give a checkpoint with pytorch/examples keys as the style.",
    build=build,
    weights=_PUBLISHED[0],
    alternatives=_PUBLISHED[1:],
    stride=4,
    smallest=16,
    canvas=SIDE,
    precisions=("float32", "bfloat16"),
    version=2,
)
