"""Stages in space drawn by numbers: what a camera sees of them at any moment, with exact motion and exact mattes.

Where `scenes` lays flat layers over each other, a stage has depth: a ground and walls in perspective, balls, boxes,
tubes, cards of any outline, thin poles and blades, a light whose shadows and glints move over things, and a sky. A ray
finds what a pixel shows, and where on that thing; where that place is at another moment, and whether something stands
before it then, is known and not measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Shape = Literal["plane", "card", "ring", "blade", "ball", "box", "tube"]

_FAR = 1e6
"""Depth of the sky."""
_CASTERS = 8
"""Things that throw shadows, at most."""


def rotation(turn: Tensor) -> Tensor:
    """(3, 3) matrix that turns about a vector (3,), by its length in radians (Rodrigues)."""
    angle = float(turn.norm())
    if angle < 1e-9:
        return torch.eye(3)
    x, y, z = (turn / angle).tolist()
    cross = torch.tensor([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return torch.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * (cross @ cross)


@dataclass(frozen=True)
class Course:
    """How something moves and turns; linear in time.

    Attributes:
        place: (3,) at time 0; x right, y down, z away from the camera.
        drift: (3,) a unit of time.
        turned: (3, 3) at time 0, from its own directions to those of space.
        spin: (3,) axis times radians a unit of time.
    """

    place: Tensor
    drift: Tensor
    turned: Tensor
    spin: Tensor

    def at(self, time: float) -> tuple[Tensor, Tensor]:
        """(3, 3) and (3,): own places `own @ matrix.T + place` in space."""
        return rotation(self.spin * time) @ self.turned, self.place + time * self.drift


@dataclass(frozen=True)
class Thing:
    """Something in space.

    Attributes:
        course: how it moves.
        shape: `plane` without end, `card` with the outline of `radii` (else a rectangle), `ring`, `blade`: all in its
            own z = 0; `ball`, `box`, `tube` along its own z.
        size: (3,) half sides; a ball's and a tube's radius is the first.
        radii: (K,) shares of the size by direction, or None.
        texture: pyramid of (3, h, w), 0..1.
        texels: a unit of space.
        contrast: of the texture; 0 leaves its mean.
        tint: (3,) what its colours are multiplied by.
        gloss: strength and sharpness of its glint.
    """

    course: Course
    shape: Shape
    size: Tensor
    radii: Tensor | None
    texture: tuple[Tensor, ...]
    texels: float
    contrast: float
    tint: Tensor
    gloss: tuple[float, float]

    @property
    def reach(self) -> float:
        """Radius of a ball around it."""
        return math.inf if self.shape == "plane" else float(self.size.norm()) * 1.4

    def hit(self, origin: Tensor, aim: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rays `origin + s aim` in its own space: s (N,), infinite where they miss; places (N, 3), normals (N, 3)."""
        if self.shape == "box":
            return self._box(origin, aim)
        if self.shape in ("ball", "tube"):
            return self._round(origin, aim)
        s = -origin[2] / torch.where(aim[:, 2].abs() < 1e-9, torch.full_like(aim[:, 2], 1e-9), aim[:, 2])
        own = origin + s[:, None] * aim
        normal = torch.zeros_like(own)
        normal[:, 2] = -torch.sign(aim[:, 2])
        return torch.where((s > 0.05) & self._inside(own), s, torch.full_like(s, math.inf)), own, normal

    def _inside(self, own: Tensor) -> Tensor:
        x, y = own[:, 0] / self.size[0], own[:, 1] / self.size[1]
        if self.shape == "plane":
            return torch.ones_like(x, dtype=torch.bool)
        if self.shape == "ring":
            far = torch.hypot(x, y)
            return (far < 1) & (far > 0.55)
        if self.shape == "blade":
            return (y.abs() < 1) & (x.abs() < (y + 1) / 2)
        if self.radii is None:
            return (x.abs() < 1) & (y.abs() < 1)
        count = len(self.radii)
        angle = (torch.atan2(y, x) / (2 * math.pi) % 1.0) * count
        low = angle.floor().long() % count
        part = angle - angle.floor()
        part = part * part * (3 - 2 * part)
        return torch.hypot(x, y) < self.radii[low] * (1 - part) + self.radii[(low + 1) % count] * part

    def _round(self, origin: Tensor, aim: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        axes = 3 if self.shape == "ball" else 2
        o, d = origin[:axes], aim[:, :axes]
        a, b, c = d.square().sum(1).clamp_min(1e-12), d @ o, o.square().sum() - self.size[0] ** 2
        root = b * b - a * c
        s = (-b - root.clamp_min(0).sqrt()) / a
        own = origin + s[:, None] * aim
        good = (root > 0) & (s > 0.05)
        if self.shape == "tube":
            good &= own[:, 2].abs() < self.size[2]
        normal = own / self.size[0]
        if self.shape == "tube":
            normal = normal * torch.tensor([1.0, 1.0, 0.0])
        return torch.where(good, s, torch.full_like(s, math.inf)), own, normal

    def _box(self, origin: Tensor, aim: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        safe = torch.where(aim.abs() < 1e-9, torch.full_like(aim, 1e-9), aim)
        one, other = (-self.size - origin) / safe, (self.size - origin) / safe
        enter, axis = torch.minimum(one, other).max(1)
        leave = torch.maximum(one, other).amin(1)
        normal = -F.one_hot(axis, 3).float() * torch.sign(aim)
        good = (enter < leave) & (enter > 0.05)
        return torch.where(good, enter, torch.full_like(enter, math.inf)), origin + enter[:, None] * aim, normal

    def colour(self, own: Tensor, normal: Tensor, footprint: Tensor) -> Tensor:
        """(N, 3) of the texture; `footprint` (N,) is the width of a pixel there, in space."""
        level = (footprint * self.texels).clamp_min(1e-6).log2().round().long().clamp(0, len(self.texture) - 1)
        places = self._unrolled(own, normal) * self.texels
        found = torch.empty_like(own)
        for number in level.unique().tolist():
            chosen = level == number
            picture = self.texture[number]
            whole = torch.tensor([self.texture[0].shape[-1] / 2, self.texture[0].shape[-2] / 2])
            grid = (places[chosen] / whole)[None, None]
            taken = F.grid_sample(picture[None], grid, mode="bilinear", padding_mode="reflection", align_corners=False)
            found[chosen] = taken[0, :, 0].T
        mean = self.texture[-1].mean((1, 2))
        return (mean + self.contrast * (found - mean)) * self.tint

    def _unrolled(self, own: Tensor, normal: Tensor) -> Tensor:
        """(N, 2) places on the texture."""
        if self.shape == "ball":
            return torch.stack(
                [torch.atan2(own[:, 0], own[:, 2]), torch.asin((own[:, 1] / self.size[0]).clamp(-1, 1))], 1
            ) * float(self.size[0])
        if self.shape == "tube":
            return torch.stack([torch.atan2(own[:, 0], own[:, 1]) * self.size[0], own[:, 2]], 1)
        if self.shape == "box":
            flat = normal.abs().argmax(1)
            return torch.where(
                (flat == 0)[:, None], own[:, [1, 2]], torch.where((flat == 1)[:, None], own[:, [0, 2]], own[:, :2])
            )
        return own[:, :2]


@dataclass
class _Seen:
    """What rays met: depth (N,), number of the thing (N,), -1 for the sky, places (N, 3) and normals (N, 3), own."""

    depth: Tensor
    number: Tensor
    own: Tensor
    normal: Tensor


@dataclass(frozen=True)
class Stage:
    """A picture over time, as `scenes.Scene` is.

    Attributes:
        things: in any order.
        camera: its course; its own z is where it looks.
        focal: pixels.
        height: pixels.
        width: pixels.
        light: (3,) from where it shines, of length 1.
        ambient: 0..1, how much of the light has no direction.
        sky: (3, h, w) texture of the sky, 0..1.
    """

    things: tuple[Thing, ...]
    camera: Course
    focal: float
    height: int
    width: int
    light: Tensor
    ambient: float
    sky: Tensor

    def picture(self, time: float, shutter: float = 0.0, samples: int = 4) -> Tensor:
        """(3, H, W) 0..1.2 at a time, the mean of rays spread over the pixel, and over the shutter if it has one."""
        seen = torch.zeros(self.height * self.width, 3)
        pixels = self._pixels()
        for number in range(samples):
            moment = time + shutter * ((number + 0.5) / samples - 0.5)
            spot = torch.tensor([(number + 0.5) / samples - 0.5, (number * 0.618 + 0.3) % 1.0 - 0.5])
            seen += self._shaded(pixels + spot, moment)
        return (seen / samples).T.reshape(3, self.height, self.width).clamp(0, 1.2)

    def motion(self, start: float, end: float) -> tuple[Tensor, Tensor, Tensor]:
        """As `scenes.Scene.motion`; -1 is the number of the sky."""
        pixels = self._pixels()
        seen = self._cast(pixels, start)
        there, depth = self._projected(seen, end)
        hidden = (there < -0.5).any(-1) | (there[:, 0] > self.width - 0.5) | (there[:, 1] > self.height - 0.5)
        hidden |= depth <= 0.05
        there = torch.where(hidden[:, None], there.clamp(-1e4, 1e4), there)
        hidden |= self._cast(there, end).depth < depth * (1 - 2e-3)
        shape = (-1, self.height, self.width)
        return (
            (there - pixels).T.reshape(shape),
            hidden.float().reshape(shape),
            seen.number.float().reshape(shape),
        )

    def _pixels(self) -> Tensor:
        y, x = torch.meshgrid(
            torch.arange(self.height, dtype=torch.float32), torch.arange(self.width, dtype=torch.float32), indexing="ij"
        )
        return torch.stack([x.reshape(-1), y.reshape(-1)], 1)

    def _middle(self) -> Tensor:
        return torch.tensor([(self.width - 1) / 2, (self.height - 1) / 2])

    def _aims(self, points: Tensor, turned: Tensor) -> Tensor:
        """(N, 3) directions in space whose length along the camera's own is 1."""
        flat = (points - self._middle()) / self.focal
        return torch.cat([flat, torch.ones(len(flat), 1)], 1) @ turned.T

    def _cast(self, points: Tensor, time: float) -> _Seen:
        turned, eye = self.camera.at(time)
        aim = self._aims(points, turned)
        seen = _Seen(
            torch.full((len(points),), _FAR), torch.full((len(points),), -1), aim.clone(), torch.zeros_like(aim)
        )
        for number, thing in enumerate(self.things):
            matrix, place = thing.course.at(time)
            near = self._near(points, (place - eye) @ turned, thing.reach)
            origin = (eye - place) @ matrix
            s, own, normal = thing.hit(origin, aim[near] @ matrix)
            closer = s < seen.depth[near]
            near, own, normal = near[closer], own[closer], normal[closer]
            seen.depth[near], seen.number[near] = s[closer], number
            seen.own[near], seen.normal[near] = own, normal
        return seen

    def _near(self, points: Tensor, centre: Tensor, reach: float) -> Tensor:
        """Numbers of the points that may show a thing of this reach around a centre seen from the camera."""
        x, y, z = centre.tolist()
        if not z - reach > 0.1:
            return torch.arange(len(points))
        size = self.focal * reach / (z - reach) + 2
        middle = self._middle() + self.focal / z * torch.tensor([x, y])
        return ((points - middle).abs() < size).all(1).nonzero()[:, 0]

    def _projected(self, seen: _Seen, time: float) -> tuple[Tensor, Tensor]:
        """Where what was seen is at a time: points (N, 2) and depths (N,)."""
        turned, eye = self.camera.at(time)
        away = seen.own @ turned
        for number in seen.number.unique().tolist():
            if number >= 0:
                chosen = seen.number == number
                matrix, place = self.things[number].course.at(time)
                away[chosen] = (seen.own[chosen] @ matrix.T + place - eye) @ turned
        depth = away[:, 2]
        points = away[:, :2] / depth.clamp_min(0.05)[:, None] * self.focal + self._middle()
        return points, torch.where(seen.number < 0, torch.full_like(depth, _FAR), depth)

    def _shaded(self, points: Tensor, time: float) -> Tensor:
        """(N, 3) colours."""
        seen = self._cast(points, time)
        eye = self.camera.at(time)[1]
        colour, normal, gloss = self._of_sky(seen.own), torch.zeros_like(seen.own), torch.zeros(len(points), 2)
        places = torch.zeros_like(seen.own)
        for number in seen.number.unique().tolist():
            if number < 0:
                continue
            thing, chosen = self.things[number], seen.number == number
            matrix, place = thing.course.at(time)
            colour[chosen] = thing.colour(seen.own[chosen], seen.normal[chosen], seen.depth[chosen] / self.focal)
            normal[chosen] = seen.normal[chosen] @ matrix.T
            places[chosen] = seen.own[chosen] @ matrix.T + place
            gloss[chosen] = torch.tensor(thing.gloss)
        lit = self._lit(seen.number, places, time)
        bright = self.ambient + (1 - self.ambient) * (normal @ self.light).clamp_min(0) * lit
        bright[seen.number < 0] = 1
        view = F.normalize(eye - places, dim=1)
        half = F.normalize(view + self.light, dim=1)
        glint = gloss[:, 0] * lit * (normal * half).sum(1).clamp_min(0) ** gloss[:, 1].clamp_min(1)
        return (colour * bright[:, None] + glint[:, None]).clamp(0, 1.2)

    def _of_sky(self, aim: Tensor) -> Tensor:
        where = F.normalize(aim, dim=1)
        grid = torch.stack([torch.atan2(where[:, 0], where[:, 2]), where[:, 1] * 2], 1)[None, None]
        taken = F.grid_sample(self.sky[None], grid, mode="bilinear", padding_mode="reflection", align_corners=False)
        return taken[0, :, 0].T.contiguous()

    def _lit(self, number: Tensor, places: Tensor, time: float) -> Tensor:
        """(N,) 0..1: how much of the light comes there past the balls around things."""
        lit = torch.ones(len(places))
        casters = [n for n, thing in enumerate(self.things) if thing.shape in ("ball", "box", "tube", "card", "ring")]
        for caster in casters[:_CASTERS]:
            thing = self.things[caster]
            middle, radius = thing.course.at(time)[1], float(thing.size[:2].max())
            away = middle - places
            along = away @ self.light
            beside = (away.square().sum(1) - along.square()).clamp_min(0).sqrt()
            shade = torch.sigmoid((beside - radius) / (0.06 * radius)) + (along < 0).float()
            lit = lit * torch.where(number == caster, torch.ones_like(lit), shade.clamp_max(1))
        return lit
