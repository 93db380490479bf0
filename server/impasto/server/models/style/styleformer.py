"""StyleFormer: the style as a bank of affine maps of features, routed to places of the content by attention.

Wu, Hu, Sheng and Xu, "StyleFormer: Real-time Arbitrary Style Transfer via Parametric Style Composition", ICCV 2021.
A bilateral grid of affine maps (place, place, lightness; compare Gharbi et al., "Deep Bilateral Learning", 2017) is
composed from the style for every picture: the style's features give a bank of maps, attention from content to style
says which map goes where, and each pixel's features are sliced out by a learned guide and mapped. Modules are
named as in the published checkpoint (Wxl-stars/PytorchStyleFormer).

Attention and group normalisation look at the whole picture, so it is painted whole, never in tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.card import Model, Weights
from impasto.server.models.checkpoint import fit
from impasto.server.models.style.canvas import SIDE
from impasto.server.models.style.feedforward import style_at
from impasto.server.models.style.mixing import checked
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


class _Conv(nn.Module):
    """Reflection padding, a convolution under the key `conv`, and what follows it."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        bias: bool = True,
        then: Callable[[Tensor], Tensor] = F.relu,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=bias)
        self._pad, self._then = kernel // 2, then

    def forward(self, x: Tensor) -> Tensor:
        if self._pad:
            # A reflection needs two pixels; below that the edge is all there is to repeat.
            x = F.pad(x, (self._pad,) * 4, mode="reflect" if min(x.shape[-2:]) > 1 else "replicate")
        return self._then(self.conv(x))


def _same(x: Tensor) -> Tensor:
    return x


class Coeffs(nn.Module):
    """The bank: affine maps held by a style, features (B, 256, h, w) to (B * 16, 272 * 4, h / 4, w / 4)."""

    def __init__(self) -> None:
        super().__init__()
        halvings, narrow = int(math.log2(64 / SPATIAL_BIN)), 32 * LUMA_BINS
        self.splat_features = nn.ModuleList(_Conv(CHANNELS, CHANNELS, stride=2) for _ in range(halvings))
        self.local_features = nn.ModuleList((_Conv(CHANNELS, narrow), _Conv(narrow, narrow, bias=False)))
        self.conv_out = _Conv(narrow, GROUPS * MAP * LUMA_BINS, 1, then=_same)

    def forward(self, features: Tensor) -> Tensor:
        """The maps of a style at every cell."""
        for step in (*self.splat_features, *self.local_features, self.conv_out):
            features = step(features)
        return features.view(-1, MAP * LUMA_BINS, *features.shape[-2:])


class Attention(nn.Module):
    """Routes a bank's maps to the content: every coarse place of it gathers those of the style places it is like."""

    def __init__(self) -> None:
        super().__init__()
        self.convc1, self.convc2 = (_Conv(PER_GROUP, PER_GROUP, stride=2, then=then) for then in (F.relu, _same))
        self.convs1, self.convs2 = (_Conv(PER_GROUP, PER_GROUP, stride=2, then=then) for then in (F.relu, _same))
        self.convsr = _Conv(MAP * LUMA_BINS, MAP * LUMA_BINS, then=_same)

    def forward(self, content: Tensor, style: Tensor, bank: Tensor) -> Tensor:
        """The grid of maps for a content.

        Args:
            content: (B * 16, 16, H, W) groups of normalised features.
            style: (B * 16, 16, h, w) likewise.
            bank: (B * 16, 1088, h / 4, w / 4).

        Returns:
            (B * 16, 272, 4, H / 4, W / 4): maps by lightness and place.
        """
        query, key = self.convc2(self.convc1(content)), self.convs2(self.convs1(style)).flatten(2)
        likeness = torch.softmax(query.flatten(2).mT @ key, dim=-1)
        routed: Tensor = self.convsr(bank).flatten(2) @ likeness.mT
        return routed.view(-1, MAP, LUMA_BINS, *query.shape[-2:])


class Guide(nn.Module):
    """Which lightness of the grid a pixel is served from: (N, 16, H, W) to (N, H, W) in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = _Conv(PER_GROUP, 4, 1), _Conv(4, 1, 1, then=torch.sigmoid)

    def forward(self, content: Tensor) -> Tensor:
        """The guide of groups of normalised features."""
        out: Tensor = self.conv2(self.conv1(content))
        return out[:, 0]


class Transformer(nn.Module):
    """Composes and applies the affine maps: content and style features to stylized features."""

    def __init__(self) -> None:
        super().__init__()
        self.coeffs, self.att, self.guide = Coeffs(), Attention(), Guide()
        self.fcc, self.fcs = nn.Conv2d(CHANNELS, CHANNELS, 1), nn.Conv2d(CHANNELS, CHANNELS, 1)

    def known(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Of a style's features (1, 256, h, w): its groups and its bank."""
        return _groups(F.group_norm(self.fcs(features), GROUPS)), self.coeffs(features)

    def forward(self, features: Tensor, styles: list[tuple[Tensor, Tensor]], shares: Tensor) -> Tensor:
        """Stylize (1, 256, H, W) features; the grids of several styles are mixed by `shares`."""
        groups = _groups(F.group_norm(self.fcc(features), GROUPS))
        grids = [share * self.att(groups, *style) for style, share in zip(styles, shares, strict=True)]
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
        weights: a checkpoint of two nets, `a` the transformer and `b` the decoder, with the published keys, with or
            without `module.` in front.
        encoder: a torchvision VGG16 or VGG19, here with reflection padding.

    Raises:
        NotFound, BadRequest: as `impasto.server.models.checkpoint.fit`.
    """
    net = StyleFormer(load_vgg(encoder, "relu3_1", padding="reflect"))
    for part, key in (("transformer", "a"), ("decoder", "b")):
        fit(
            net.get_submodule(part),
            weights,
            f"StyleFormer's {part}",
            "the published checkpoint of PytorchStyleFormer, which holds 'a' and 'b'",
            part=key,
            rename=lambda name: name.removeprefix("module.").removeprefix("model."),
        )
    return net.eval().requires_grad_(False)


class StyleFormerPainter:
    """Paints with one net and its styles; see `impasto.server.models.style.painter.Painter`.

    The net sees `content` clipped to 0..1; its answer is not clipped. Pictures are painted whole.
    """

    local = False

    def __init__(self, net: StyleFormer, styles: list[Tensor], shares: Tensor) -> None:
        self._net, self._device = net, "cpu"
        self._styles = [net.transformer.known(net.features(style)) for style in styles]
        self._shares = shares

    def on(self, device: str) -> StyleFormerPainter:
        """The same painter, working on this device from now on."""
        self._device, self._shares = device, self._shares.to(device)
        self._net.to(device)
        self._styles = [(groups.to(device), bank.to(device)) for groups, bank in self._styles]
        return self

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
        seen = F.pad(content.clamp(0.0, 1.0), pad, mode="replicate").to(self._device)
        features = self._net.features(seen)
        check()
        painted: Tensor = self._net.decoder(self._net.transformer(features, self._styles, self._shares))
        return painted[..., :height, :width].contiguous().cpu()


@torch.no_grad()
def build(
    style: Tensor | Sequence[Tensor],
    weights: Path,
    encoder: Path,
    *,
    shares: Sequence[float] | None = None,
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
    summary="Any picture as style by attention to a bank of feature maps; needs its published checkpoint and VGG16.",
    build=build,
    weights=Weights(
        "styleformer.pth",
        "",
        "LicenseRef-none-published",
        "gen_00794001.pt of Wxl-stars/PytorchStyleFormer, Google Drive folder 1l53CJxbMiaU7c17laAT9d8Q_a4arxI28",
        "MS-COCO and WikiArt, by its authors",
        metrics="nothing here: the file was never at hand, its keys are those of the published source",
        beside=(
            Weights(
                "vgg16-397923af.pth",
                "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
                "CC-BY-4.0",
                "https://download.pytorch.org/models/vgg16-397923af.pth",
                "ImageNet",
                553_433_881,
                "ImageNet top-1 71.6 %, top-5 90.4 %",
            ),
        ),
    ),
    stride=16,
    smallest=32,
    canvas=SIDE,
    version=2,
)
