"""Gatys: the picture itself is optimised until its VGG features show the content and its Gram matrices the style.

Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016, with masks as guided
Gram matrices and painting in luma only from "Controlling Perceptual Factors in Neural Style Transfer", CVPR 2017, from
coarse to fine as there. L-BFGS finds the better picture, Adam needs less memory.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.errors import BadRequest
from impasto.server.models import weights as files
from impasto.server.models.card import Model, Parameter, Weights
from impasto.server.models.style.canvas import SIDE
from impasto.server.models.style.mixing import checked
from impasto.server.models.style.vgg19 import (
    LAYERS,
    NORMALISED,
    NORMALISED_TO_RELU3_1,
    VGG19,
    NormalisedVGG19,
    load,
    load_normalised,
)
from impasto.server.ops.flatten import luma
from impasto.server.ops.moments import gram

CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = tuple(f"relu{block}_1" for block in range(1, 6))

Method = Literal["lbfgs", "adam"]


@dataclass(frozen=True)
class Recipe:
    """How a picture is optimised.

    Attributes:
        method: see the module.
        steps: evaluations of the loss at each size, coarsest first; the last entry is the full size, each one before
            it half of the next.
        content: weight of the content, whose loss is 1 where nothing of it is left.
        style: weight of the style, whose loss is 1 where nothing of it is there.
        smooth: weight of total variation.
        luma_only: paint in luma, keep the plate's chroma; the style is brought to the plate's luma range first.
        rate: of Adam, in units of 0..1.
    """

    method: Method = "lbfgs"
    steps: tuple[int, ...] = (150, 100, 60)
    content: float = 1.0
    style: float = 30.0
    smooth: float = 1.0e-3
    luma_only: bool = False
    rate: float = 0.02


@dataclass(frozen=True)
class _Target:
    """What the features are to become: the content's, and each style's Gram matrices with its mask by layer."""

    layers: list[str]
    content: Tensor
    grams: list[dict[str, Tensor]]
    masks: list[dict[str, Tensor] | None]
    shares: Sequence[float]


class GatysPainter:
    """Paints by optimisation; see `impasto.server.models.style.painter.Painter`.

    Args:
        net: VGG19, exact. Where it ends before `relu4_2` the content is taken from its deepest layer, and the style
            from the layers it has.
        styles: (1, 3, h, w) each, display-like.
        shares: of each style, summing to 1.
        masks: (1, styles, H, W) of the frame's size, or None.
        style_scale: the style's shorter side over the frame's.
        recipe: see `Recipe`.
    """

    local = False

    def __init__(
        self,
        net: VGG19 | NormalisedVGG19,
        styles: Sequence[Tensor],
        shares: Sequence[float],
        masks: Tensor | None,
        style_scale: float,
        recipe: Recipe,
    ) -> None:
        self._net, self._recipe, self._scale = net, recipe, style_scale
        self._device = "cpu"
        self._styles = [style.clamp(0.0, 1.0) for style in styles]
        self._shares, self._masks = shares, masks
        known = list(net.marks)
        self._content_layer = CONTENT_LAYER if CONTENT_LAYER in known else known[-1]
        self._style_layers = [layer for layer in STYLE_LAYERS if layer in known]

    def on(self, device: str) -> GatysPainter:
        """The same painter, working on this device from now on."""
        self._device = device
        self._net.to(device)
        self._styles = [style.to(device) for style in self._styles]
        self._masks = None if self._masks is None else self._masks.to(device)
        return self

    def masked(self, masks: Tensor | None) -> GatysPainter:
        """The same painter under other masks, (1, styles, H, W) of the frame's size."""
        twin = copy.copy(self)
        twin._masks = None if masks is None else masks.to(self._device)
        return twin

    def paint(
        self,
        content: Tensor,
        *,
        start: Tensor | None = None,
        where: Tensor | None = None,
        seed: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Paint the whole of `content` (1, 3, H, W), display-like; `start` is gone on from, `seed` changes nothing."""
        plate = content.clamp(0.0, 1.0).to(self._device)
        picture = (plate if start is None else start.to(self._device)).detach()
        height, width = plate.shape[-2:]
        steps = self._recipe.steps
        for level, count in enumerate(steps):
            shrink = 2 ** (len(steps) - 1 - level)
            if shrink > 1 and min(height, width) // shrink < 32:
                continue
            size = (max(1, height // shrink), max(1, width // shrink))
            small = _sized(plate, size)
            picture = self._optimise(_sized(picture, size), small, count, check)
        return (_with_chroma(picture, plate) if self._recipe.luma_only else picture).cpu()

    def _optimise(self, picture: Tensor, plate: Tensor, steps: int, check: Callable[[], None]) -> Tensor:
        """Optimise `picture` at the size of `plate` for `steps` evaluations of the loss."""
        recipe = self._recipe
        guide = luma(plate).expand_as(plate) if recipe.luma_only else plate
        target = self._target(guide)
        canvas = picture.mean(1, keepdim=True) if recipe.luma_only else picture
        canvas = canvas.clone().requires_grad_(True)
        optimizer: Any
        if recipe.method == "lbfgs":
            # All evaluations in one call: torch cuts the line search of a call that may take only one step.
            optimizer, calls = torch.optim.LBFGS([canvas], 1.0, steps, steps, line_search_fn="strong_wolfe"), 1
        else:
            optimizer, calls = torch.optim.Adam([canvas], lr=recipe.rate), steps

        def evaluate() -> Tensor:
            check()
            optimizer.zero_grad()
            loss = self._loss(canvas.expand_as(plate), target)
            loss.backward()
            return loss

        for _ in range(calls):
            optimizer.step(evaluate)
        return canvas.detach().expand_as(plate).contiguous()

    def _features(self, picture: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        if isinstance(self._net, NormalisedVGG19):
            return self._net.features(picture, layers)
        found: dict[str, Tensor] = self._net(picture, layers)
        return found

    @torch.no_grad()
    def _target(self, plate: Tensor) -> _Target:
        layers = list(dict.fromkeys([*self._style_layers, self._content_layer]))
        features = self._features(plate, layers)
        grams: list[dict[str, Tensor]] = []
        masks: list[dict[str, Tensor] | None] = []
        for index, style in enumerate(self._styles):
            side = self._scale * min(plate.shape[-2:]) / min(style.shape[-2:])
            picture = _sized(style, (max(32, round(style.shape[-2] * side)), max(32, round(style.shape[-1] * side))))
            if self._recipe.luma_only:
                picture = _like(luma(picture), luma(plate)).expand(-1, 3, -1, -1)
            grams.append({layer: gram(value) for layer, value in self._features(picture, self._style_layers).items()})
            mask = None if self._masks is None else self._masks[:, index : index + 1]
            masks.append(
                None
                if mask is None
                else {layer: _sized(mask, features[layer].shape[-2:]) for layer in self._style_layers}
            )
        return _Target(layers, features[self._content_layer], grams, masks, self._shares)

    def _loss(self, picture: Tensor, target: _Target) -> Tensor:
        """Content, style and smoothness; the first two relative to the power of what they are compared with."""
        found = self._features(picture, target.layers)
        content = F.mse_loss(found[self._content_layer], target.content) / target.content.square().mean()
        style = picture.new_zeros(())
        for grams, masks, share in zip(target.grams, target.masks, target.shares, strict=True):
            for layer, wanted in grams.items():
                ours = gram(found[layer], None if masks is None else masks[layer])
                style = style + share * (ours - wanted).square().sum() / wanted.square().sum() / len(grams)
        smooth = (picture[..., 1:] - picture[..., :-1]).abs().mean()
        smooth = smooth + (picture[..., 1:, :] - picture[..., :-1, :]).abs().mean()
        # Outside 0..1 nothing was learned; the walls are soft so that highlights may stay a little above.
        outside = (picture - picture.clamp(0.0, 1.0)).square().mean()
        recipe = self._recipe
        total: Tensor = recipe.content * content + recipe.style * style + recipe.smooth * smooth + 10.0 * outside
        return total


def _sized(picture: Tensor, size: Sequence[int]) -> Tensor:
    if tuple(picture.shape[-2:]) == tuple(size):
        return picture
    return F.interpolate(picture, list(size), mode="bilinear", align_corners=False, antialias=True)


def _like(one: Tensor, other: Tensor) -> Tensor:
    """`one` with the mean and deviation of `other`."""
    return ((one - one.mean()) / one.std().clamp_min(1e-4) * other.std() + other.mean()).clamp(0.0, 1.0)


def _with_chroma(painted: Tensor, plate: Tensor) -> Tensor:
    """The plate's colours at the painted luma."""
    return plate + (luma(painted) - luma(plate))


def build(
    style: Tensor | Sequence[Tensor],
    weights: Path,
    *,
    shares: Sequence[float] | None = None,
    masks: Tensor | None = None,
    style_scale: float = 1.0,
    depth: str | None = None,
    recipe: Recipe | None = None,
    steps: float = 310.0,
    style_weight: float = 30.0,
) -> GatysPainter:
    """A painter in the manner of one or several pictures.

    Args:
        style: (1, 3, h, w) float32 display-like, or several such.
        weights: VGG19, torchvision's or the normalised one.
        shares: of each style; equal where not given.
        masks: (1, styles, H, W) in 0..1 of the frame's size: where each style paints.
        style_scale: the style's shorter side over the frame's, 0.25..4; larger is a larger brush.
        depth: last relu that the file is needed to; by default `relu5_1`, or what a normalised file reaches.
        recipe: see `Recipe`; where not given it is made of the two numbers below.
        steps: evaluations of the loss in all.
        style_weight: see `Recipe.style`.

    Raises:
        NotFound, BadRequest: the file is missing or another model's; shares or masks do not fit the styles.
    """
    styles = [style] if isinstance(style, Tensor) else list(style)
    parts = checked(shares, len(styles), masks).tolist()
    if recipe is None:
        coarse, middle = round(0.48 * steps), round(0.32 * steps)
        recipe = Recipe(steps=(coarse, middle, max(1, round(steps) - coarse - middle)), style=style_weight)
    if depth is not None and depth not in LAYERS:
        raise BadRequest(f"VGG19 has no layer '{depth}'; its layers are {', '.join(LAYERS)}.")
    net = open_vgg(weights, depth)
    return GatysPainter(net, styles, parts, masks, style_scale, recipe)


def open_vgg(weights: Path, depth: str | None = None) -> VGG19 | NormalisedVGG19:
    """Either published VGG19, known by its keys, to a relu or as far as is of use.

    Raises:
        NotFound, BadRequest: as the loaders of `impasto.server.models.style.vgg19`.
    """
    state = files.read(weights)
    if "0.weight" not in state:
        return load(weights, depth or "relu5_1")
    convolutions = sum(value.dim() == 4 for value in state.values()) - 1
    deepest = LAYERS[max(0, min(convolutions, len(LAYERS)) - 1)]
    return load_normalised(weights, depth or min("relu5_1", deepest))


_COMPLETE = Weights(
    "vgg19-dcbb9e9d.pth",
    "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    "CC-BY-4.0",
    "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    "ImageNet",
    574_673_361,
    "ImageNet top-1 72.4 %, top-5 90.9 %",
)

MODEL = Model(
    id="gatys",
    family="style",
    summary="Any picture as style by optimising the frame itself; slow and thorough; needs VGG19.",
    build=build,
    weights=_COMPLETE,
    alternatives=(NORMALISED, NORMALISED_TO_RELU3_1),
    smallest=1,
    canvas=SIDE,
    guided=True,
    parameters=(
        Parameter("steps", 310.0, 1.0, 5000.0, "Steps of the optimiser in all, half of them at a quarter of the size."),
        Parameter("style_weight", 30.0, 0.1, 1000.0, "Weight of the style against the content's 1."),
    ),
)
