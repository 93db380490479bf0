"""What the engine promises on real plates, on a part of each picture and a few frames."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from impasto.server.plates import read
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import Recipe, render
from impasto.server.shots.given_motion import GivenMotion
from impasto.server.shots.keys import Key
from impasto.server.shots.relight import luminance

ROWS, COLUMNS = slice(150, 270), slice(240, 400)


@cache
def channels(path):
    return read(path).channels


@dataclass(frozen=True)
class Part:
    """The middle of a truth shot, with its true motion."""

    folder: Path
    frames: tuple
    height: int = 120
    width: int = 160

    def readable(self, frame):
        return frame in self.frames

    def digest(self, frame):
        return f"{self.folder} {frame}"

    def picture(self, frame):
        found = channels(self.folder / f"plate.{frame}.exr")
        return torch.from_numpy(np.stack([found[c][ROWS, COLUMNS].astype(np.float32) for c in "RGB"]))[None]

    def layers(self, frame):
        found = {
            name: value[ROWS, COLUMNS].astype(np.float32)
            for name, value in channels(self.folder / f"truth.{frame}.exr").items()
        }
        layers = {name: found[name] for name in ("occlusion.next", "occlusion.prev") if name in found}
        for name in ("forward", "backward"):
            if f"{name}.u" in found:
                layers[name] = np.stack([found[f"{name}.u"], -found[f"{name}.v"]])
        return layers


def painted(tiny, shot, key):
    shaper, store = Shaper(3.0), tiny.Memory()
    motion = GivenMotion(shot, shot.layers, "truth", shaper, store, tiny.Audience())
    recipe = Recipe((key,), (), 1.0, 0, shaper)
    return {made.frame: made for made in render(shot, recipe, motion, shot.frames, store, tiny.Audience())}


@pytest.mark.assets
@pytest.mark.parametrize("clipped", [False, True])
def test_highlights_keep_their_energy_in_every_frame(tiny, assets, clipped):
    shot = Part(assets / "shots" / "highlight", (1005, 1006, 1007))
    plate = shot.picture(1006)
    key = Key(1006, plate.clamp(0, 1) if clipped else plate, torch.ones(1, 1, 120, 160), 1.0, None, str(clipped))
    for frame, made in painted(tiny, shot, key).items():
        now = shot.picture(frame)
        bright = luminance(now) > 1
        energy = luminance(made.picture)[bright].sum() / luminance(now)[bright].sum()
        assert abs(float(energy) - 1) < 0.05
        assert torch.isfinite(made.picture).all()
        if frame == 1006 and not clipped:
            assert torch.allclose(made.picture, plate, rtol=1e-3, atol=1e-4)
