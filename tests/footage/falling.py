"""A shot of ground that falls."""

import torch

from impasto.server.models.catalogue import find
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.motion import ComputedMotion

PARTS = ("forward", "backward", "occlusion_next", "occlusion_prev", "confidence_next", "confidence_prev", "cause")
SHAPER = Shaper(1.0)


def textured(frame, falling=2.0, height=40, width=56):
    """Ground that falls `falling` pixels a frame."""
    row = torch.arange(height)[:, None] - falling * frame
    column = torch.arange(width).float()
    waves = [torch.sin(row * a + column * b) for a, b in ((0.31, 0.2), (0.45, -0.37), (0.23, 0.61))]
    return 0.3 + 0.12 * torch.stack(waves)[None]


class FallingShot:
    frames = (1, 2, 3, 4, 5)
    height, width = 40, 56

    def __init__(self, missing=()):
        self.missing = missing

    def readable(self, frame):
        return frame not in self.missing

    def picture(self, frame):
        return textured(frame)

    def digest(self, frame):
        return f"falling {frame}" if self.readable(frame) else "missing"


def computed(tiny, shot, store=None):
    watch = tiny.Audience()
    estimator = find("dis", "flow").build()
    return ComputedMotion(shot, estimator, "dis/1", SHAPER, 0.0, store or tiny.Memory(), watch), watch
