"""The look of the house: any picture as style, one small net of our own, trained by `training/style.py`.

MicroAST-shaped (Wang et al., "MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer", AAAI 2023):
no VGG at run time, a style acts as the statistics of encoder features (Huang and Belongie's AdaIN, ICCV 2017) and as
a modulation of the decoder's convolutions. Ours differs where plates ask for it: one encoder reads both pictures;
statistics meet at a half, a quarter and an eighth of the size, so strokes of three sizes are told apart; colour
itself is matched in closed form first (Reinhard et al., "Color Transfer between Images", 2001), so the convolutions
paint only what is left, the strokes, on a plate that has the style's palette already; grain is taken out of the plate
first by a guided filter (He, Sun and Tang, TPAMI 2013), or strokes would tremble with it; every convolution is full,
and pixels are made by resizing and convolving, never by strides, so no checkerboard is left.
A style is one vector, `code`, which mixes with others by plain averages.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.card import Model, bundled
from impasto.server.models.checkpoint import fit
from impasto.server.models.style.canvas import SIDE
from impasto.server.models.style.feedforward import FeedForwardPainter, style_at
from impasto.server.models.style.folding import absorb, held
from impasto.server.models.style.mixing import checked
from impasto.server.ops.enlarge import doubled
from impasto.server.ops.flatten import flattened

WIDTHS = (24, 48, 96)
"""Channels at a half, a quarter and an eighth of the size."""

PARAMETERS = 898_059
"""Weights of the net."""

LEVELS = (3, *WIDTHS)
"""Channels whose statistics say a style: opponent colours, then the encoder's at each size."""

FLOORS = (1e-3, 1e-4, 1e-4, 1e-4)
"""Added to the variances at each level; a plate of one grey has no contrast of colour to raise."""

CODE = 2 * sum(LEVELS)
"""Numbers that say a style: mean and standard deviation of every such channel."""

OPPONENT = ((3**-0.5, 3**-0.5, 3**-0.5), (2**-0.5, 0.0, -(2**-0.5)), (6**-0.5, -2 * 6**-0.5, 6**-0.5))
"""Lightness, red against blue, magenta against green: a turn of RGB, so its inverse is its transpose."""

STRIDE, SMALLEST = 8, 32
"""Sides are multiples of the one, and not less than the other."""

REACH = 104
"""Pixels that one pixel can move another over, statistics being fixed: 102, rounded up."""

CALM_RADIUS, CALM_GRAIN = 2, 0.03
"""What varies less than the second, within so many pixels, is grain of the plate and not painted."""


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, padding_mode="reflect")


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _conv(channels, channels), _conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.conv2(F.relu(self.conv1(x)))
        return out


class _Modulated(nn.Module):
    """A residual block whose two convolutions are scaled, and their bypass weighted, by the style."""

    def __init__(self, channels: int, code: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _conv(channels, channels), _conv(channels, channels)
        self.style = nn.Linear(code, 4 * channels)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        w1, b1, w2, b2 = self.style(code)[:, :, None, None].chunk(4, 1)
        y = F.relu((1.0 + w1) * self.conv1(x) + b1 * x)
        out: Tensor = x + (1.0 + w2) * self.conv2(y) + b2 * y
        return out

    def modulated(self, code: Tensor) -> _Residual:
        """A block that does without a code what this one does with (1, C)."""
        w1, b1, w2, b2 = self.style(code)[0].chunk(4)
        twin = _Residual(len(w1))
        for name, gain, bypass in (("conv1", 1.0 + w1, b1), ("conv2", 1.0 + w2, b2)):
            conv = copy.deepcopy(self.get_submodule(name))
            assert isinstance(conv, nn.Conv2d)
            absorb(conv, gain, bypass)
            twin.set_submodule(name, conv)
        return twin


class Encoder(nn.Module):
    """Three halvings; features at each, (B, 24 | 48 | 96, H / 2 | 4 | 8, W / 2 | 4 | 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.down1 = _conv(3, WIDTHS[0], 5, 2)
        self.down2 = _conv(WIDTHS[0], WIDTHS[1], 3, 2)
        self.down3 = _conv(WIDTHS[1], WIDTHS[2], 3, 2)
        self.res2, self.res3 = _Residual(WIDTHS[1]), _Residual(WIDTHS[2])

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of (B, 3, H, W) in -1..1, finest first."""
        one = F.relu(self.down1(x))
        two = self.res2(F.relu(self.down2(one)))
        return [one, two, self.res3(F.relu(self.down3(two)))]


class ImpastoNet(nn.Module):
    """The whole net. The four `norm`s hold all that binds pixels together, so frozen they make tiles exact."""

    def __init__(self) -> None:
        super().__init__()
        one, two, three = WIDTHS
        self.encoder = Encoder()
        self.norm0, self.norm1, self.norm2, self.norm3 = (
            nn.InstanceNorm2d(width, eps=floor) for width, floor in zip(LEVELS, FLOORS, strict=True)
        )
        self.mapping = nn.Sequential(nn.Linear(CODE, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU())
        self.mod3a, self.mod3b = _Modulated(three, 128), _Modulated(three, 128)
        self.up2, self.mod2 = _conv(three, two), _Modulated(two, 128)
        self.up1, self.mod1 = _conv(two, one), _Modulated(one, 128)
        self.up0, self.out = _conv(one, 16), _conv(16, 3)

    def code(self, style: Tensor) -> Tensor:
        """What the net knows of a style: (B, 3, h, w) RGB 0..1 to (B, `CODE`)."""
        means, deviations = [], []
        for features in (turned(style), *self.encoder(2.0 * style - 1.0)):
            means.append(features.mean((-2, -1)))
            deviations.append(torch.sqrt(features.var((-2, -1), unbiased=False) + 1e-4))
        return torch.cat(means + deviations, 1)

    def forward(self, content: Tensor, code: Tensor) -> Tensor:
        """Paint (B, 3, H, W) RGB 0..1, H and W multiples of 8; the answer is alike, near 0..1 but not clipped."""
        means, deviations = code[:, :, None, None].chunk(2, 1)
        means, deviations = means.split(LEVELS, 1), deviations.split(LEVELS, 1)
        calm = flattened(content, CALM_RADIUS, CALM_GRAIN)
        ground = turned(self.norm0(turned(calm)) * deviations[0] + means[0], back=True)
        norms = (self.norm1, self.norm2, self.norm3)
        levels = zip(norms, self.encoder(2.0 * ground - 1.0), deviations[1:], means[1:], strict=True)
        one, two, x = (norm(features) * std + mean for norm, features, std, mean in levels)
        style = self.mapping(code)
        x = self.mod3b(self.mod3a(x, style), style)
        x = self.mod2(F.relu(self.up2(doubled(x))) + two, style)
        x = self.mod1(F.relu(self.up1(doubled(x))) + one, style)
        painted: Tensor = self.out(F.relu(self.up0(doubled(x))))
        return ground + painted


def turned(colour: Tensor, back: bool = False) -> Tensor:
    """RGB as opponent colours, or back; (B, 3, H, W) float32."""
    matrix = zip(*OPPONENT, strict=True) if back else OPPONENT
    one, two, three = colour.float().unbind(1)
    return torch.stack([a * one + b * two + c * three for a, b, c in matrix], 1)


class _Look(nn.Module):
    """The net with its style held: modulations become part of the convolutions, and its statistics of the norms."""

    exact = ("norm0",)
    """The palette is turned in float32 whatever the net works in."""

    def __init__(self, net: ImpastoNet, code: Tensor) -> None:
        super().__init__()
        means, deviations = code[0].chunk(2)
        statistics = zip(means.split(LEVELS), deviations.split(LEVELS), FLOORS, strict=True)
        self.norm0, self.norm1, self.norm2, self.norm3 = (held(*each) for each in statistics)
        style = net.mapping(code)
        self.mod3a, self.mod3b, self.mod2, self.mod1 = (
            block.modulated(style) for block in (net.mod3a, net.mod3b, net.mod2, net.mod1)
        )
        self.encoder, self.up2, self.up1, self.up0, self.out = net.encoder, net.up2, net.up1, net.up0, net.out

    def forward(self, content: Tensor) -> Tensor:
        """Paint (B, 3, H, W) RGB 0..1, H and W multiples of 8."""
        ground = turned(self.norm0(turned(flattened(content, CALM_RADIUS, CALM_GRAIN))), back=True)
        one, two, three = self.encoder((2.0 * ground - 1.0).to(self.out.weight.dtype))
        x = self.mod3b(self.mod3a(self.norm3(three)))
        x = self.mod2(F.relu(self.up2(doubled(x))) + self.norm2(two))
        x = self.mod1(F.relu(self.up1(doubled(x))) + self.norm1(one))
        painted: Tensor = self.out(F.relu(self.up0(doubled(x))))
        return ground + painted


def load(path: Path) -> ImpastoNet:
    """The net, frozen.

    Raises:
        NotFound, BadRequest: as `impasto.server.models.checkpoint.fit`.
    """
    net = ImpastoNet()
    fit(net, path, "the look of the house", "an impasto.safetensors made by training/style.py")
    return net


@torch.no_grad()
def build(
    style: Tensor | Sequence[Tensor],
    weights: Path,
    *,
    shares: Sequence[float] | None = None,
    style_scale: float = 1.0,
) -> FeedForwardPainter:
    """A painter in the manner of one or several styles.

    Args:
        style: (1, 3, h, w) float32 display-like, or a style's code, (1, `CODE`), of these weights; or several such.
        weights: see `load`.
        shares: of each style; equal where not given. The styles' codes are averaged.
        style_scale: the style's shorter side over 512 pixels; larger is a larger brush.

    Raises:
        NotFound, BadRequest: as `load`; or shares that do not fit the styles.
    """
    styles = [style] if isinstance(style, Tensor) else list(style)
    net = load(weights)
    codes = torch.cat([each if each.dim() == 2 else net.code(style_at(each, style_scale)) for each in styles])
    code = (codes * checked(shares, len(styles))[:, None]).sum(0, keepdim=True)
    return FeedForwardPainter(_Look(net, code), STRIDE, SMALLEST, REACH)


MODEL = Model(
    id="impasto",
    family="style",
    summary="Any picture as style with the small net of the house; its weights come with the program.",
    build=build,
    weights=bundled("impasto"),
    stride=STRIDE,
    smallest=SMALLEST,
    canvas=SIDE,
    precisions=("float32", "bfloat16"),
    version=2,
)
