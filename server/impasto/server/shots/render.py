"""The door of the picture-making: a shot, a recipe and its motion become painted frames.

The order is that of the design: motion, maps, births, picture. A frame's pixels depend on the job and its number only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from impasto.server.ops.threads import fixed_threads
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.chains import Stage
from impasto.server.shots.keyed import Coat, Keyed
from impasto.server.shots.keys import Key
from impasto.server.shots.layers import Layer, Layers
from impasto.server.shots.motion import Motion
from impasto.server.shots.picture import overlay, picture
from impasto.server.shots.shot import Shot, Store, Watch

STYLE, KEY, FILL = 0, 1, 2
"""Codes of `source.kind`: painted by a look, by the artist, or filled in where no key sees."""


@dataclass(frozen=True)
class Recipe:
    """How a shot is painted.

    Attributes:
        keys: frames painted by the artist.
        layers: the styles that paint what no key sees; without any the plate stays there as it is.
        relight: 0..1, how far carried paint follows the plate's light.
        seed: of random draws.
        shaper: the shot's.
        every: paint is laid in every so manieth frame alone and carried to the rest; 0 lets every frame be painted.
        consistency: 0..1, how far paint stays what it was where it was laid; see `renewal`. Keys' paint always does.
    """

    keys: tuple[Key, ...]
    layers: tuple[Layer, ...]
    relight: float
    seed: int
    shaper: Shaper
    every: int = 0
    consistency: float = 1.0


@dataclass(frozen=True)
class Painted:
    """A painted frame.

    Attributes:
        frame: its number.
        picture: (1, 3, H, W) float32, scene-linear working RGB at full strength.
        source_x: (1, 1, H, W) float32, column of the paint in its source frame; raster index, centres at whole numbers.
        source_y: the same for rows, down.
        source_frame: (1, 1, H, W) float32, the source frame.
        source_kind: (1, 1, H, W) float32: `STYLE`, `KEY` or `FILL`.
        figures: `carried` and `newborn`, shares of the pixels 0..1, and `age`, mean distance to the source in frames.
    """

    frame: int
    picture: Tensor
    source_x: Tensor
    source_y: Tensor
    source_frame: Tensor
    source_kind: Tensor
    figures: dict[str, float]


def render(
    shot: Shot, recipe: Recipe, motion: Motion, wanted: Sequence[int], store: Store, watch: Watch
) -> Iterator[Painted]:
    """Paint frames of a shot.

    Args:
        shot: the plates; unreadable frames are bridged.
        recipe: keys and looks.
        motion: of this shot.
        wanted: frames to paint, in any order; those that are unreadable are left out.
        store: keeps maps and births; what it has lost is made again.
        watch: told of every step.

    Yields:
        The frames wanted, in their order. Any subset in any order gives the same bits.

    Raises:
        BadRequest: a key lies outside the shot, or the motion given cannot be used.
        Cancelled: by `watch.check`.
    """
    with fixed_threads():
        stage = Stage(shot, motion, recipe.shaper, store, watch)
        keyed = Keyed(stage, recipe.keys, recipe.relight)
    ground = Layers(stage, keyed, recipe.layers, recipe.relight, recipe.seed, recipe.every, recipe.consistency)
    kind = FILL if keyed.chains else STYLE
    for frame in wanted:
        if frame not in stage.frames:
            continue
        watch.check()
        with fixed_threads():
            keys = keyed.coat(frame)
            watch.stage("picture", frame)
            painted = _painted(frame, stage, keys, overlay(keys, ground.coat(frame)), kind)
        yield painted


def _painted(frame: int, stage: Stage, keys: Coat | None, coat: Coat, ground_kind: int) -> Painted:
    by_key = keys.cover > 0.5 if keys is not None else torch.zeros_like(coat.cover, dtype=torch.bool)
    born = coat.born.float()
    carried = (born != frame).numpy()
    return Painted(
        frame,
        torch.where(coat.cover > 0, picture(coat, stage.light(frame), stage.shaper), stage.shot.picture(frame)),
        coat.x,
        coat.y,
        born,
        torch.where(by_key, float(KEY), float(ground_kind)),
        {
            "carried": float(np.mean(carried, dtype=np.float64)),
            "newborn": float(1 - np.mean(carried, dtype=np.float64)),
            "age": float(np.mean(np.abs(born.numpy() - frame), dtype=np.float64)),
        },
    )
