"""One frame's map as a deliverable: where the paint of a key goes in every frame, for a stock STMap node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.errors import BadRequest
from impasto.server.ops.threads import fixed_threads
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.chains import Stage
from impasto.server.shots.keyed import KeyChain
from impasto.server.shots.keys import Key
from impasto.server.shots.motion import Motion
from impasto.server.shots.provenance import Map, grid, identity
from impasto.server.shots.shot import Shot, Store, Watch

REACH = 8
"""Pixels by which coordinates go on past the coverage, so that filters and soft mattes find paint there."""


@dataclass(frozen=True)
class KeyMap:
    """Where the pixels of a frame are in the key.

    Attributes:
        frame: its number.
        places: (1, 2, H, W) float32, column and row in the key: raster index, pixel centres at whole numbers, y down;
            finite everywhere.
        coverage: (1, 1, H, W) float32 0..1, where the key's paint belongs; 1 inside, softer on its border pixels.
    """

    frame: int
    places: Tensor
    coverage: Tensor


def stmaps(
    shot: Shot, motion: Motion, shaper: Shaper, key: int, wanted: Sequence[int], store: Store, watch: Watch
) -> Iterator[KeyMap]:
    """The maps of one key.

    Args:
        shot: the plates.
        motion: of the shot.
        shaper: the shot's.
        key: the frame the paint is laid on.
        wanted: readable frames, in any order; a frame's map does not depend on the others asked for.
        store: keeps maps.
        watch: told of every step.

    Raises:
        BadRequest: the key is no readable frame of the shot (`KEY_OUTSIDE`).
    """
    if key not in shot.frames or not shot.readable(key):
        raise BadRequest(
            f"The key {key} is no readable frame of the shot {shot.frames[0]}-{shot.frames[-1]}; name one with --key.",
            reason="KEY_OUTSIDE",
            frame=key,
        )
    with fixed_threads():
        stage = Stage(shot, motion, shaper, store, watch)
        plate = shot.picture(key)
        chain = KeyChain(stage, Key(key, plate, torch.ones_like(plate[:, :1]), 1.0, None, "the plate itself"))
    for frame in wanted:
        watch.check()
        with fixed_threads():
            here = chain.map(frame)
            made = KeyMap(frame, extended(here), matte(here))
        yield made


def nothing(frame: int, shot: Shot) -> KeyMap:
    """The map of a frame of another shot than the key's: each pixel where it is, covered nowhere."""
    here = identity(frame, torch.zeros(1, 1, shot.height, shot.width, dtype=torch.bool))
    return KeyMap(frame, torch.cat([here.x, here.y], 1), matte(here))


def matte(here: Map) -> Tensor:
    """Where a map has paint, (1, 1, H, W) 0..1: 1 inside, on the border the share of painted neighbours, 0 outside."""
    alive = here.alive.float()
    return F.avg_pool2d(F.pad(alive, (1, 1, 1, 1), mode="replicate"), 3, 1) * alive


def extended(here: Map, reach: int = REACH) -> Tensor:
    """A map's coordinates, carried on past its paint: (1, 2, H, W), raster index.

    Pixel by pixel outwards, each takes the mean displacement of its neighbours that have one. Farther off than `reach`
    a pixel's coordinates are its own.
    """
    column, row = grid(here.born)
    own = torch.cat([column, row], 1)
    known = here.alive.float()
    shift = (torch.cat([here.x, here.y], 1) - own) * known
    for _ in range(reach):
        count = _ring(known)
        new = (known == 0) & (count > 0)
        shift = torch.where(new, _ring(shift * known) / count.clamp_min(1.0), shift)
        known = torch.where(new, 1.0, known)
    return own + shift * known


def _ring(values: Tensor) -> Tensor:
    """Sum over a square of 3x3 pixels; nothing lies beyond the border."""
    height, width = values.shape[-2:]
    padded = F.pad(values, (1, 1, 1, 1))
    rows = padded[..., :height, :] + padded[..., 1 : height + 1, :] + padded[..., 2:, :]
    return rows[..., :width] + rows[..., 1 : width + 1] + rows[..., 2:]
