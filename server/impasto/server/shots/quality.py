"""Review numbers: how still the paint of a frame stands, where it comes from, and how far it was relit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.ops.threads import fixed_threads
from impasto.server.ops.warp import sample, warp
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.alone import Alone
from impasto.server.shots.motion import FrameMotion, Motion
from impasto.server.shots.relight import develop, knee, luminance, split
from impasto.server.shots.render import KEY, Painted, Recipe
from impasto.server.shots.shot import Shot, Store, Watch

_BLOCK = 8
"""Pixels of a block over which light is compared: relighting is of low frequency."""
_FLOOR = 0.002
_LEAST = 1e-7
"""Squared change below which a plate counts as still."""


def with_neighbours(wanted: Sequence[int], motion: Motion) -> tuple[int, ...]:
    """The frames wanted and those before each, ascending: a frame's numbers need its neighbour's paint."""
    before = {other for frame in wanted if (other := motion.neighbours(frame)[0]) is not None}
    return tuple(sorted({*wanted, *before}))


def reviewed(
    painted: Iterator[Painted],
    wanted: Sequence[int],
    shot: Shot,
    motion: Motion,
    shaper: Shaper,
    alone: Callable[[int], Tensor] | None = None,
) -> Iterator[Painted]:
    """Add the review numbers to frames as they are painted; `impasto.sequences.FIGURES` says what they mean.

    Args:
        painted: the frames of `with_neighbours`, in their order.
        wanted: frames to give on, ascending.
        shot: the plates.
        motion: of the shot.
        shaper: the shot's.
        alone: paints a frame alone, (1, 3, H, W) scene-linear; None leaves `alone_error` out.

    Yields:
        The frames wanted. A frame's numbers depend on the job and its number only.
    """
    lights = _Lights(shot, shaper)
    before: Painted | None = None
    for here in painted:
        if here.frame in wanted:
            with fixed_threads():
                figures = _figures(here, before, shot, motion, shaper, alone) | lights.range(here)
            yield replace(here, figures=here.figures | figures)
        before = here


def painted_alone(shot: Shot, recipe: Recipe, store: Store, watch: Watch) -> Callable[[int], Tensor] | None:
    """Paints a frame as if there were no others, (1, 3, H, W) scene-linear, in the first style; None without any."""
    if not recipe.layers:
        return None
    first, shaper = recipe.layers[0], recipe.shaper
    paint = Alone(first.painter, first.digest, shot, shaper, recipe.seed, store, watch)

    def alone(frame: int) -> Tensor:
        light = split(shot.picture(frame), shaper)
        return develop(paint(frame), torch.ones_like(light.gain), light, shaper)

    return alone


def _figures(
    here: Painted,
    before: Painted | None,
    shot: Shot,
    motion: Motion,
    shaper: Shaper,
    alone: Callable[[int], Tensor] | None,
) -> dict[str, float]:
    moved = motion.frame(here.frame)
    seen = moved.occlusion_prev <= 0.5
    figures = {"occluded": 1.0 - _mean(seen.float()), "cut": float(not bool(seen.any()))}
    previous = motion.neighbours(here.frame)[0]
    if previous is None or before is None or before.frame != previous or figures["cut"]:
        return figures
    fresh = (here.source_frame == here.frame) & (here.source_kind != KEY)
    figures["filled"] = _mean(fresh.float())
    pairs = {
        "error": (here.picture, before.picture),
        "plate_error": (shot.picture(here.frame), shot.picture(previous)),
    }
    if alone is not None:
        pairs["alone_error"] = alone(here.frame), alone(previous)
    for name, (now, then) in pairs.items():
        figures[name] = change(shaper.encode(now), shaper.encode(then), moved, seen)
    figures["error_ratio"] = figures["error"] / max(figures["plate_error"], _LEAST)
    return figures


def change(now: Tensor, then: Tensor, motion: FrameMotion, seen: Tensor) -> float:
    """Mean squared difference of a shaped picture and the one before along the motion between them, where seen."""
    difference = (now - warp(then, motion.backward, "bicubic")).square().mean(1, keepdim=True)
    return float(difference[seen].double().mean())


class _Lights:
    """How much light there is in every block of a frame; remembered, for births are asked for again and again."""

    def __init__(self, shot: Shot, shaper: Shaper) -> None:
        self._shot, self._shaper = shot, shaper
        self._kept: dict[int, Tensor] = {}

    def range(self, here: Painted) -> dict[str, float]:
        """Stops between the plate at birth and now, from the 2nd to the 98th percentile over carried paint."""
        height, width = here.picture.shape[-2:]
        if min(height, width) < _BLOCK:
            return {}
        now = self._of(here.frame)
        middle = (..., slice(_BLOCK // 2, None, _BLOCK), slice(_BLOCK // 2, None, _BLOCK))
        rows, columns = now.shape[-2:]
        born, x, y = (
            values[middle][..., :rows, :columns] for values in (here.source_frame, here.source_x, here.source_y)
        )
        # A block stands where its middle pixel came from, moved as far as that was.
        across, down = (torch.arange(float(count)) for count in (columns, rows))
        column = across + (x - (across * _BLOCK + _BLOCK // 2)) / _BLOCK
        row = down[:, None] + (y - (down[:, None] * _BLOCK + _BLOCK // 2)) / _BLOCK
        stops = []
        for frame in torch.unique(born[born != here.frame]).long().tolist():
            if not self._shot.readable(frame):
                continue
            there = born == frame
            stops.append((now / sample(self._of(frame), column, row))[there].log2())
        if not stops:
            return {"relight_low": 0.0, "relight_high": 0.0}
        low, high = np.quantile(torch.cat(stops).double().numpy(), (0.02, 0.98))
        return {"relight_low": float(low), "relight_high": float(high)}

    def _of(self, frame: int) -> Tensor:
        if frame not in self._kept:
            light = luminance(self._shot.picture(frame)).clamp(0.0, knee(self._shaper))
            self._kept[frame] = F.avg_pool2d(light, _BLOCK) + _FLOOR / self._shaper.exposure
        return self._kept[frame]


def _mean(values: Tensor) -> float:
    return float(values.double().mean())
