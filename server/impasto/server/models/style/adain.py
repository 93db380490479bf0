"""AdaIN: any picture as style, by giving the content's VGG features the style's means and deviations.

Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", ICCV 2017. The encoder
is the normalised VGG19 up to the first relu of a block, the decoder its mirror; files with the keys of pytorch-AdaIN's
`decoder.pth` (relu4_1) load strictly, and so do decoders from relu1_1, relu2_1 or relu3_1 of the same build.

Several styles mix by weights, everywhere or each under a mask of its own; where masks leave a share open, the content
keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models import weights as files
from impasto.server.models.card import Model, Parameter, Weights
from impasto.server.models.checkpoint import fit
from impasto.server.models.style.canvas import SIDE
from impasto.server.models.style.feedforward import FeedForwardPainter, style_at
from impasto.server.models.style.mixing import checked
from impasto.server.models.style.transport import ColourMap
from impasto.server.models.style.vgg19 import (
    BLOCKS,
    DEEP_TRANSFER,
    NORMALISED,
    NORMALISED_TO_RELU3_1,
    NormalisedVGG19,
    load_normalised,
)
from impasto.server.ops.moments import moments

DEPTHS = tuple(f"relu{block}_1" for block in range(1, 5))
"""Relus that a decoder may start from."""

DECODER_PARAMETERS = 3_505_219
"""Weights of the decoder from relu4_1; its encoder has 3,505,740."""

REACH = {"relu1_1": 8, "relu2_1": 16, "relu3_1": 32, "relu4_1": 72}
"""Pixels that one pixel can move another over, statistics being fixed: 2, 9, 23 and 67, rounded up."""


class Decoder(nn.Sequential):
    """The encoder's mirror: (B, C, h, w) features at `depth` to (B, 3, H, W), near 0..1.

    Args:
        depth: one of `DEPTHS`.
    """

    def __init__(self, depth: str = "relu4_1") -> None:
        steps: list[nn.Module] = []
        last = DEPTHS.index(depth)
        inputs = BLOCKS[last][0]
        for width, count in reversed(BLOCKS[:last]):
            # Of each block the last convolution of the way up comes before the doubling, the rest after it.
            steps += [nn.ReflectionPad2d(1), nn.Conv2d(inputs, width, 3), nn.ReLU(), nn.Upsample(scale_factor=2)]
            for _ in range(count - 1):
                steps += [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.ReLU()]
            inputs = width
        super().__init__(*steps, nn.ReflectionPad2d(1), nn.Conv2d(inputs, 3, 3))


class AdaIN(nn.Module):
    """Encoder, statistics, decoder, with styles held.

    Args:
        encoder: to `depth` at least.
        decoder: from `depth`.
        depth: one of `DEPTHS`.
        styles: (1, 3, h, w) each, RGB 0..1.
        shares: (styles,) of each style; they sum to 1 where there are no masks.
        strength: 0 decodes the content's own features, 1 the style's.
    """

    means: Tensor
    deviations: Tensor
    shares: Tensor

    def __init__(
        self,
        encoder: NormalisedVGG19,
        decoder: Decoder,
        depth: str,
        styles: Sequence[Tensor],
        shares: Tensor,
        strength: float = 1.0,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.depth = encoder, decoder, depth
        self.norm = nn.InstanceNorm2d(BLOCKS[DEPTHS.index(depth)][0])
        known = [moments(self._features(style)) for style in styles]
        self.register_buffer("means", torch.cat([mean for mean, _ in known]))
        self.register_buffer("deviations", torch.cat([deviation for _, deviation in known]))
        self.register_buffer("shares", shares)
        self.strength = strength

    def forward(self, x: Tensor) -> Tensor:
        """Paint (1, 3 + M, H, W): RGB 0..1, and a mask for each style, or none."""
        features = self._features(x[:, :3])
        normal = self.norm(features)
        if x.shape[1] > 3:
            cell = x.shape[-1] // features.shape[-1]
            shares = F.avg_pool2d(x[:, 3:], cell) * self.shares[:, None, None]
            total = shares.sum(1, keepdim=True)
            shares = shares / total.clamp_min(1.0)
            left = (1.0 - total).clamp_min(0.0)
        else:
            shares = self.shares[None, :, None, None]
            left = torch.zeros(())
        deviation = sum(share * std for share, std in zip(shares.split(1, 1), self.deviations, strict=True))
        mean = sum(share * value for share, value in zip(shares.split(1, 1), self.means, strict=True))
        target = normal * deviation + mean + left * features
        painted: Tensor = self.decoder(torch.lerp(features, target, self.strength))
        return painted

    def _features(self, picture: Tensor) -> Tensor:
        return self.encoder.features(picture, [self.depth])[self.depth]


def load(decoder: Path) -> tuple[Decoder, str]:
    """A decoder, frozen, and the relu it starts from, known by the channels of its first convolution.

    Raises:
        NotFound, BadRequest: as `impasto.server.models.checkpoint.fit`.
    """
    first = files.read(decoder).get("1.weight")
    width = 0 if first is None or first.dim() != 4 else first.shape[1]
    depth = next((depth for depth, (channels, _) in zip(DEPTHS, BLOCKS, strict=False) if channels == width), "relu4_1")
    net = Decoder(depth)
    fit(net, decoder, "an AdaIN decoder", "decoder.pth of pytorch-AdaIN or an inverter of the normalised VGG19")
    return net, depth


@torch.no_grad()
def build(
    style: Tensor | Sequence[Tensor],
    decoder: Path,
    encoder: Path,
    *,
    shares: Sequence[float] | None = None,
    masks: Tensor | None = None,
    colours: Tensor | None = None,
    strength: float = 1.0,
    style_scale: float = 1.0,
) -> FeedForwardPainter:
    """A painter in the manner of one or several pictures.

    Args:
        style: (1, 3, h, w) float32 display-like, or several such.
        decoder: see `load`.
        encoder: normalised VGG19 to the decoder's relu or deeper.
        shares: of each style; equal where not given.
        masks: (1, styles, H, W) in 0..1 of the frame's size: where each style paints.
        colours: (1, 3, h, w) display-like, a frame whose colours the styles take on before they are used.
        strength: 0..1, how far the features' statistics move to the style's.
        style_scale: the style's shorter side over 512 pixels; larger is a larger brush.

    Raises:
        NotFound, BadRequest: a file is missing or another model's; shares or masks do not fit the styles.
    """
    styles = [style] if isinstance(style, Tensor) else list(style)
    parts = checked(shares, len(styles), masks)
    # Under masks a weight of 1 means all of the mask.
    if masks is not None and shares is None:
        parts = torch.ones(len(styles))
    elif masks is not None:
        parts = torch.tensor(shares)
    net, depth = load(decoder)
    if colours is not None:
        styles = [ColourMap.between(picture, colours)(picture) for picture in styles]
    pictures = [style_at(picture, style_scale) for picture in styles]
    look = AdaIN(load_normalised(encoder, depth), net, depth, pictures, parts, strength)
    return FeedForwardPainter(look, MODEL.stride, MODEL.smallest, REACH[depth], masks)


_ADAIN_RELEASE = "https://github.com/naoto0804/pytorch-AdaIN/releases/download/v0.0.0"
_INVERTERS = {
    3: ("f32bc7bd366ff027936b3d90a98bc3f8667ba3f2762df916261a0586c5e30ab5", 2_221_993),
    2: ("4d4134c572dfa273b4f1f3d76a2439d62197a018de6d743c2b9d85b2093c409e", 450_926),
    1: ("78e72d8d80ea9460c45bc89bf9c29d0804639771e443a18c46e20e1f73a57578", 7_488),
}

MODEL = Model(
    id="adain",
    family="style",
    summary="Any picture as style by the statistics of VGG features; needs a decoder and the normalised VGG19.",
    build=build,
    weights=Weights(
        "decoder.pth",
        "",
        "MIT",
        f"{_ADAIN_RELEASE}/decoder.pth",
        "MS-COCO and WikiArt, by its authors",
        beside=(NORMALISED,),
    ),
    alternatives=tuple(
        Weights(
            f"feature_invertor_conv{block}_1.pth",
            sha256,
            "Apache-2.0",
            f"{DEEP_TRANSFER}/vgg19_{block}/feature_invertor_conv{block}_1.pth",
            "MS-COCO, by its authors",
            size,
            beside=(NORMALISED_TO_RELU3_1,),
        )
        for block, (sha256, size) in _INVERTERS.items()
    ),
    stride=8,
    smallest=16,
    canvas=SIDE,
    guided=True,
    precisions=("float32", "bfloat16"),
    parameters=(Parameter("strength", 1.0, 0.0, 1.0, "How far the plate's statistics move to the style's."),),
    version=2,
)
