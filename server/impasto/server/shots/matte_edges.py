"""Mattes as a compositor wants them: borders laid along the picture's edges, shrunk or grown, blurred, gained."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from impasto.server.ops.flatten import guided, luma
from impasto.server.ops.lowpass import lowpass

_CONTRAST = 0.02
"""Display-like units; what varies less is no edge a matte would keep to."""


@dataclass(frozen=True)
class MatteEdges:
    """What is done to a matte as it is written, in this order; the defaults leave every bit as it is.

    Attributes:
        soft: radius in pixels of the guided filter that lays the border along the picture's edges.
        erode: pixels by which what is 1 shrinks, by a disc; below 0 it grows.
        blur: standard deviation in pixels of a Gaussian.
        gain: what is multiplied by before values are held to 0..1.
    """

    soft: float = 0.0
    erode: float = 0.0
    blur: float = 0.0
    gain: float = 1.0

    def __bool__(self) -> bool:
        """Whether anything is done."""
        return self != MatteEdges()

    def __call__(self, matte: Tensor, picture: Tensor) -> Tensor:
        """Do it.

        Args:
            matte: (1, 1, H, W) float32 in 0..1.
            picture: (1, 3, H, W) float32, display-like, of the same frame.

        Returns:
            (1, 1, H, W) float32 in 0..1; a matte that is the same all over stays so.
        """
        if radius := round(self.soft):
            least = matte.min()  # of what rises above it, so that a matte of one value meets no rounding
            matte = (guided(luma(picture), matte - least, radius, _CONTRAST) + least).clamp(0, 1)
        matte = lowpass(shrunk(matte, self.erode), self.blur)
        return (matte * self.gain).clamp(0, 1)


def shrunk(matte: Tensor, radius: float) -> Tensor:
    """The least value within a disc; of the greatest where the radius is negative. Borders are replicated.

    Args:
        matte: (1, 1, H, W) float32.
        radius: of the disc in pixels; between whole numbers the two beside it are mixed.
    """
    if radius < 0:
        return -shrunk(-matte, -radius)
    whole, part = int(radius), radius - int(radius)
    values = matte[0, 0].numpy()
    near = _least(values, whole)
    mixed = near if part == 0 else (1 - part) * near + part * _least(values, whole + 1)
    return torch.from_numpy(np.ascontiguousarray(mixed, np.float32))[None, None]


def _least(values: np.ndarray, radius: int) -> np.ndarray:
    """Row by row of the disc: what is made of rows costs the same at any length."""
    if radius == 0:
        return values
    height = len(values)
    rows = np.clip(np.arange(-radius, height + radius), 0, height - 1)
    least = np.full_like(values, np.inf)
    for down in range(radius + 1):
        reach = math.isqrt(radius * radius - down * down)
        along = cv2.erode(values, np.ones((1, 2 * reach + 1), np.uint8), borderType=cv2.BORDER_REPLICATE)
        for shift in {down, -down}:
            np.minimum(least, along[rows[radius + shift : radius + shift + height]], out=least)
    return least
