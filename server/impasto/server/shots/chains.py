"""Carrying a frame's map to the next: fetched through the motion, put to the life test."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

import torch
from torch import Tensor

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.heal import heal
from impasto.server.shots.life import deaths, hidden, rim, specks
from impasto.server.shots.mattes import OUTSIDE
from impasto.server.shots.motion import FrameMotion, Motion
from impasto.server.shots.provenance import Map, carry
from impasto.server.shots.recall import Recall
from impasto.server.shots.registration import register
from impasto.server.shots.relight import Light, change, relit_plate, split
from impasto.server.shots.shot import Shot, Store, Watch, digest

VERSION = 12
"""Raised when maps or births come out otherwise; part of every key in the store."""

_HELD = 3
"""Frames whose light and motion stay in memory."""

_CERTAIN = 0.05
"""Confidence is not believed to be less: one broken step does not outweigh all else."""


class Stage:
    """The shot as all chains see it: plates in parts, motion, the store; holds a few frames at a time.

    Args:
        shot: the plates.
        motion: of the shot.
        shaper: the shot's.
        store: keeps maps and births.
        watch: asked at every step whether to stop.

    Attributes:
        recall: gives the plates of births.
    """

    def __init__(self, shot: Shot, motion: Motion, shaper: Shaper, store: Store, watch: Watch) -> None:
        self.shot, self.motion, self.shaper, self.store, self.watch = shot, motion, shaper, store, watch
        self.frames = tuple(frame for frame in shot.frames if shot.readable(frame))
        self.digest = digest(
            str(VERSION),
            motion.digest,
            str(motion.measured),
            repr(shaper),
            *(f"{frame} {shot.digest(frame)}" for frame in shot.frames),
        )
        self.recall = Recall(self._base, shot.height, shot.width, len(self.frames))
        self._lights: OrderedDict[int, Light] = OrderedDict()
        self._motions: OrderedDict[int, FrameMotion] = OrderedDict()

    def light(self, frame: int) -> Light:
        """The plate of a frame in parts."""
        if frame not in self._lights:
            self._lights[frame] = split(self.shot.picture(frame), self.shaper)
            while len(self._lights) > _HELD:
                self._lights.popitem(last=False)
        return self._lights[frame]

    def _base(self, frame: int) -> Tensor:
        """Its base alone; does not push out what is held."""
        held = self._lights.get(frame)
        return (split(self.shot.picture(frame), self.shaper) if held is None else held).base

    def frame_motion(self, frame: int) -> FrameMotion:
        """Motion of a frame."""
        if frame not in self._motions:
            self._motions[frame] = self.motion.frame(frame)
            while len(self._motions) > _HELD:
                self._motions.popitem(last=False)
        return self._motions[frame]

    def load(self, key: str) -> Map | None:
        """A map from the store."""
        arrays = self.store.load(key)
        return None if arrays is None else Map(**{name: torch.from_numpy(array) for name, array in arrays.items()})

    def save(self, key: str, here: Map) -> None:
        """Keep a map in the store."""
        self.store.save(key, {name: value.numpy() for name, value in vars(here).items()})


def advance(stage: Stage, neighbour: Map, frame: int, onward: bool, alone: bool = True, sheds: bool = False) -> Map:
    """Bring a map one frame on and let die what does not survive.

    Args:
        stage: the shot.
        neighbour: map of the readable frame before (`onward`) or after this one.
        frame: this frame.
        onward: whether paint goes forward in time.
        alone: whether no other map will lie around this one, so that carried specks are to go.
        sheds: whether outlines of what has moved off die with it.

    Returns:
        The map of what survives; its doubt has grown by what the motion's confidence leaves open.
    """
    motion = stage.frame_motion(frame)
    now = stage.light(frame)
    if onward:
        vectors, occlusion, confidence = motion.backward, motion.occlusion_prev, motion.confidence_prev
        cause = torch.div(motion.cause, 10, rounding_mode="floor")
    else:
        vectors, occlusion, confidence = motion.forward, motion.occlusion_next, motion.confidence_next
        cause = motion.cause % 10
    measured = stage.motion.measured
    moved = carry(neighbour, vectors, not measured)
    if not bool(moved.alive.any()):
        return moved
    moved = replace(moved, doubt=moved.doubt - confidence.clamp_min(_CERTAIN).log())
    plate = stage.recall(moved)
    ratio = change(now, plate, moved.alive, stage.shaper)
    then = relit_plate(plate, ratio, stage.shaper)
    if measured:
        moved = register(moved, now.base, then)
    gone = hidden(occlusion, cause, measured)
    if sheds:
        gone = rim(gone & (cause != OUTSIDE), vectors, now.base, then, measured) | gone
    moved = moved.without(deaths(moved, gone, confidence, now.base, then))
    if alone:
        moved = moved.without(specks(moved, confidence, measured))
    return heal(moved, now.base, ratio, stage.recall, stage.shaper)
