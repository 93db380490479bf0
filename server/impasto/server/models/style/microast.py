"""MicroAST: any picture as style, with two tiny encoders and no VGG at run time.

Wang et al., "MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer", AAAI 2023. The style acts twice:
its features' statistics replace the content's (AdaIN), and a modulator turns the features into channel weights of the
decoder's convolutions. Modules are named as in the published checkpoints, so these load strictly.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.card import Model, Parameter, Weights
from impasto.server.models.style.checkpoint import fit
from impasto.server.models.style.feedforward import FeedForwardPainter, style_at
from impasto.server.ops.enlarge import doubled
from impasto.server.ops.moments import moments

ENCODER_PARAMETERS, DECODER_PARAMETERS, MODULATOR_PARAMETERS = 157_792, 153_843, 2_560
"""Weights of either encoder, of the decoder, of the modulator."""

FILES = {
    "content": "content_encoder_iter_160000.pth.tar",
    "style": "style_encoder_iter_160000.pth.tar",
    "modulator": "modulator_iter_160000.pth.tar",
    "decoder": "decoder_iter_160000.pth.tar",
}
"""Published files by the part they hold."""

REACH = 56
"""Pixels that one pixel can move another over, statistics being fixed: 50, rounded up."""


class _Conv(nn.Module):
    """Reflection padding, then a convolution."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.pad = kernel // 2
        self.conv_layer = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv_layer(F.pad(x, (self.pad,) * 4, mode="reflect") if self.pad else x)
        return out


class _Residual(nn.Module):
    """A residual block; with a style's `weight` and `bias` its convolutions and their bypasses are scaled."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.conv1, self.conv2 = _Conv(channels, channels, 3), _Conv(channels, channels, 3)

    def forward(self, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        if weight is None or bias is None:
            out: Tensor = x + self.conv2(F.relu(self.conv1(x)))
            return out
        y = F.relu(weight * self.conv1(x) + bias * x)
        modulated: Tensor = x + weight * self.conv2(y) + bias * y
        return modulated


class Encoder(nn.Module):
    """Two halvings by depthwise convolutions, then two residual blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.enc1 = nn.Sequential(
            *(_Conv(3, 16, 9), nn.ReLU(), _Conv(16, 32, 3, 2, 16), nn.ReLU(), _Conv(32, 32, 1), nn.ReLU()),
            *(_Conv(32, 64, 3, 2, 32), nn.ReLU(), _Conv(64, 64, 1), nn.ReLU(), _Residual()),
        )
        self.enc2 = nn.Sequential(_Residual())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features of RGB 0..1 (B, 3, H, W) after either block, both (B, 64, H / 4, W / 4)."""
        first = self.enc1(x)
        return first, self.enc2(first)


class Modulator(nn.Module):
    """Channel weights and biases for both residual blocks of the decoder, from the style's features."""

    def __init__(self) -> None:
        super().__init__()

        def signal() -> nn.Sequential:
            return nn.Sequential(_Conv(64, 64, 3, 1, 64), nn.AdaptiveAvgPool2d(1))

        self.weight1, self.bias1, self.weight2, self.bias2 = signal(), signal(), signal(), signal()

    def forward(self, first: Tensor, second: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """(weight, bias) for the features of either block, each (B, 64, 1, 1)."""
        return (self.weight1(first), self.bias1(first)), (self.weight2(second), self.bias2(second))


class _Double(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return doubled(x)


class Decoder(nn.Module):
    """Two modulated blocks, each after AdaIN, and two doublings; the `norm`s are all that binds pixels together."""

    def __init__(self) -> None:
        super().__init__()
        self.dec1, self.dec2 = _Residual(), _Residual()
        self.dec3 = nn.Sequential(
            *(_Double(), _Conv(64, 32, 3, 1, 32), nn.ReLU(), _Conv(32, 32, 1), nn.ReLU()),
            *(_Double(), _Conv(32, 16, 3, 1, 16), nn.ReLU(), _Conv(16, 16, 1), nn.ReLU(), _Conv(16, 3, 9)),
        )
        self.norm1, self.norm2 = nn.InstanceNorm2d(64), nn.InstanceNorm2d(64)

    def forward(self, features: Tensor, style: Style, alpha: float) -> Tensor:
        """Paint from the content's second features (B, 64, h, w): (B, 3, 4h, 4w), near 0..1."""
        x = torch.lerp(features, self.norm1(features) * style.deviation[1] + style.mean[1], alpha)
        x = self.dec1(x, *style.signals[1])
        x = torch.lerp(x, self.norm2(x) * style.deviation[0] + style.mean[0], alpha)
        painted: Tensor = self.dec3(self.dec2(x, *style.signals[0]))
        return painted


class Style:
    """What the net knows of a style picture (1, 3, h, w): statistics and modulation at both blocks."""

    def __init__(self, encoder: Encoder, modulator: Modulator, picture: Tensor) -> None:
        features = encoder(picture)
        self.mean, self.deviation = zip(*(moments(feature) for feature in features), strict=True)
        self.signals = modulator(*features)


class MicroAST(nn.Module):
    """The published net of four parts."""

    def __init__(self) -> None:
        super().__init__()
        self.content, self.style = Encoder(), Encoder()
        self.modulator, self.decoder = Modulator(), Decoder()

    def forward(self, content: Tensor, style: Style, alpha: float = 1.0) -> Tensor:
        """Paint RGB 0..1 (B, 3, H, W), H and W multiples of 4."""
        painted: Tensor = self.decoder(self.content(content)[1], style, alpha)
        return painted


class _Look(nn.Module):
    """The net with its style held."""

    def __init__(self, net: MicroAST, style: Style, alpha: float) -> None:
        super().__init__()
        self.net, self.style, self.alpha = net, style, alpha

    def forward(self, x: Tensor) -> Tensor:
        painted: Tensor = self.net(x, self.style, self.alpha)
        return painted


def load(folder: Path) -> MicroAST:
    """The net from the folder that holds the four published files, frozen.

    Raises:
        NotFound, BadRequest: as `impasto.server.models.style.checkpoint.fit`.
    """
    net = MicroAST()
    for part, name in FILES.items():
        fit(net.get_submodule(part), folder / name, f"MicroAST's {part} net", f"{name} of EndyWon/MicroAST")
    return net.eval().requires_grad_(False)


@torch.no_grad()
def build(style: Tensor, weights: Path, *, style_scale: float = 1.0, strength: float = 1.0) -> FeedForwardPainter:
    """A painter in the manner of one picture.

    Args:
        style: (1, 3, h, w) float32, display-like.
        weights: see `load`.
        style_scale: the style's shorter side over 512 pixels; larger is a larger brush.
        strength: 0..1, how far the content's statistics move to the style's.

    Raises:
        NotFound, BadRequest: as `load`.
    """
    net = load(weights)
    held = Style(net.style, net.modulator, style_at(style, style_scale))
    return FeedForwardPainter(_Look(net, held, strength), MODEL.stride, MODEL.smallest, REACH)


_PUBLISHED = tuple(
    Weights(FILES[part], sha256, "MIT", "EndyWon/MicroAST on GitHub", "MS-COCO and WikiArt, by its authors")
    for part, sha256 in (
        ("decoder", "32e04a46b953fd9f94ec9e20f351511305a5260e000c18f9aef6570d5f1e23d9"),
        ("content", "c8d895c0eec52507c157e102fab217c37f0c399ef3e168ef8b0b2677714660a4"),
        ("style", "94f6b3fa386828692c20809a0af8bd0eba9c04e90a7d8842086976e4d223c5af"),
        ("modulator", "8588055baf7d5ad8398d595d5518c6f030e3ff8dbb6007a7c1779776e11da28b"),
    )
)

MODEL = Model(
    id="microast",
    family="style",
    summary="Any picture as style with a very small published net; give a picture and the four weights files.",
    build=build,
    weights=_PUBLISHED[0],
    # The other three parts of the same net.
    alternatives=_PUBLISHED[1:],
    stride=4,
    smallest=16,
    parameters=(
        Parameter("style_scale", 1.0, 0.25, 4.0, "Size of the brush: the style's shorter side over 512 pixels."),
        Parameter("strength", 1.0, 0.0, 1.0, "How far the plate's statistics move to the style's."),
    ),
)
