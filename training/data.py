"""What the looks learn from: crops of pictures that may be used, and pictures drawn here.

Pictures are read once, kept as bytes on the device, and cropped there: at a random place, size, turn and mirroring,
by one resampling a crop. Nothing is read while training.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import torch
from torch import Tensor
from torch.nn import functional as F

TRAINED_SHOTS = ("orbit", "crossing")
"""Shots seen in training; the others are kept for measuring."""

UNSEEN_EVERY, UNSEEN = 6, 20
"""Every sixth painting of `masters`, in order of its file's name, the first twenty of them, is never trained on."""


def encoded(linear: np.ndarray) -> np.ndarray:
    """sRGB-encoded 0..1 from scene-linear (H, W, 3), clipped."""
    x = np.clip(linear, 0.0, 1.0)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(x, 1 / 2.4) - 0.055).astype(np.float32)


def read(path: Path) -> Tensor:
    """A picture file as (3, H, W) float32 RGB 0..1; EXR as sRGB-encoded."""
    if path.suffix == ".exr":
        pixels = OpenEXR.File(str(path)).channels()["RGBA"].pixels[..., :3].astype(np.float32)
        return torch.from_numpy(encoded(pixels)).permute(2, 0, 1).contiguous()
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{path} is not a picture.")
    return torch.from_numpy(pixels[..., ::-1].copy()).permute(2, 0, 1).float() / 255.0


def resized(picture: Tensor, side: int) -> Tensor:
    """The picture with its shorter side `side` pixels long."""
    scale = side / min(picture.shape[-2:])
    size = [max(1, round(length * scale)) for length in picture.shape[-2:]]
    return F.interpolate(picture[None], size, mode="bilinear", align_corners=False, antialias=True)[0]


def unseen(masters: Path) -> list[Path]:
    """The paintings kept out of training."""
    return sorted(masters.glob("*.jpg"))[::UNSEEN_EVERY][:UNSEEN]


def drawn(height: int, width: int, random: torch.Generator) -> Tensor:
    """A picture drawn by numbers: soft ramps, fractal noise and flat or ribbed shapes over each other, (3, H, W)."""

    def number(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=random))

    def colour() -> Tensor:
        return torch.rand(3, 1, 1, generator=random) ** number(0.6, 2.0)

    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    angle = number(0, 2 * math.pi)
    ramp = 0.5 + 0.4 * (x * math.cos(angle) + y * math.sin(angle))
    picture = colour() * ramp + colour() * (1 - ramp)
    for _ in range(int(number(4, 14))):
        cx, cy, a, b, turn = (number(-1, 1), number(-1, 1), number(0.05, 0.7), number(0.05, 0.7), number(0, math.pi))
        u = (x - cx) * math.cos(turn) + (y - cy) * math.sin(turn)
        v = (y - cy) * math.cos(turn) - (x - cx) * math.sin(turn)
        round_shape = number(0, 1) < 0.5
        inside = (
            1 - ((u / a) ** 2 + (v / b) ** 2).sqrt() if round_shape else 1 - torch.maximum(u.abs() / a, v.abs() / b)
        )
        cover = torch.sigmoid(inside * number(10, 80))
        paint = colour() * (0.6 + 0.4 * (u / a + v / b).clamp(-1, 1) * number(0, 1))
        if number(0, 1) < 0.4:
            paint = paint * (0.75 + 0.25 * torch.sin(u * number(15, 120)))
        picture = picture * (1 - cover) + paint * cover
    for cells in (4, 16, 64):
        noise = torch.randn(1, 3 if number(0, 1) < 0.3 else 1, cells, cells, generator=random)
        picture = picture + number(0, 0.06) * F.interpolate(noise, (height, width), mode="bicubic")[0]
    return picture.clamp(0, 1)


class Pictures:
    """Pictures of any sizes as bytes on a device, cropped there.

    Args:
        pictures: (3, H, W) float32 0..1, sides of 160 pixels and more.
        device: where they are kept and cropped.
    """

    def __init__(self, pictures: list[Tensor], device: torch.device) -> None:
        self._bytes = [(picture * 255.0).round().to(torch.uint8).to(device) for picture in pictures]
        self.device = device

    def __len__(self) -> int:
        return len(self._bytes)

    def crops(self, count: int, side: int, scale: tuple[float, float], random: torch.Generator) -> Tensor:
        """`count` crops of different pictures, (count, 3, side, side) float32 0..1.

        Args:
            count: crops.
            side: pixels.
            scale: range of the pixels of the picture that one pixel of the crop covers.
            random: on the CPU, so that every device sees the same crops.
        """
        chosen = torch.randperm(len(self._bytes), generator=random)[:count]
        draws = torch.rand(count, 6, generator=random)
        return torch.stack([self._crop(int(i), side, scale, draw) for i, draw in zip(chosen, draws, strict=True)])

    def _crop(self, index: int, side: int, scale: tuple[float, float], draw: Tensor) -> Tensor:
        picture = self._bytes[index]
        height, width = picture.shape[-2:]
        step = math.exp(math.log(scale[0]) + float(draw[0]) * math.log(scale[1] / scale[0]))
        span = min(step * side, height, width)
        reach = int(span)
        top, left = int(float(draw[1]) * (height - reach)), int(float(draw[2]) * (width - reach))
        cut = picture[:, top : top + reach, left : left + reach].float() / 255.0
        out = F.interpolate(cut[None], (side, side), mode="bilinear", align_corners=False, antialias=reach > side)[0]
        if draw[3] < 0.5:
            out = out.flip(-1)
        return out.rot90(int(float(draw[4]) * 4), (-2, -1)) if draw[5] < 0.25 else out


def gather(assets: Path, device: torch.device, quick: bool = False) -> tuple[Pictures, Pictures]:
    """Contents and styles to train on: paintings as either, our shots and drawn pictures as contents.

    Args:
        assets: the folder with `pictures/masters`, `pictures/monet` and `shots`.
        device: where they are kept.
        quick: a handful only, for a trial.
    """
    held = set(unseen(assets / "pictures" / "masters"))
    masters = [path for path in sorted((assets / "pictures" / "masters").glob("*.jpg")) if path not in held]
    monet = sorted((assets / "pictures" / "monet").glob("*.jpg"))
    if quick:
        masters, monet = masters[:4], monet[:4]
    paintings = [resized(read(path), 320) for path in masters] + [read(path) for path in monet]
    numbers = (1001, 1004, 1007, 1010)
    plates = [
        read(assets / "shots" / shot / f"plate.{number}.exr")
        for shot in TRAINED_SHOTS
        for number in numbers[:: 3 if quick else 1]
    ]
    random = torch.Generator().manual_seed(7)
    pictures = [drawn(320, 320, random) for _ in range(4 if quick else 160)]
    # A plate counts eight times: there are few, and they are what the look is for.
    return Pictures(paintings + plates * 8 + pictures, device), Pictures(paintings, device)
