"""Layered scenes drawn by numbers: any moment of them, with exact motion and exact mattes.

A scene is a ground and shapes over it, each a texture of its own that moves as a whole (shifted, turned, scaled) and
bends a little. Every pixel of every layer has a place of its own on that layer, so where it is at another moment, and
whether something covers it there, is known and not measured. What it is drawn from: methods known from AutoFlow (Sun
et al., CVPR 2021) and FlyingChairs (Dosovitskiy et al., ICCV 2015), no code of theirs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

_SOLVING = 6
"""Steps of the fixed point that undoes a layer's bending; its slope is under a fifth, so the rest is below 1e-4."""


@dataclass(frozen=True)
class Course:
    """How a layer moves: linear in time, 0 at the first frame, 1 at the last.

    Attributes:
        centre: (2,) pixels, where the layer's origin is at time 0.
        shift: (2,) pixels a unit of time.
        turn: radians at time 0 and a unit of time.
        scale: logarithm at time 0 and a unit of time.
        bend: (2, 3, 3) pixels a unit of time, at knots of a coarse grid of the layer.
    """

    centre: Tensor
    shift: Tensor
    turn: tuple[float, float]
    scale: tuple[float, float]
    bend: Tensor


@dataclass(frozen=True)
class Layer:
    """One layer: its motion, its shape and its texture.

    Attributes:
        course: how it moves.
        radii: (K,) pixels by direction, an outline; None covers everything.
        bar: (half length, half width) of a thin bar in place of the outline, or None.
        texture: (3, h, w) 0..1, one pixel a unit of the layer, its middle at the layer's origin, mirrored beyond.
        soft: pixels over which the edge fades.
    """

    course: Course
    radii: Tensor | None
    bar: tuple[float, float] | None
    texture: Tensor
    soft: float

    def forward(self, own: Tensor, time: float) -> Tensor:
        """Places (..., 2) of the layer as pixels (..., 2) at a time."""
        course = self.course
        bent = own + time * self._bending(own)
        angle, grown = course.turn[0] + time * course.turn[1], math.exp(course.scale[0] + time * course.scale[1])
        sine, cosine = math.sin(angle) * grown, math.cos(angle) * grown
        x, y = bent.unbind(-1)
        turned = torch.stack([cosine * x - sine * y, sine * x + cosine * y], -1)
        return turned + course.centre + time * course.shift

    def backward(self, pixels: Tensor, time: float) -> Tensor:
        """Pixels (..., 2) at a time as places (..., 2) of the layer."""
        course = self.course
        angle, grown = course.turn[0] + time * course.turn[1], math.exp(course.scale[0] + time * course.scale[1])
        sine, cosine = math.sin(angle) / grown, math.cos(angle) / grown
        x, y = (pixels - course.centre - time * course.shift).unbind(-1)
        bent = torch.stack([cosine * x + sine * y, cosine * y - sine * x], -1)
        own = bent
        for _ in range(_SOLVING):
            own = bent - time * self._bending(own)
        return own

    def _bending(self, own: Tensor) -> Tensor:
        height, width = self.texture.shape[-2:]
        grid = own.reshape(1, 1, -1, 2) / torch.tensor([width / 2, height / 2], device=own.device)
        smooth = F.interpolate(self.course.bend[None], (9, 9), mode="bicubic", align_corners=True)
        bent = F.grid_sample(smooth, grid, mode="bilinear", padding_mode="border", align_corners=True)
        return bent[0, :, 0].T.reshape(own.shape)

    def cover(self, own: Tensor) -> Tensor:
        """0..1 (...): where the layer is."""
        x, y = own.unbind(-1)
        if self.bar is not None:
            inside = torch.minimum(self.bar[0] - x.abs(), self.bar[1] - y.abs())
        elif self.radii is not None:
            count = len(self.radii)
            angle = (torch.atan2(y, x) / (2 * math.pi) % 1.0) * count
            low = angle.floor().long() % count
            part = angle - angle.floor()
            part = part * part * (3 - 2 * part)
            inside = self.radii[low] * (1 - part) + self.radii[(low + 1) % count] * part - torch.hypot(x, y)
        else:
            return torch.ones_like(x)
        return (inside / self.soft + 0.5).clamp(0, 1)

    def colour(self, own: Tensor) -> Tensor:
        """(3, ...) of the texture."""
        height, width = self.texture.shape[-2:]
        grid = own.reshape(1, 1, -1, 2) / torch.tensor([width / 2, height / 2], device=own.device)
        found = F.grid_sample(self.texture[None], grid, mode="bicubic", padding_mode="reflection", align_corners=False)
        return found[0, :, 0].reshape(3, *own.shape[:-1])


@dataclass(frozen=True)
class Scene:
    """A picture over time.

    Attributes:
        layers: the ground first, each over those before it.
        height: pixels.
        width: pixels.
    """

    layers: tuple[Layer, ...]
    height: int
    width: int

    def _pixels(self) -> Tensor:
        device = self.layers[0].texture.device
        y, x = torch.meshgrid(
            torch.arange(self.height, device=device, dtype=torch.float32),
            torch.arange(self.width, device=device, dtype=torch.float32),
            indexing="ij",
        )
        return torch.stack([x, y], -1)

    def picture(self, time: float, shutter: float = 0.0, samples: int = 5) -> Tensor:
        """(3, H, W) 0..1 at a time; with a shutter the mean over it, as a camera has it."""
        if shutter > 0:
            moments = [time + shutter * (step / (samples - 1) - 0.5) for step in range(samples)]
            return torch.stack([self.picture(moment) for moment in moments]).mean(0)
        pixels = self._pixels()
        seen = torch.zeros(3, self.height, self.width, device=pixels.device)
        for layer in self.layers:
            own = layer.backward(pixels, time)
            cover = layer.cover(own)
            seen = seen * (1 - cover) + layer.colour(own) * cover
        return seen.clamp(0, 1)

    def motion(self, start: float, end: float) -> tuple[Tensor, Tensor, Tensor]:
        """Where every pixel of one moment is at another.

        Returns:
            (2, H, W) pixels, x right, y down; (1, H, W) 1 where something else covers it there, or it lies outside; and
            (1, H, W) the number of its layer.
        """
        pixels = self._pixels()
        motion = torch.zeros_like(pixels)
        number = torch.zeros(self.height, self.width, dtype=torch.long, device=pixels.device)
        for place, layer in enumerate(self.layers):
            own = layer.backward(pixels, start)
            here = layer.cover(own) > 0.5
            motion = torch.where(here[..., None], layer.forward(own, end) - pixels, motion)
            number = torch.where(here, place, number)
        there = pixels + motion
        hidden = (there < -0.5).any(-1) | (there[..., 0] > self.width - 0.5) | (there[..., 1] > self.height - 0.5)
        for place, layer in enumerate(self.layers):
            hidden |= (number < place) & (layer.cover(layer.backward(there, end)) > 0.5)
        return motion.permute(2, 0, 1), hidden[None].float(), number[None].float()


class Scenes:
    """Draws scenes.

    Args:
        textures: (3, h, w) 0..1 each, sides of 64 pixels and more, on the device scenes are to live on.
        height: of the scenes.
        width: likewise.
        fastest: pixels a unit of time; shifts are drawn log-uniform up to it.
    """

    def __init__(self, textures: list[Tensor], height: int, width: int, fastest: float = 24.0) -> None:
        self._textures, self._height, self._width, self._fastest = textures, height, width, fastest

    def draw(self, random: torch.Generator) -> Scene:
        """A scene; the same generator gives the same scene on any device."""
        count = int(self._number(random, 3, 9))
        still = self._number(random, 0, 1) < 0.15
        layers = [self._layer(random, True, still), *(self._layer(random, False, still) for _ in range(count))]
        return Scene(tuple(layers), self._height, self._width)

    @staticmethod
    def _number(random: torch.Generator, low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=random))

    def _layer(self, random: torch.Generator, ground: bool, still: bool) -> Layer:
        texture = self._textures[int(self._number(random, 0, len(self._textures) - 0.001))]
        device = texture.device
        side = float(min(self._height, self._width))
        fastest = 0.5 if still else self._fastest * (0.5 if ground else 1.0)
        fast = math.exp(self._number(random, math.log(0.2), math.log(max(fastest, 0.21))))
        way = self._number(random, 0, 2 * math.pi)
        reach = 0.0 if still else 1.0
        place = [self._number(random, 0.0, 1.0) for _ in range(2)]
        course = Course(
            torch.tensor([place[0] * self._width, place[1] * self._height], device=device),
            fast * torch.tensor([math.cos(way), math.sin(way)], device=device),
            (self._number(random, -math.pi, math.pi), reach * self._number(random, -0.12, 0.12)),
            (self._number(random, -0.3, 0.4), reach * self._number(random, -0.08, 0.08)),
            reach * torch.randn(2, 3, 3, generator=random).to(device) * self._number(random, 0.0, 0.015 * side),
        )
        radii = bar = None
        if not ground and self._number(random, 0, 1) < 0.2:
            bar = self._number(random, 0.1, 0.5) * side, self._number(random, 0.8, 5.0)
        elif not ground:
            size = self._number(random, 0.07, 0.33) * side
            wild = self._number(random, 0.0, 0.45)
            outline = 1 + wild * (torch.rand(int(self._number(random, 5, 14)), generator=random) * 2 - 1)
            radii = (size * outline).to(device)
        return Layer(course, radii, bar, texture, self._number(random, 0.7, 2.0))


def grain(picture: Tensor, random: torch.Generator, most: float = 0.012) -> Tensor:
    """The picture with a camera's grain, of a strength drawn up to `most`."""
    strength = most * float(torch.rand((), generator=random)) ** 2
    return picture + strength * torch.randn(picture.shape, generator=random).to(picture.device)
