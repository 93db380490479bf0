"""Shots with known motion, and the measures of the house: end-point error, mattes, stability, detail.

A truth shot is a folder of `plate.####.exr` (scene-linear Rec.709) and `truth.####.exr` (`forward.u/v`, `backward.u/v`
with v up, `occlusion.next/prev`, `valid.a`). Everything here is an array in code conventions: motion in pixels, x to
the right, y DOWN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR
import torch
from numpy.typing import NDArray

from impasto.server.ops.warp import warp

SHOTS = ("orbit", "crossing", "highlight", "field")
Array = NDArray[Any]


def read(path: Path) -> dict[str, Array]:
    """Every channel of an EXR as float32."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: np.array(channel.pixels, dtype=np.float32) for name, channel in file.channels().items()}


def srgb(linear: Array) -> Array:
    """Scene-linear to sRGB, clipped to 0..1: the domain all picture errors are measured in."""
    x = np.clip(linear, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-8) ** (1 / 2.4) - 0.055).astype(np.float32)


def fetched(picture: Array, motion: Array, method: str = "bicubic") -> Array:
    """`picture(p + motion(p))`; picture (C, H, W), motion (2, H, W)."""
    return warp(torch.from_numpy(picture)[None], torch.from_numpy(motion)[None], method)[0].numpy()  # type: ignore[arg-type]


@dataclass(frozen=True)
class Truth:
    """What is known of one frame: motion (2, H, W); hidden or outside in the next and previous frame, and validity."""

    forward: Array
    backward: Array
    hidden_next: Array
    hidden_previous: Array
    valid: Array


class TruthShot:
    """One shot with known motion."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.frames = tuple(sorted(int(path.name.split(".")[-2]) for path in folder.glob("truth.*.exr")))

    def plate(self, frame: int) -> Array:
        """Scene-linear picture, (3, H, W)."""
        channels = read(self.folder / f"plate.{frame}.exr")
        return np.stack([channels[name] for name in "RGB"])

    @lru_cache(maxsize=16)  # noqa: B019 - a benchmark's shots live as long as the run
    def truth(self, frame: int) -> Truth:
        """What is known of this frame; absent motion is 0."""
        channels = read(self.folder / f"truth.{frame}.exr")
        none = np.zeros_like(channels["valid.a"])

        def motion(layer: str) -> Array:
            return np.stack([channels.get(f"{layer}.u", none), -channels.get(f"{layer}.v", none)])

        def matte(name: str) -> Array:
            return channels.get(name, none) > 0.5

        return Truth(
            motion("forward"),
            motion("backward"),
            matte("occlusion.next"),
            matte("occlusion.prev"),
            matte("valid.a"),
        )

    def chain(self, frame: int, gap: int) -> tuple[Array, Array]:
        """True motion from `frame` to `frame - gap` and where every step of it is valid and unoccluded.

        Back where `gap` is positive, onward where it is negative.
        """
        way = 1 if gap > 0 else -1

        def step(number: int) -> tuple[Array, Array]:
            here = self.truth(number)
            motion, hidden = (here.backward, here.hidden_previous) if way > 0 else (here.forward, here.hidden_next)
            return motion, hidden | ~here.valid

        motion, lost = step(frame)
        seen = ~lost
        for number in range(frame - way, frame - gap, -way):
            there, lost = step(number)
            seen &= fetched(lost.astype(np.float32)[None], motion, "bilinear")[0] <= 0.01
            motion = motion + fetched(there, motion)
        return motion, seen & inside(motion)


def inside(motion: Array) -> Array:
    """Where motion (2, H, W) ends within the frame."""
    height, width = motion.shape[1:]
    row, column = np.mgrid[:height, :width]
    x, y = column + motion[0], row + motion[1]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def endpoint_error(motion: Array, true: Array) -> Array:
    """Distance of the end points in pixels, (H, W)."""
    return np.hypot(*(motion - true))


def warp_error(
    shot: TruthShot, pictures: Mapping[int, Array], gap: int, where: Mapping[int, Array] | None = None
) -> float:
    """E_k: mean squared difference of sRGB pictures (3, H, W) along the true motion `gap` frames back.

    `where` limits the pixels, (H, W) bool by frame.
    """
    errors = []
    for frame in sorted(pictures):
        if frame - gap not in pictures:
            continue
        motion, seen = shot.chain(frame, gap)
        if where is not None:
            seen = seen & where[frame]
        difference = pictures[frame] - fetched(pictures[frame - gap], motion)
        errors.append(float((difference**2).mean(0)[seen].mean()))
    return float(np.mean(errors))


def detail(picture: Array) -> float:
    """Mean absolute Laplacian of luma of an sRGB picture (3, H, W)."""
    luma = np.tensordot(np.float32([0.299, 0.587, 0.114]), picture, 1)
    return float(np.abs(cv2.Laplacian(luma, cv2.CV_32F, ksize=3)).mean())


def ghosts(picture: Array, alone: Array, where: Array | None = None) -> float:
    """RMS of the low-pass (8 px) difference to the frame painted alone; `where` (H, W) bool."""
    difference = cv2.GaussianBlur((picture - alone).transpose(1, 2, 0), (0, 0), 8)
    squared = (difference**2).mean(-1)
    return float(np.sqrt(squared.mean() if where is None else squared[where].mean()))


@dataclass
class Counts:
    """Hits and misses of a matte, pooled."""

    hit: int = 0
    false: int = 0
    missed: int = 0

    def add(self, matte: Array, true: Array, where: Array) -> None:
        """Count a soft matte (H, W) at 0.5 against truth where `where`."""
        found = (matte > 0.5) & where
        true = true & where
        self.hit += int((found & true).sum())
        self.false += int((found & ~true).sum())
        self.missed += int((~found & true).sum())

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.hit / max(2 * self.hit + self.false + self.missed, 1)
