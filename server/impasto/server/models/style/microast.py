"""MicroAST: any picture as style, with two tiny encoders and no VGG at run time.

Wang et al., "MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer", AAAI 2023. The style acts twice:
its features' statistics replace the content's (AdaIN), and a modulator turns the features into channel weights of the
decoder's convolutions. Modules are named as in the published checkpoints, so these load strictly.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.card import Model, Parameter, Weights
from impasto.server.models.checkpoint import fit
from impasto.server.models.style.canvas import SIDE
from impasto.server.models.style.feedforward import FeedForwardPainter, style_at
from impasto.server.models.style.folding import absorb, held
from impasto.server.models.style.mixing import checked
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

    def modulated(self, weight: Tensor, bias: Tensor) -> _Residual:
        """A block that does without a style what this one does with one."""
        twin = copy.deepcopy(self)
        for conv in (twin.conv1.conv_layer, twin.conv2.conv_layer):
            absorb(conv, weight.flatten(), bias.flatten())
        return twin


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


@dataclass(frozen=True)
class Style:
    """What the net knows of a style: statistics and modulation at both blocks, finest first.

    Attributes:
        mean: (1, 64, 1, 1) of each block's features.
        deviation: likewise.
        signals: (weight, bias) of each, likewise.
    """

    mean: tuple[Tensor, ...]
    deviation: tuple[Tensor, ...]
    signals: tuple[tuple[Tensor, Tensor], ...]

    @classmethod
    def of(cls, encoder: Encoder, modulator: Modulator, picture: Tensor) -> Style:
        """The style of a picture (1, 3, h, w)."""
        features = encoder(picture)
        mean, deviation = zip(*(moments(feature) for feature in features), strict=True)
        return cls(mean, deviation, modulator(*features))

    @classmethod
    def mixed(cls, styles: Sequence[Style], shares: Sequence[float]) -> Style:
        """The average of several."""
        parts = zip(*(style._all() for style in styles), strict=True)
        m1, m2, d1, d2, w1, b1, w2, b2 = (
            torch.stack([share * value for value, share in zip(values, shares, strict=True)]).sum(0) for values in parts
        )
        return cls((m1, m2), (d1, d2), ((w1, b1), (w2, b2)))

    def _all(self) -> list[Tensor]:
        return [*self.mean, *self.deviation, *(value for pair in self.signals for value in pair)]


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
    """The net with its style held: modulations become part of the convolutions, and AdaIN's statistics of the norms."""

    def __init__(self, net: MicroAST, style: Style, strength: float) -> None:
        super().__init__()
        self.content, self.strength = net.content, strength
        self.norm1, self.norm2 = (held(style.mean[block], style.deviation[block]) for block in (1, 0))
        self.dec1 = net.decoder.dec1.modulated(*style.signals[1])
        self.dec2 = net.decoder.dec2.modulated(*style.signals[0])
        self.dec3 = net.decoder.dec3

    def forward(self, x: Tensor) -> Tensor:
        """Paint RGB 0..1 (B, 3, H, W), H and W multiples of 4."""
        x = self.content(x)[1]
        x = self.dec1(self._styled(x, self.norm1))
        painted: Tensor = self.dec3(self.dec2(self._styled(x, self.norm2)))
        return painted

    def _styled(self, x: Tensor, norm: nn.Module) -> Tensor:
        styled: Tensor = norm(x)
        return styled if self.strength == 1.0 else torch.lerp(x, styled, self.strength)


def files_in(folder: Path) -> tuple[Path, ...]:
    """The four published files of a folder, in the order of `load`."""
    return tuple(folder / FILES[part] for part in ("decoder", "content", "style", "modulator"))


def load(decoder: Path, content: Path, style: Path, modulator: Path) -> MicroAST:
    """The net from the four published files, frozen.

    Raises:
        NotFound, BadRequest: as `impasto.server.models.checkpoint.fit`.
    """
    net = MicroAST()
    parts = {"decoder": decoder, "content": content, "style": style, "modulator": modulator}
    for part, path in parts.items():
        fit(net.get_submodule(part), path, f"MicroAST's {part} net", f"{FILES[part]} of EndyWon/MicroAST")
    return net.eval().requires_grad_(False)


@torch.no_grad()
def build(
    style: Tensor | Sequence[Tensor],
    *files: Path,
    shares: Sequence[float] | None = None,
    style_scale: float = 1.0,
    strength: float = 1.0,
) -> FeedForwardPainter:
    """A painter in the manner of one or several pictures.

    Args:
        style: (1, 3, h, w) float32, display-like, or several such.
        files: see `load`, in its order.
        shares: of each style; equal where not given. Statistics and modulation are averaged.
        style_scale: the style's shorter side over 512 pixels; larger is a larger brush.
        strength: 0..1, how far the content's statistics move to the style's.

    Raises:
        NotFound, BadRequest: as `load`; or shares that do not fit the styles.
    """
    styles = [style] if isinstance(style, Tensor) else list(style)
    net = load(*files)
    known = [Style.of(net.style, net.modulator, style_at(each, style_scale)) for each in styles]
    look = _Look(net, Style.mixed(known, checked(shares, len(styles)).tolist()), strength)
    return FeedForwardPainter(look, MODEL.stride, MODEL.smallest, REACH)


_ADDRESS = "https://raw.githubusercontent.com/EndyWon/MicroAST/d2796c7dbf01dbc29ed35b11675d87fcc640f969/models"
_HASHES = {
    "decoder": ("32e04a46b953fd9f94ec9e20f351511305a5260e000c18f9aef6570d5f1e23d9", 619_135),
    "content": ("c8d895c0eec52507c157e102fab217c37f0c399ef3e168ef8b0b2677714660a4", 634_983),
    "style": ("94f6b3fa386828692c20809a0af8bd0eba9c04e90a7d8842086976e4d223c5af", 634_983),
    "modulator": ("8588055baf7d5ad8398d595d5518c6f030e3ff8dbb6007a7c1779776e11da28b", 12_158),
}


def _published(part: str, beside: tuple[Weights, ...] = ()) -> Weights:
    sha256, size = _HASHES[part]
    return Weights(
        FILES[part],
        sha256,
        "MIT",
        f"{_ADDRESS}/{FILES[part]}",
        "MS-COCO and WikiArt, by its authors",
        size,
        beside=beside,
    )


MODEL = Model(
    id="microast",
    family="style",
    summary="Any picture as style with a very small published net of four files.",
    build=build,
    weights=_published("decoder", tuple(_published(part) for part in ("content", "style", "modulator"))),
    stride=4,
    smallest=16,
    canvas=SIDE,
    precisions=("float32", "bfloat16"),
    parameters=(Parameter("strength", 1.0, 0.0, 1.0, "How far the plate's statistics move to the style's."),),
    version=2,
)
