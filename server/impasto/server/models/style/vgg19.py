"""VGG19 up to any of its relus, from either of the two families of published files.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015. Layers are
named as style transfer names them: `relu3_1` is the first relu of the third block.

- *torchvision* files (`features.0.weight` ...): pictures normalised by ImageNet's mean and deviation, zero padding.
  Up to `relu3_3` VGG16's files have the same keys and shapes, so the same class reads them.
- *normalised* files (`0.weight` ...; Gatys' rescaled activations): a leading 1x1 convolution takes RGB 0..1 to the
  net's own units, reflection padding, pooling that keeps the odd row and column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.card import Weights
from impasto.server.models.checkpoint import fit

Padding = Literal["zeros", "reflect"]

BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Channels and convolutions of each block; every block but the last ends in a 2x2 pooling."""

LAYERS = tuple(f"relu{block}_{i}" for block, (_, count) in enumerate(BLOCKS, 1) for i in range(1, count + 1))
"""Every relu in order."""

CHANNELS = {f"relu{block}_{i}": width for block, (width, n) in enumerate(BLOCKS, 1) for i in range(1, n + 1)}
"""Channels of each relu."""

NORMALISED = Weights(
    "vgg_normalised.pth",
    "",
    "MIT",
    "https://github.com/naoto0804/pytorch-AdaIN/releases/download/v0.0.0/vgg_normalised.pth",
    "ImageNet",
)
"""The normalised VGG19 whole, of the AdaIN release; VGG19 itself is CC-BY-4.0."""

DEEP_TRANSFER = (
    "https://raw.githubusercontent.com/pietrocarbo/deep-transfer/30b40b175d0d4afa19789fd57b5439aed125c1a5/"
    "models/autoencoder_vgg19"
)
"""Where pieces of it and decoders for them are published."""

NORMALISED_TO_RELU3_1 = Weights(
    "vgg_normalised_conv3_1.pth",
    "ff8506173d3a17e7b0fbfbff242c00b6827cfbcd7c21852b46806ae6a3fd7b09",
    "Apache-2.0",
    f"{DEEP_TRANSFER}/vgg19_3/vgg_normalised_conv3_1.pth",
    "ImageNet",
    2_223_308,
)
"""The same up to relu3_1."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class VGG19(nn.Module):
    """torchvision's VGG19 cut off after `depth`; keys `features.{i}.weight`.

    Args:
        depth: the last relu kept, one of `LAYERS`.
        pooling: `max` as trained, or `average`, which Gatys found smoother.
        padding: `zeros` as trained, or `reflect`.
    """

    def __init__(self, depth: str = "relu5_1", pooling: str = "max", padding: Padding = "zeros") -> None:
        super().__init__()
        self.marks: dict[str, int] = {}
        steps: list[nn.Module] = []
        inputs = 3
        for layer in LAYERS[: LAYERS.index(depth) + 1]:
            if layer.endswith("_1") and steps:
                steps.append(nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2))
            steps += [nn.Conv2d(inputs, CHANNELS[layer], 3, padding=1, padding_mode=padding), nn.ReLU()]
            inputs, self.marks[layer] = CHANNELS[layer], len(steps) - 1
        self.features = nn.Sequential(*steps)

    def forward(self, x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Features of RGB (B, 3, H, W) in 0..1: layer name to (B, C, H / 2^n, W / 2^n)."""
        x = (x - x.new_tensor(IMAGENET_MEAN).view(3, 1, 1)) / x.new_tensor(IMAGENET_STD).view(3, 1, 1)
        return _walk(self.features, self.marks, x, layers)


class NormalisedVGG19(nn.Sequential):
    """The normalised VGG19 cut off after `depth`; keys `{i}.weight`, the colour convolution first.

    Args:
        depth: the last relu kept, one of `LAYERS`.
    """

    def __init__(self, depth: str = "relu4_1") -> None:
        marks: dict[str, int] = {}
        steps: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
        inputs = 3
        for layer in LAYERS[: LAYERS.index(depth) + 1]:
            if layer.endswith("_1") and inputs > 3:
                steps.append(nn.MaxPool2d(2, ceil_mode=True))
            steps += [nn.ReflectionPad2d(1), nn.Conv2d(inputs, CHANNELS[layer], 3), nn.ReLU()]
            inputs, marks[layer] = CHANNELS[layer], len(steps) - 1
        super().__init__(*steps)
        self.marks = marks

    def features(self, x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Features of RGB (B, 3, H, W) in 0..1: layer name to (B, C, ceil(H / 2^n), ceil(W / 2^n))."""
        return _walk(self, self.marks, x, layers)


def _walk(steps: nn.Sequential, marks: Mapping[str, int], x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
    """Run `steps` to the deepest layer asked for, keeping those asked for."""
    unknown = [layer for layer in layers if layer not in marks]
    if unknown:
        raise ValueError(f"VGG19 was built to {list(marks)[-1]} and has no {unknown[0]}.")
    names = {marks[layer]: layer for layer in layers}
    found: dict[str, Tensor] = {}
    for i in range(max(names) + 1):
        # A reflection needs two pixels; below that the edge is all there is to repeat.
        small = isinstance(steps[i], nn.ReflectionPad2d) and min(x.shape[-2:]) < 2
        x = F.pad(x, (1, 1, 1, 1), mode="replicate") if small else steps[i](x)
        if i in names:
            found[names[i]] = x
    return found


def _to(last: int) -> Callable[[str], str | None]:
    """Keeps the keys of layers up to the cut; those after it and the classifier are of no use to a style."""

    def keep(key: str) -> str | None:
        index = re.fullmatch(r"(?:features\.)?(\d+)\.(?:weight|bias)", key)
        deeper = key.startswith("classifier.") if index is None else int(index[1]) > last
        return None if deeper else key

    return keep


def load(path: Path, depth: str = "relu5_1", pooling: str = "max", padding: Padding = "zeros") -> VGG19:
    """VGG19 from a torchvision file such as `vgg19-dcbb9e9d.pth`, frozen.

    Layers after `depth` may be in the file or not. Up to `relu3_3` a VGG16 file will do.

    Raises:
        NotFound, BadRequest: as `impasto.server.models.checkpoint.fit`.
    """
    net = VGG19(depth, pooling, padding)
    fit(net, path, "torchvision's VGG19", "vgg19-dcbb9e9d.pth of torchvision", rename=_to(net.marks[depth]))
    return net


def load_normalised(path: Path, depth: str = "relu4_1") -> NormalisedVGG19:
    """The normalised VGG19 from a file such as AdaIN's `vgg_normalised.pth`, frozen; it may go deeper than `depth`.

    Raises:
        NotFound, BadRequest: as `impasto.server.models.checkpoint.fit`.
    """
    net = NormalisedVGG19(depth)
    fit(net, path, "the normalised VGG19", "vgg_normalised.pth of pytorch-AdaIN", rename=_to(net.marks[depth]))
    return net
