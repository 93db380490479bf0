"""The plate between two plates: every layer follows the same course, each after its own nature."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.server.models.interpolation.interpolator import Course
from impasto.server.ops import cells
from impasto.server.plates.layers import view_of
from impasto.server.plates.plate import Channel, Plate, Window
from impasto.server.plates.raster import spread
from impasto.server.shots import mixing

COLOUR = frozenset(("R", "G", "B", "red", "green", "blue"))
"""Last words of channels that hold light; luminance alone is `Y`."""
SMOOTH = frozenset(("A", "alpha"))
"""Those that follow colour to the last pixel, but never leave the range they had."""
_LARGEST = 65504.0
_DEEP_STEP = 0.05
"""Depths that differ by a larger share are of two things, and are not mixed."""


@dataclass(frozen=True)
class Spacing:
    """How far an output frame lies from those beside it, in frames of the plate; negative where time goes back.

    Attributes:
        onward: time of the next output frame less this one's.
        back: time of the previous output frame less this one's.
    """

    onward: float
    back: float


@dataclass(frozen=True)
class Ends:
    """Two plates and how many frames lie between them."""

    first: Plate
    second: Plate
    gap: int


def between(
    ends: Ends,
    raster: Window,
    courses: Mapping[str, Course],
    part: float,
    spacing: Spacing,
    paint: bool,
) -> Plate:
    """The plate at a moment between two.

    Light is mixed in the domain of `mixing`, alpha as light is but within its range, depth only within one surface,
    numbers that name things (whole numbers, Cryptomatte, provenance) are carried from one side, and motion becomes that
    from the output's frame to the output's next and previous.

    Args:
        ends: the plates.
        raster: the window the courses cover.
        courses: by view.
        part: 0..1, from the first to the second.
        spacing: of the output.
        paint: whether light is paint: carried from one side, never mixed over time.

    Returns:
        A plate over both data windows, its attributes those of the nearer; values are not clamped.
    """
    near = ends.second if part > 0.5 else ends.first
    window = ends.first.data_window.union(ends.second.data_window)
    channels: dict[str, Channel] = {}
    for name, stored in near.channels.items():
        if name not in ends.first.channels or name not in ends.second.channels:
            continue
        course = courses[view_of(near.channels, near.views, name)]
        a, b = (_laid(plate, name, raster) for plate in (ends.first, ends.second))
        layer = _Layer(name, a, b, ends.first.channels[name].dtype == np.uint32, course)
        motion = _motion(name, ends, raster, course, spacing)
        made = motion if motion is not None else layer.at(paint)
        channels[name] = _stored(made, stored.dtype, window, raster)
    return dataclasses.replace(near, channels=channels, data_window=window)


def original(plate: Plate, spacing: Spacing, before: int | None, after: int | None) -> Plate:
    """A plate's own frame in the output: every bit its own, but for motion where the output's frames lie otherwise.

    Args:
        plate: the frame.
        spacing: of the output.
        before: frames to the previous frame of the plate; None at the shot's start.
        after: frames to the next; None at its end.
    """
    channels = dict(plate.channels)
    for name, pixels in plate.channels.items():
        way = _way(name)
        if way is None:
            continue
        wanted = spacing.onward if way == "forward" else spacing.back
        ahead = wanted > 0 if wanted else way == "forward"
        source = _other(name, "forward" if ahead else "backward")
        gap = after if ahead else before
        if source not in plate.channels or gap is None:
            continue
        scale = abs(wanted) / gap
        if scale != 1 or source != name:
            channels[name] = (plate.channels[source].astype(np.float32) * np.float32(scale)).astype(pixels.dtype)
    return dataclasses.replace(plate, channels=channels)


@dataclass(frozen=True)
class _Layer:
    """One channel of both plates over the raster, (1, 1, H, W)."""

    name: str
    first: Tensor
    second: Tensor
    names_things: bool
    course: Course

    def at(self, paint: bool) -> Tensor:
        layer, _, last = self.name.rpartition(".")
        low = self.name.lower()
        if self.names_things or "crypto" in low or "source." in low or low.endswith("occlusion.cause"):
            return self.course.take(self.first, self.second)
        if is_depth(self.name):
            return self._finite(self._depth)
        if last in COLOUR or (last == "Y" and not layer):
            return self._finite(lambda a, b: self._light(a, b, paint))
        if last in SMOOTH:
            return self._finite(lambda a, b: self._within(self.course.mix(a, b), a, b))
        return self._finite(lambda a, b: self.course.mix(a, b, "bilinear"))

    def _finite(self, made: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """What is made of finite values; where others take part the heavier side's own."""
        sound = [torch.isfinite(each) for each in (self.first, self.second)]
        if all(bool(each.all()) for each in sound):
            return made(self.first, self.second)
        clean = [torch.where(each, plate, 0.0) for each, plate in zip(sound, (self.first, self.second), strict=True)]
        mixed = self.course.mix(sound[0].float(), sound[1].float(), "bilinear")
        return torch.where(mixed > 0.999, made(*clean), self.course.take(self.first, self.second))

    def _light(self, a: Tensor, b: Tensor, paint: bool) -> Tensor:
        grid = cells.find(a)
        if grid is not None and cells.find(b) != grid:
            grid = None
        a, b = mixing.encode(a), mixing.encode(b)
        if grid is not None:
            a, b = grid.smooth(a), grid.smooth(b)
        made = self.course.take(a, b, "bicubic") if paint else self.course.mix(a, b)
        return mixing.decode(grid.again(made) if grid is not None else made)

    @staticmethod
    def _within(made: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return made.clamp(float(torch.minimum(a.min(), b.min())), float(torch.maximum(a.max(), b.max())))

    def _depth(self, a: Tensor, b: Tensor) -> Tensor:
        """Mixed over time where both sides show one surface; never over an edge."""
        mixed, taken = self.course.mix(a, b, "nearest"), self.course.take(a, b)
        return torch.where((mixed - taken).abs() <= _DEEP_STEP * taken.abs(), mixed, taken)


def is_depth(name: str) -> bool:
    """Whether a channel holds depth: `Z`, or one of a layer called depth."""
    layer, _, last = name.rpartition(".")
    return (last in ("Z", "ZBack") and not layer) or "depth" in layer.lower()


def _laid(plate: Plate, name: str, raster: Window) -> Tensor:
    values = spread(plate.channels[name], plate.data_window, raster)
    wide = np.float64 if values.dtype == np.uint32 else np.float32
    return torch.from_numpy(np.ascontiguousarray(values, dtype=wide))[None, None]


def _stored(made: Tensor, dtype: np.dtype[Any], window: Window, raster: Window) -> NDArray[Any]:
    pixels = made[0, 0].numpy()[window.within(raster)]
    if dtype == np.float16:
        pixels = np.where(np.isfinite(pixels), np.clip(pixels, -_LARGEST, _LARGEST), pixels)
    return np.ascontiguousarray(pixels.astype(dtype))


def _way(name: str) -> str | None:
    """`forward` or `backward` where a channel holds such motion."""
    parts = name.split(".")
    if parts[-1] not in ("u", "v"):
        return None
    return next((part for part in parts[:-1] if part in ("forward", "backward")), None)


def _other(name: str, way: str) -> str:
    return ".".join(way if part in ("forward", "backward") else part for part in name.split("."))


def _motion(name: str, ends: Ends, raster: Window, course: Course, spacing: Spacing) -> Tensor | None:
    """Motion from the output's frame to the one beside it; None for a channel that is none.

    The first plate's forward motion and the second's backward motion, turned, both tell of the way between them.
    """
    way = _way(name)
    if way is None:
        return None
    onward, back = _other(name, "forward"), _other(name, "backward")
    told = []
    if onward in ends.first.channels:
        told.append(_laid(ends.first, onward, raster))
    if back in ends.second.channels:
        turned = -_laid(ends.second, back, raster)
        told.append(turned)
    speed = course.mix(told[0], told[-1], "bilinear") if len(told) == 2 else _alone(told, course, onward, ends)
    return speed / ends.gap * (spacing.onward if way == "forward" else spacing.back)


def _alone(told: list[Tensor], course: Course, onward: str, ends: Ends) -> Tensor:
    """Motion that one of the plates alone tells of, fetched from there."""
    if not told:
        return torch.zeros_like(course.share)
    still = torch.zeros_like(told[0])
    from_first = onward in ends.first.channels
    only = Course(course.to_first, course.to_second, torch.full_like(course.share, 0.0 if from_first else 1.0))
    return only.mix(told[0] if from_first else still, still if from_first else told[0], "bilinear")
