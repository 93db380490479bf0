"""What is found out about a shot once, from a few frames spread over it: constants that nothing may make pump."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.relight import luminance
from impasto.server.shots.shot import Shot, Store, Watch

_SAMPLES = 16
_GREY = 0.18
_BLOCK = 16


@dataclass(frozen=True)
class Analysis:
    """Constants of a shot.

    Attributes:
        exposure: what brings the shot's mean luminance to mid-grey; above 0.
        grain: standard deviation of grain in shaped luminance (0..1), measured where the picture is flattest.
    """

    exposure: float
    grain: float


def analyse(shot: Shot, store: Store, watch: Watch) -> Analysis:
    """Measure a shot on up to 16 evenly spread readable frames; depends on the shot alone.

    Exposure is mid-grey over the geometric mean of luminance, 1 % trimmed at both ends. Grain is after Immerkaer,
    "Fast noise variance estimation" (1996), in the flattest tenth of all blocks of 16 pixels.
    """
    frames = spread(shot)
    key = "analysis-" + hashlib.sha256("|".join(shot.digest(frame) for frame in frames).encode()).hexdigest()
    kept = store.load(key)
    if kept is None:
        kept = {"constants": np.array(_measure(shot, frames, watch), np.float64)}
        store.save(key, kept)
    exposure, grain = (float(value) for value in kept["constants"])
    return Analysis(exposure, grain)


def spread(shot: Shot) -> list[int]:
    """Up to 16 evenly spread readable frames of a shot; the first readable one where none of them is."""
    places = np.linspace(0, len(shot.frames) - 1, min(_SAMPLES, len(shot.frames))).round().astype(int)
    frames = [shot.frames[place] for place in dict.fromkeys(places.tolist())]
    return [frame for frame in frames if shot.readable(frame)] or [n for n in shot.frames if shot.readable(n)][:1]


def _measure(shot: Shot, frames: list[int], watch: Watch) -> tuple[float, float]:
    logs = []
    for frame in frames:
        watch.stage("analysis", frame)
        logs.append(_mean_log(shot.picture(frame)))
    exposure = _GREY / float(np.exp(np.mean(logs)))
    shaper = Shaper(exposure)
    return exposure, float(np.median([_grain(shaper.encode(luminance(shot.picture(frame)))) for frame in frames]))


def _mean_log(picture: Tensor) -> float:
    """Mean log luminance of a (1, 3, H, W) picture without its darkest and brightest 1 %."""
    logs = np.sort(np.log(luminance(picture).clamp_min(1e-4).double().numpy().ravel()))
    trimmed = len(logs) // 100
    return float(logs[trimmed : len(logs) - trimmed].mean())


def _grain(luma: Tensor) -> float:
    """Standard deviation of white noise in a (1, 1, H, W) picture's flattest tenth; 0 where it is too small to tell."""
    if min(luma.shape[-2:]) < _BLOCK + 2:
        return 0.0
    kernel = torch.tensor([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])[None, None]
    blocks = F.avg_pool2d(F.conv2d(luma, kernel).abs(), _BLOCK) * float(np.sqrt(np.pi / 2) / 6)
    return float(np.quantile(blocks.numpy(), 0.1))
