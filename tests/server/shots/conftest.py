"""A tiny shot whose motion is known: a textured ground that pans, a square that goes its own way."""

from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from impasto.server.shots.mattes import NO_NEIGHBOUR, OUTSIDE
from impasto.server.shots.motion import FrameMotion

HEIGHT, WIDTH = 24, 40


@cache
def texture(seed, height=HEIGHT, width=WIDTH + 64):
    noise = torch.rand(1, 3, height // 4 + 1, width // 4 + 1, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(noise, scale_factor=4, mode="bilinear", align_corners=False)
    return 0.1 + 0.6 * smooth[..., :height, :width]


@dataclass
class PanningShot:
    """The ground moves `speed` pixels to the left a frame; frames in `missing` cannot be read."""

    frames: tuple = tuple(range(1, 13))
    speed: int = 1
    missing: tuple = ()
    fade: float = 1.0
    height: int = HEIGHT
    width: int = WIDTH

    def readable(self, frame):
        return frame not in self.missing

    def picture(self, frame):
        start = (frame - self.frames[0]) * self.speed
        light = self.fade ** (frame - self.frames[0])
        return texture(1)[..., start : start + self.width].contiguous() * light

    def digest(self, frame):
        return f"{self}{frame}" if self.readable(frame) else "missing"


@dataclass
class PanningMotion:
    """The true motion of a `PanningShot`."""

    shot: PanningShot
    digest: str = "panning"
    measured: bool = False

    def neighbours(self, frame):
        readable = [f for f in self.shot.frames if self.shot.readable(f)]
        before = [f for f in readable if f < frame]
        after = [f for f in readable if f > frame]
        return (before[-1] if before else None, after[0] if after else None)

    def frame(self, frame):
        sides = []
        for other in self.neighbours(frame)[::-1]:
            motion = torch.zeros(1, 2, self.shot.height, self.shot.width)
            hidden = torch.ones(1, 1, self.shot.height, self.shot.width)
            cause = hidden * NO_NEIGHBOUR
            if other is not None:
                motion[:, 0] = -self.shot.speed * (other - frame)
                x = torch.arange(self.shot.width) + motion[:, :1]
                hidden = ((x < 0) | (x > self.shot.width - 1)).float()
                cause = hidden * OUTSIDE
            sides.append((motion, hidden, 1 - hidden, cause))
        (forward, next_, sure_next, cause_next), (backward, prev, sure_prev, cause_prev) = sides
        return FrameMotion(forward, backward, next_, prev, sure_next, sure_prev, cause_next + 10 * cause_prev)


@dataclass
class Memory:
    """A store that can be made to forget."""

    kept: dict = field(default_factory=dict)
    saved: int = 0

    def load(self, key):
        return self.kept.get(key)

    def save(self, key, arrays):
        self.saved += 1
        self.kept[key] = {name: np.array(array) for name, array in arrays.items()}

    def forget(self, word):
        self.kept = {key: arrays for key, arrays in self.kept.items() if word not in key}


@dataclass
class Audience:
    """Watches, and stops the work at a stage when told to."""

    said: list = field(default_factory=list)
    stages: list = field(default_factory=list)
    stop: Exception | None = None

    def check(self):
        if self.stop is not None:
            raise self.stop

    def stage(self, name, frame):
        self.stages.append((name, frame))

    def warn(self, message):
        self.said.append(message)


class StripePainter:
    """Paints stripes that are elsewhere for every seed, so that painting a frame anew shows."""

    local = True

    def __init__(self):
        self.calls = []

    def paint(self, content, *, start=None, where=None, seed=0, check=lambda: None):
        check()
        self.calls.append((seed, float(where.float().mean()) if where is not None else 1.0))
        column = torch.arange(content.shape[-1], dtype=torch.float32)
        stripes = 0.15 * torch.sin(column * 0.9 + seed)
        painted = content.flip(1) + stripes
        return painted if where is None or start is None else torch.where(where, painted, start)


@pytest.fixture(scope="session")
def tiny():
    """The parts of the tiny shot."""
    return SimpleNamespace(
        Shot=PanningShot, Motion=PanningMotion, Memory=Memory, Audience=Audience, Painter=StripePainter
    )
