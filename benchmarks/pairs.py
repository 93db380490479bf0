"""Single pairs with published truth, and a plate that stands under grain; motion is measured on them too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from truth import Array


@dataclass(frozen=True)
class Pair:
    """Two display-like pictures (3, H, W); motion (2, H, W) from the first to the second where known, (H, W) bool."""

    name: str
    first: Array
    second: Array
    motion: Array
    known: Array


def pairs(assets: Path) -> Iterator[Pair]:
    """The pairs that are there: RubberWhale (Middlebury), one of KITTI, one of FlyingChairs."""
    whale, kitti, chairs = (
        assets / "interpolation" / "RubberWhale",
        assets / "flow" / "kitti",
        assets / "flow/flyingchairs",
    )
    true = assets / "flow" / "RubberWhale" / "flow10.flo"
    if true.exists():
        motion = flo(true)
        known = (np.abs(motion) < 1e3).all(0)
        yield Pair("RubberWhale", picture(whale / "frame10.png"), picture(whale / "frame11.png"), motion, known)
    if kitti.exists():
        stored = cv2.imread(str(kitti / "flow_gt.png"), cv2.IMREAD_UNCHANGED).astype(np.float32)
        motion, known = (stored[..., :0:-1].transpose(2, 0, 1) - 2**15) / 64, stored[..., 0] > 0
        yield Pair("KITTI", picture(kitti / "frame1.png"), picture(kitti / "frame2.png"), motion, known)
    if chairs.exists():
        motion = flo(chairs / "00001_flow.flo")
        two = (picture(chairs / f"00001_img{number}.ppm") for number in (1, 2))
        yield Pair("FlyingChairs", *two, motion, np.ones(motion.shape[1:], dtype=bool))


def still(plate: Array, grain: float, name: str) -> Pair:
    """A plate twice, under grain of its own each time."""
    drawn = np.random.default_rng(1)
    first, second = ((plate + grain * drawn.standard_normal(plate.shape)).astype(np.float32) for _ in range(2))
    return Pair(f"still {name}", first, second, np.zeros_like(plate[:2]), np.ones(plate.shape[1:], dtype=bool))


def picture(path: Path) -> Array:
    """An 8-bit picture as (3, H, W) float32 in 0..1."""
    values = cv2.imread(str(path))[..., ::-1].astype(np.float32) / 255
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def flo(path: Path) -> Array:
    """A Middlebury .flo as (2, H, W)."""
    values = np.fromfile(path, np.float32)
    width, height = values[1:3].view(np.int32)
    return np.ascontiguousarray(values[3:].reshape(height, width, 2).transpose(2, 0, 1))
