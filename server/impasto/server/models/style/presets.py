"""Styles known by name: what was measured on a painting in the public domain, and a picture drawn from it here.

A preset is a file of numbers made by `training/presets.py`: a palette with the share of every colour, the width of a
stroke and how far strokes agree in direction, and the bundled look's code of the painting. The bundled look paints from
the code. Every other look is shown a picture that a program of ours draws with that palette and that stroke at its
first use, the same every time; it shows the painting's colours and hand, and nothing of what the painting shows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.server.errors import NotFound
from impasto.server.models.card import BUNDLED
from impasto.server.models.style.brush import Canvas, Image, paint

VERSION = 2
"""Raised when a preset is drawn otherwise or measured anew."""

HEIGHT, WIDTH = 264, 360
"""Of the pictures, in pixels."""


@dataclass(frozen=True)
class Preset:
    """What is known of a painting.

    Attributes:
        name: of the preset.
        summary: one sentence with artist and work.
        after: artist, work, and why it is in the public domain.
        hand: how it is drawn: `strokes`, `fields`, `dots` or `lines`.
        palette: rows of R, G, B (sRGB 0..1) and share, darkest first.
        stroke: width of one in pixels of a picture `HEIGHT` high.
        agreement: of directions, 0..1.
        code: the bundled look's, of the weights with the SHA-256 `weights`.
        weights: see `code`.
    """

    name: str
    summary: str
    after: str
    hand: str
    palette: NDArray[np.float32]
    stroke: float
    agreement: float
    code: Tensor
    weights: str

    @classmethod
    def read(cls, path: Path) -> Preset:
        """From a file of `training/presets.py`."""
        told = json.loads(path.read_text(encoding="utf-8"))
        ours = told["impasto"]
        return cls(
            name=told["name"],
            summary=told["summary"],
            after=told["after"],
            hand=told["hand"],
            palette=np.asarray(told["palette"], np.float32),
            stroke=told["stroke"],
            agreement=told["agreement"],
            code=torch.tensor(ours["code"])[None],
            weights=ours["weights"],
        )


def _waves(seed: int, size: float) -> Image:
    """Smooth noise of about -1..1 with features of `size` pixels."""
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), size), np.float32)
    return np.asarray(soft / (2.0 * soft.std()), np.float32)


def _patchwork(preset: Preset, size: float) -> Image:
    """Areas of the palette's colours with winding borders, each of its share, the dark beside the darker."""
    field = _waves(3, size) + 0.35 * _waves(4, size / 3)
    edges = np.quantile(field, np.cumsum(preset.palette[:-1, 3]))
    areas: Image = preset.palette[:, :3][np.digitize(field, edges)]
    return areas


def _flow(size: float, turns: float) -> NDArray[np.float64]:
    angle = turns * np.pi * _waves(5, size)
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float64)


def _ground(preset: Preset) -> tuple[float, float, float]:
    """The palette's mean, a little darker: what shows between strokes."""
    red, green, blue = 0.8 * (preset.palette[:, :3] * preset.palette[:, 3:]).sum(0)
    return float(red), float(green), float(blue)


def _strokes(preset: Preset) -> Image:
    """Strokes of three widths that follow slow whirls; the longer, the more the painting's agree."""
    canvas, radius = Canvas(HEIGHT, WIDTH, _ground(preset), seed=21), preset.stroke / 2
    flow, length = _flow(34.0, 1.4 - preset.agreement), 4.0 + 8.0 * preset.agreement
    paint(
        _patchwork(preset, 4.0 * preset.stroke), canvas, flow, (2 * radius, radius, 0.75 * radius), 0.05, length, 0.06
    )
    return canvas.picture(relief=0.15)


def _fields(preset: Preset) -> Image:
    """Broad matt fields with dry-brush edges."""
    canvas, radius = Canvas(HEIGHT, WIDTH, _ground(preset), seed=22), preset.stroke / 2
    paint(_patchwork(preset, 26.0), canvas, _flow(70.0, 0.35), (3 * radius, 1.6 * radius), 0.09, 12.0, 0.025)
    return canvas.picture(relief=0.04)


def _dots(preset: Preset) -> Image:
    """Short dabs close side by side, each of a colour near its place's."""
    canvas, radius = Canvas(HEIGHT, WIDTH, _ground(preset), seed=24), max(1.5, preset.stroke / 3)
    draw = np.random.default_rng(25)
    jitter = np.asarray(cv2.resize(draw.normal(0.0, 0.07, (HEIGHT // 3, WIDTH // 3, 3)), (WIDTH, HEIGHT)), np.float32)
    picture = np.clip(_patchwork(preset, 24.0) + jitter, 0.0, 1.0).astype(np.float32)
    paint(picture, canvas, _flow(20.0, 1.0), (2 * radius, radius, radius), 0.02, 1.6, 0.03)
    return canvas.picture(relief=0.06)


def _lines(preset: Preset) -> Image:
    """The darkest colours as ink on the lightest, hatched closer and crosswise where it is dark."""
    tone = 0.5 + 0.5 * np.clip(1.3 * _waves(13, 24.0) + 0.25 * _waves(14, 7.0), -1.0, 1.0)
    draw = np.random.default_rng(23)
    finer = 3
    paper = np.full((HEIGHT * finer, WIDTH * finer), 1.0, np.float32)
    for limit, angle in ((0.80, 0.7), (0.58, 2.3), (0.38, 1.5), (0.2, 0.1)):
        along = np.array([np.cos(angle), np.sin(angle)])
        for _ in range(4800):
            start = draw.uniform((0, 0), (WIDTH - 1, HEIGHT - 1))
            if tone[int(start[1]), int(start[0])] > limit - draw.uniform(0.0, 0.12):
                continue
            reach = along * draw.uniform(5.0, 14.0) + draw.normal(0.0, 0.8, 2)
            bend = np.array([-along[1], along[0]]) * draw.normal(0.0, 0.7)
            points = np.stack([start - reach / 2, start + bend, start + reach / 2]) * finer
            line = np.round(points).astype(np.int32).reshape(-1, 1, 2)
            cv2.polylines(paper, [line], False, float(draw.uniform(0.0, 0.3)), int(draw.integers(1, 4)))
    ink = np.asarray(cv2.resize(paper, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.float32)[..., None]
    grain = 0.015 * draw.normal(size=(HEIGHT, WIDTH, 1))
    dark, light = preset.palette[0, :3] * 0.8, preset.palette[-1, :3]
    return np.asarray(np.clip(dark * (1.0 - ink) + light * ink + grain, 0.0, 1.0), np.float32)


_HANDS = {"strokes": _strokes, "fields": _fields, "dots": _dots, "lines": _lines}


@cache
def _all() -> dict[str, Preset]:
    found = [Preset.read(path) for path in sorted((BUNDLED / "presets").glob("*.json"))]
    return {preset.name: preset for preset in found}


def presets() -> dict[str, str]:
    """Every preset's name and one sentence on it, by name."""
    return {name: preset.summary for name, preset in _all().items()}


def find(name: str) -> Preset:
    """The preset of this name.

    Raises:
        NotFound: there is none; the sentence lists those there are.
    """
    if name not in _all():
        raise NotFound(
            f"There is no style '{name}': it is no file here and no preset; presets are {', '.join(_all())}.",
            reason="STYLE_UNKNOWN",
        )
    return _all()[name]


@cache
def preset_picture(name: str) -> Tensor:
    """The picture of a preset, drawn at its first use.

    Args:
        name: of the preset.

    Returns:
        (1, 3, 264, 360) float32 sRGB 0..1, the same bits every time; not to be written to.

    Raises:
        NotFound: as `find`.
    """
    preset = find(name)
    return torch.from_numpy(np.ascontiguousarray(_HANDS[preset.hand](preset).transpose(2, 0, 1)))[None]
