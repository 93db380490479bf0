"""StyleFormer: the style as a bank of affine maps of features, routed to places of the content by attention.

Wu, Hu, Sheng and Xu, "StyleFormer: Real-time Arbitrary Style Transfer via Parametric Style Composition", ICCV 2021.
A bilateral grid of affine maps (place, place, lightness; compare Gharbi et al., "Deep Bilateral Learning", 2017) is
composed from the style for every picture: the style's features give a bank of maps, attention from content to style
says which map goes where, and each pixel's features are sliced out by a learned guide and mapped. Modules are named by
the steps of the paper.

Attention and group normalisation look at the whole picture, so it is painted whole, never in tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.card import Model, Parameter
from impasto.server.models.style.checkpoint import fit
from impasto.server.models.style.feedforward import checked, style_at
from impasto.server.models.style.vgg19 import VGG19
from impasto.server.models.style.vgg19 import load as load_vgg

GROUPS, LUMA_BINS, SPATIAL_BIN = 16, 4, 16
"""Groups of feature channels, cells of the grid's lightness axis, and cells of the bank's sides."""

CHANNELS = 256
"""Of VGG's relu3_1."""

PER_GROUP = CHANNELS // GROUPS

MAP = PER_GROUP * (PER_GROUP + 1)
"""Numbers of one affine map of a group's channels."""

TRANSFORMER_PARAMETERS, DECODER_PARAMETERS = 14_664_009, 2_325_315
"""Weights of the two trained parts."""


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)


class Bank(nn.Module):
    """Affine maps held by a style: features (B, 256, h, w) to (B * 16, 272 * 4, h / 4, w / 4)."""

    def __init__(self) -> None:
        super().__init__()
        halvings = int(math.log2(64 / SPATIAL_BIN))
        steps: list[nn.Module] = []
        for _ in range(halvings):
            steps += [_conv(CHANNELS, CHANNELS, stride=2), nn.ReLU()]
        steps += [_conv(CHANNELS, 32 * LUMA_BINS), nn.ReLU()]
        steps += [_conv(32 * LUMA_BINS, 32 * LUMA_BINS, bias=False), nn.ReLU()]
        self.body = nn.Sequential(*steps, _conv(32 * LUMA_BINS, GROUPS * MAP * LUMA_BINS, 1))

    def forward(self, features: Tensor) -> Tensor:
        """The maps of a style at every cell."""
        maps: Tensor = self.body(features)
        return maps.view(-1, MAP * LUMA_BINS, *maps.shape[-2:])


class Attention(nn.Module):
    """Routes a bank's maps to the content: every coarse place of it gathers those of the style places it is like."""

    def __init__(self) -> None:
        super().__init__()

        def halve_twice() -> nn.Sequential:
            return nn.Sequential(
                _conv(PER_GROUP, PER_GROUP, stride=2), nn.ReLU(), _conv(PER_GROUP, PER_GROUP, stride=2)
            )

        self.query, self.key = halve_twice(), halve_twice()
        self.value = _conv(MAP * LUMA_BINS, MAP * LUMA_BINS)

    def forward(self, content: Tensor, style: Tensor, bank: Tensor) -> Tensor:
        """The grid of maps for a content.

        Args:
            content: (B * 16, 16, H, W) groups of normalised features.
            style: (B * 16, 16, h, w) likewise.
            bank: (B * 16, 1088, h / 4, w / 4).

        Returns:
            (B * 16, 272, 4, H / 4, W / 4): maps by lightness and place.
        """
        query, key = self.query(content), self.key(style).flatten(2)
        likeness = torch.softmax(query.flatten(2).mT @ key, dim=-1)
        routed: Tensor = self.value(bank).flatten(2) @ likeness.mT
        return routed.view(-1, MAP, LUMA_BINS, *query.shape[-2:])


class Guide(nn.Module):
    """Which lightness of the grid a pixel is served from: (N, 16, H, W) to (N, H, W) in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = _conv(PER_GROUP, 4, 1), _conv(4, 1, 1)

    def forward(self, content: Tensor) -> Tensor:
        """The guide of groups of normalised features."""
        out: Tensor = torch.sigmoid(self.conv2(F.relu(self.conv1(content))))
        return out[:, 0]


class Transformer(nn.Module):
    """Composes and applies the affine maps: content and style features to stylized features."""

    def __init__(self) -> None:
        super().__init__()
        self.content, self.style = _conv(CHANNELS, CHANNELS, 1), _conv(CHANNELS, CHANNELS, 1)
        self.norm = nn.GroupNorm(GROUPS, CHANNELS, affine=False)
        self.bank, self.attention, self.guide = Bank(), Attention(), Guide()

    def known(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Of a style's features (1, 256, h, w): its groups and its bank."""
        return _groups(self.norm(self.style(features))), self.bank(features)

    def forward(self, features: Tensor, styles: list[tuple[Tensor, Tensor]], shares: Tensor) -> Tensor:
        """Stylize (1, 256, H, W) features; the grids of several styles are mixed by `shares`."""
        groups = _groups(self.norm(self.content(features)))
        grids = [share * self.attention(groups, *style) for style, share in zip(styles, shares, strict=True)]
        grid = torch.stack(grids).sum(0)
        guide = self.guide(groups)
        # Group by group: the sliced maps of all at once would be 17 times the features.
        mapped = [_apply(grid[g : g + 1], guide[g : g + 1], groups[g : g + 1]) for g in range(len(groups))]
        return torch.cat(mapped, 1)


def _groups(features: Tensor) -> Tensor:
    return features.reshape(-1, PER_GROUP, *features.shape[-2:])


def _apply(grid: Tensor, guide: Tensor, pixels: Tensor) -> Tensor:
    """Slice the maps (1, 272, 4, h, w) at every pixel and map its channels: (1, 16, H, W)."""
    height, width = pixels.shape[-2:]
    y = torch.linspace(-1.0, 1.0, height, device=pixels.device).view(1, height, 1).expand(1, height, width)
    x = torch.linspace(-1.0, 1.0, width, device=pixels.device).view(1, 1, width).expand(1, height, width)
    # The guide's 0..1 reaches only the upper half of the axis -1..1; the published weights were trained so.
    places = torch.stack((x, y, guide), -1)[:, None]
    maps = F.grid_sample(grid, places, padding_mode="reflection", align_corners=True)[:, :, 0]
    maps = maps.view(1, PER_GROUP, PER_GROUP + 1, height, width)
    return (maps[:, :, :PER_GROUP] * pixels[:, None]).sum(2) + maps[:, :, PER_GROUP]


class Decoder(nn.Sequential):
    """Features (B, 256, h, w) to pictures (B, 3, 4h, 4w), near 0..1."""

    def __init__(self) -> None:
        widths = [(256, 256), (256, 256), (256, 256), (256, 128), None, (128, 128), (128, 64), None, (64, 64)]
        steps: list[nn.Module] = []
        for width in widths:
            if width is None:
                steps.append(nn.Upsample(scale_factor=2))
            else:
                steps += [nn.ReflectionPad2d(1), nn.Conv2d(*width, 3), nn.ReLU()]
        super().__init__(*steps, nn.ReflectionPad2d(1), nn.Conv2d(64, 3, 3))


class StyleFormer(nn.Module):
    """Encoder (VGG16 or 19 to relu3_1, which are alike), transformer and decoder."""

    def __init__(self, encoder: VGG19) -> None:
        super().__init__()
        self.encoder, self.transformer, self.decoder = encoder, Transformer(), Decoder()

    def features(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) RGB 0..1 to (B, 256, H / 4, W / 4)."""
        return self.encoder(picture, ["relu3_1"])["relu3_1"]  # type: ignore[no-any-return]


def load(weights: Path, encoder: Path) -> StyleFormer:
    """The net, frozen.

    Args:
        weights: a checkpoint of two nets, `a` the transformer and `b` the decoder, with or without `module.` in front
            of the keys of this file's modules.
        encoder: a torchvision VGG16 or VGG19.

    Raises:
        NotFound, BadRequest: as `impasto.server.models.style.checkpoint.fit`.
    """
    net = StyleFormer(load_vgg(encoder, "relu3_1"))
    for part, key in (("transformer", "a"), ("decoder", "b")):
        fit(
            net.get_submodule(part),
            weights,
            f"StyleFormer's {part}",
            "a checkpoint with 'a' and 'b' of this project's key names",
            part=key,
            rename=lambda name: name.removeprefix("module."),
        )
    return net.eval().requires_grad_(False)


class StyleFormerPainter:
    """Paints with one net and its styles; see `impasto.server.models.style.painter.Painter`.

    The net sees `content` clipped to 0..1; its answer is not clipped. Pictures are painted whole.
    """

    local = False

    def __init__(self, net: StyleFormer, styles: list[Tensor], shares: Tensor) -> None:
        self._net = net
        self._styles = [net.transformer.known(net.features(style)) for style in styles]
        self._shares = shares

    @torch.no_grad()
    def paint(
        self,
        content: Tensor,
        *,
        start: Tensor | None = None,
        where: Tensor | None = None,
        seed: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Paint the whole of `content` (1, 3, H, W), display-like; `start`, `where` and `seed` change nothing."""
        height, width = content.shape[-2:]
        pad = (0, max(-width % 16, MODEL.smallest - width), 0, max(-height % 16, MODEL.smallest - height))
        check()
        features = self._net.features(F.pad(content.clamp(0.0, 1.0), pad, mode="replicate"))
        check()
        painted: Tensor = self._net.decoder(self._net.transformer(features, self._styles, self._shares))
        return painted[..., :height, :width].contiguous()


@torch.no_grad()
def build(
    style: Tensor | list[Tensor],
    weights: Path,
    encoder: Path,
    *,
    shares: list[float] | None = None,
    style_scale: float = 0.5,
) -> StyleFormerPainter:
    """A painter in the manner of one or several pictures.

    Args:
        style: (1, 3, h, w) float32 display-like, or several such.
        weights: see `load`.
        encoder: see `load`.
        shares: of each style; equal where not given.
        style_scale: the style's shorter side over 512 pixels; the net was trained at 0.5.

    Raises:
        NotFound, BadRequest: as `load`.
    """
    styles = [style] if isinstance(style, Tensor) else list(style)
    net = load(weights, encoder)
    pictures = [style_at(each, style_scale) for each in styles]
    return StyleFormerPainter(net, pictures, checked(shares, len(styles)))


MODEL = Model(
    id="styleformer",
    family="style",
    summary="Any picture as style by attention to a bank of feature maps; needs a checkpoint of its own and VGG.",
    build=build,
    stride=16,
    smallest=32,
    parameters=(
        Parameter("style_scale", 0.5, 0.25, 4.0, "Size of the brush: the style's shorter side over 512 pixels."),
    ),
)
