"""Draws stages: what stands on them, of what it is made, and how it and the camera move."""

from __future__ import annotations

import math

import torch
from stages import Course, Shape, Stage, Thing, rotation
from torch import Tensor
from torch.nn import functional as F


class Stages:
    """Draws stages.

    Args:
        textures: (3, h, w) 0..1 each.
        height: of the pictures.
        width: likewise.
        fastest: pixels a unit of time; what the camera and things move by is drawn log-uniform up to a share of it that
            differs from stage to stage.
    """

    def __init__(self, textures: list[Tensor], height: int, width: int, fastest: float = 16.0) -> None:
        self._textures = [_pyramid(texture) for texture in textures]
        self._height, self._width, self._fastest = height, width, fastest

    def draw(self, random: torch.Generator) -> Stage:
        """A stage; the same generator gives the same one."""
        draw = _Draw(random)
        draw.most = self._fastest * draw.number(0.15, 1.0) ** 1.5
        focal = draw.number(0.9, 2.6) * self._width
        pitch, still = draw.number(-0.05, 0.3), draw.chance(0.2)
        camera = self._camera(draw, focal, pitch, still)
        floor = draw.number(0.7, 2.0)
        things: list[Thing] = []
        if draw.chance(0.8):
            flat = rotation(torch.tensor([math.pi / 2, 0.0, 0.0]))
            things.append(self._thing(draw, "plane", _still(torch.tensor([0.0, floor, 0.0]), flat), 1))
        far = draw.number(6, 14)
        if draw.chance(0.5) or not things:
            turn = rotation(torch.tensor([0.0, draw.number(-0.7, 0.7), 0.0]))
            things.append(self._thing(draw, "plane", _still(torch.tensor([0.0, 0.0, far]), turn), 1))
        for _ in range(int(draw.number(2, 11))):
            things.append(self._loose(draw, focal, pitch, far))
        if draw.chance(0.35):
            things += [self._pole(draw, focal, far) for _ in range(int(draw.number(2, 14)))]
        if draw.chance(0.3):
            things += self._blades(draw, focal, floor, far)
        light = F.normalize(torch.tensor([draw.number(-1, 1), -draw.number(0.3, 1.2), -draw.number(-0.3, 1.2)]), dim=0)
        sky = draw.colour() * torch.linspace(0.6, 1.0, 8)[None, :, None].expand(3, 8, 8)
        if draw.chance(0.3):
            sky = self._textures[draw.below(len(self._textures))][2]
        return Stage(
            tuple(things), camera, focal, self._height, self._width, light, draw.number(0.3, 0.9), sky.contiguous()
        )

    def _camera(self, draw: _Draw, focal: float, pitch: float, still: bool) -> Course:
        drift, spin = _none(), _none()
        if not still:
            drift = draw.way() * draw.speed() * 4 / focal
            spin = draw.way() * torch.tensor([1.0, 1.0, 0.4]) * draw.speed() / focal
        if draw.chance(0.3):
            spin = _none()
        return Course(_none(), drift, rotation(torch.tensor([-pitch, 0.0, draw.number(-0.05, 0.05)])), spin)

    def _placed(self, draw: _Draw, focal: float, pitch: float, depth: float) -> Tensor:
        x, y = (draw.number(-0.5, 0.5) * side / focal for side in (self._width, self._height))
        return torch.tensor([x, y + pitch, 1.0]) * depth

    def _loose(self, draw: _Draw, focal: float, pitch: float, far: float) -> Thing:
        """Something that stands or flies anywhere."""
        depth = draw.number(2.0, far)
        shape: Shape = ("ball", "ball", "box", "tube", "card", "card", "ring")[draw.below(7)]
        unit = depth / focal
        size = (
            unit
            * 0.2
            * self._height
            * math.exp(draw.number(-1.2, 0.6))
            * torch.tensor([1.0, draw.number(0.5, 1.5), draw.number(0.7, 2.5)])
        )
        drift, spin = _none(), _none()
        if draw.chance(0.6):
            drift = draw.way() * draw.speed() * unit
            spin = draw.way() * draw.number(0, 0.15)
        turned = rotation(draw.way() * draw.number(0, 1.5))
        course = Course(self._placed(draw, focal, pitch, depth), drift, turned, spin)
        return self._thing(draw, shape, course, unit, size)

    def _pole(self, draw: _Draw, focal: float, far: float) -> Thing:
        """Something thin that stands, hangs or lies."""
        depth = draw.number(2.0, far)
        unit = depth / focal
        size = unit * torch.tensor([draw.number(0.4, 2.5), 1.0, draw.number(0.1, 0.6) * self._height])
        upright = rotation(torch.tensor([math.pi / 2, 0.0, 0.0]))
        tilt = rotation(draw.way() * draw.number(0, 1.2 if draw.chance(0.3) else 0.1))
        drift = draw.way() * draw.speed() * unit if draw.chance(0.3) else _none()
        course = Course(self._placed(draw, focal, 0.0, depth), drift, tilt @ upright, _none())
        return self._thing(draw, "tube", course, unit, size)

    def _blades(self, draw: _Draw, focal: float, floor: float, far: float) -> list[Thing]:
        """Blades that stand on the ground and sway."""
        made = []
        tall, sway = draw.number(0.05, 0.35) * floor, draw.chance(0.6)
        for _ in range(int(draw.number(15, 70))):
            depth = draw.number(1.5, far)
            half = tall * draw.number(0.5, 1.0)
            size = torch.tensor([depth / focal * draw.number(0.5, 2.5), half, 1.0])
            place = torch.tensor([draw.number(-0.6, 0.6) * self._width / focal * depth, floor - half, depth])
            tilt = rotation(torch.tensor([0.0, 0.0, draw.number(-0.3, 0.3)]))
            spin = torch.tensor([0.0, 0.0, draw.number(-0.05, 0.05)]) if sway else _none()
            made.append(self._thing(draw, "blade", Course(place, _none(), tilt, spin), depth / focal, size))
        return made

    def _thing(self, draw: _Draw, shape: Shape, course: Course, unit: float, size: Tensor | None = None) -> Thing:
        """`unit` is the width of a pixel where it stands."""
        texels = 1 / (unit * draw.number(0.6, 3.0)) if shape != "plane" else draw.number(20, 120)
        faint = draw.chance(0.3)
        radii = None
        if shape == "card" and draw.chance(0.75):
            radii = 1 - draw.number(0.0, 0.7) * torch.rand(3 + draw.below(9), generator=draw.random)
        return Thing(
            course,
            shape,
            torch.ones(3) if size is None else size,
            radii,
            self._textures[draw.below(len(self._textures))],
            texels,
            draw.number(0.02, 0.2) if faint else draw.number(0.5, 1.2),
            (0.6 + 0.4 * draw.colour()[:, 0, 0]) * draw.number(0.6, 1.3),
            (draw.number(0.1, 1.5), draw.number(5, 120)) if draw.chance(0.35) else (0.0, 1.0),
        )


class _Draw:
    """Numbers from one generator."""

    def __init__(self, random: torch.Generator) -> None:
        self.random, self.most = random, 1.0

    def number(self, low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=self.random))

    def chance(self, share: float) -> bool:
        return self.number(0, 1) < share

    def below(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self.random))

    def way(self) -> Tensor:
        return F.normalize(torch.randn(3, generator=self.random), dim=0)

    def speed(self) -> float:
        """Pixels a unit of time, log-uniform up to `most`."""
        return math.exp(self.number(math.log(0.4), math.log(max(self.most, 0.5))))

    def colour(self) -> Tensor:
        return torch.rand(3, 1, 1, generator=self.random)


def _still(place: Tensor, turned: Tensor) -> Course:
    return Course(place, _none(), turned, _none())


def _none() -> Tensor:
    return torch.zeros(3)


def _pyramid(texture: Tensor) -> tuple[Tensor, ...]:
    levels = [texture]
    while min(levels[-1].shape[-2:]) > 4:
        levels.append(F.avg_pool2d(levels[-1][None], 2)[0])
    return tuple(levels)


def patterned(random: torch.Generator) -> Tensor:
    """A texture that repeats, or noise of one width, (3, 128, 128): checks, stripes, dots, specks, clouds."""
    draw = _Draw(random)
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    step, kind = math.exp(draw.number(math.log(3), math.log(24))), draw.below(6)
    if kind == 0:
        mask = ((x // step + y // step) % 2)[None]
    elif kind == 1:
        mask = (0.5 + 0.5 * torch.sin(2 * math.pi * x / step + draw.number(0, 3) * torch.sin(y / step)))[None]
    elif kind == 2:
        mask = torch.sigmoid(4 * (torch.sin(2 * math.pi * x / step) + torch.sin(2 * math.pi * y / step)))[None]
    else:
        cells = max(4, int(128 / step)) if kind < 5 else 128
        noise = torch.rand(1, 1, cells, cells, generator=random)
        mask = F.interpolate(noise, (128, 128), mode="bicubic")[0].clamp(0, 1)
        if kind == 4:
            mask = (mask > 0.5).float()
    one, other = draw.colour(), draw.colour()
    fine = draw.number(0, 0.15) * (torch.rand(1, 128, 128, generator=random) - 0.5)
    return (one + mask * (other - one) + fine).clamp(0, 1)
