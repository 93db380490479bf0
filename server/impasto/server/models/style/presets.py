"""Styles known by name: small pictures that a program of ours draws at their first use, the same every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.server.errors import NotFound
from impasto.server.models.style.brush import Canvas, Image, paint

VERSION = 1
"""Raised when a preset is drawn otherwise."""

_HEIGHT, _WIDTH = 264, 360


@dataclass(frozen=True)
class _Preset:
    summary: str
    draw: Callable[[], Image]


def _waves(seed: int, size: float) -> Image:
    """Smooth noise of about -1..1 with features of `size` pixels."""
    noise = np.random.default_rng(seed).normal(size=(_HEIGHT, _WIDTH)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), size), np.float32)
    return np.asarray(soft / (2.0 * soft.std()), np.float32)


def _patchwork(colours: tuple[tuple[float, float, float], ...], seed: int, size: float) -> Image:
    """Areas of flat colour with winding borders, every colour about equally often."""
    field = _waves(seed, size) + 0.35 * _waves(seed + 1, size / 3)
    edges = np.quantile(field, np.linspace(0.0, 1.0, len(colours) + 1)[1:-1])
    areas: Image = np.asarray(colours, np.float32)[np.digitize(field, edges)]
    return areas


def _flow(seed: int, size: float, turns: float) -> NDArray[np.float64]:
    angle = turns * np.pi * _waves(seed, size)
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float64)


def _oils() -> Image:
    """Thick short strokes that follow slow whirls, night blues to lamp yellow."""
    night, sea, sky = (0.04, 0.07, 0.28), (0.06, 0.26, 0.52), (0.25, 0.56, 0.78)
    olive, lamp, cream = (0.42, 0.52, 0.20), (0.95, 0.70, 0.16), (0.97, 0.92, 0.72)
    canvas = Canvas(_HEIGHT, _WIDTH, (0.20, 0.12, 0.10), seed=21)
    picture = _patchwork((night, sea, sky, olive, lamp, cream), 3, 22.0)
    paint(picture, canvas, _flow(5, 34.0, 0.9), (8.0, 4.5, 3.4), tolerance=0.05, length=7.0, streak=0.07)
    return canvas.picture(relief=0.17)


def _gouache() -> Image:
    """Broad matt fields with dry-brush edges in brick, ochre, sage and slate."""
    slate, brick, sage = (0.16, 0.21, 0.30), (0.72, 0.27, 0.18), (0.45, 0.58, 0.45)
    ochre, rose, chalk = (0.86, 0.62, 0.24), (0.90, 0.62, 0.55), (0.96, 0.92, 0.83)
    canvas = Canvas(_HEIGHT, _WIDTH, (0.90, 0.85, 0.75), seed=22)
    picture = _patchwork((slate, brick, sage, ochre, rose, chalk), 8, 26.0)
    paint(picture, canvas, _flow(9, 70.0, 0.35), (15.0, 8.0), tolerance=0.09, length=12.0, streak=0.025)
    return canvas.picture(relief=0.04)


def _hatching() -> Image:
    """Sepia ink on cream paper, hatched closer and crosswise where it is dark."""
    tone = 0.5 + 0.5 * np.clip(1.3 * _waves(13, 24.0) + 0.25 * _waves(14, 7.0), -1.0, 1.0)
    draw = np.random.default_rng(23)
    finer = 3
    paper = np.full((_HEIGHT * finer, _WIDTH * finer), 1.0, np.float32)
    for limit, angle in ((0.80, 0.7), (0.58, 2.3), (0.38, 1.5), (0.2, 0.1)):
        along = np.array([np.cos(angle), np.sin(angle)])
        for _ in range(4800):
            start = draw.uniform((0, 0), (_WIDTH - 1, _HEIGHT - 1))
            if tone[int(start[1]), int(start[0])] > limit - draw.uniform(0.0, 0.12):
                continue
            reach = along * draw.uniform(5.0, 14.0) + draw.normal(0.0, 0.8, 2)
            bend = np.array([-along[1], along[0]]) * draw.normal(0.0, 0.7)
            points = np.stack([start - reach / 2, start + bend, start + reach / 2]) * finer
            line = np.round(points).astype(np.int32).reshape(-1, 1, 2)
            cv2.polylines(paper, [line], False, float(draw.uniform(0.0, 0.3)), int(draw.integers(1, 4)))
    ink = np.asarray(cv2.resize(paper, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA), np.float32)[..., None]
    grain = 0.015 * draw.normal(size=(_HEIGHT, _WIDTH, 1))
    sepia, cream = np.array([0.20, 0.12, 0.08]), np.array([0.95, 0.91, 0.82])
    return np.asarray(np.clip(sepia * (1.0 - ink) + cream * ink + grain, 0.0, 1.0), np.float32)


_PRESETS = {
    "gouache": _Preset("Broad matt fields with dry-brush edges in brick, ochre, sage and slate.", _gouache),
    "hatching": _Preset("Sepia ink on cream paper, hatched closer and crosswise where it is dark.", _hatching),
    "oils": _Preset("Thick short strokes in slow whirls, night blues to lamp yellow.", _oils),
}


def presets() -> dict[str, str]:
    """Every preset's name and one sentence on it, by name."""
    return {name: preset.summary for name, preset in sorted(_PRESETS.items())}


@cache
def preset_picture(name: str) -> Tensor:
    """The picture of a preset, drawn at its first use.

    Args:
        name: of the preset.

    Returns:
        (1, 3, 264, 360) float32 sRGB 0..1, the same bits every time; not to be written to.

    Raises:
        NotFound: there is none of this name; the sentence lists those there are.
    """
    if name not in _PRESETS:
        raise NotFound(
            f"There is no style '{name}': it is no file here and no preset; presets are {', '.join(sorted(_PRESETS))}.",
            reason="STYLE_UNKNOWN",
        )
    return torch.from_numpy(np.ascontiguousarray(_PRESETS[name].draw().transpose(2, 0, 1)))[None]
