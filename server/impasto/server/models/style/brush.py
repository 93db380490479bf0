"""A bristle brush: strokes as bundles of hairs, laid on a canvas that remembers how thick the paint lies.

Strokes follow Hertzmann, "Painterly rendering with curved brush strokes of multiple sizes", SIGGRAPH 1998, and the
relief Hertzmann, "Fast paint texture", NPAR 2002: hairs lay colour and height, and light from the upper left shows
the height. Everything is drawn from a seed; the same seed gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

_FINER = 3
"""Canvas pixels per picture pixel, along each side."""


@dataclass
class Canvas:
    """A canvas of `height` x `width` picture pixels, primed with one colour.

    Attributes:
        height: rows of the picture.
        width: columns of the picture.
        ground: RGB 0..1 of the priming.
        seed: of every random draw.
    """

    height: int
    width: int
    ground: tuple[float, float, float]
    seed: int = 0
    _colour: Image = field(init=False, repr=False)
    _relief: Image = field(init=False, repr=False)
    _random: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        size = (self.height * _FINER, self.width * _FINER)
        weave = self._random.normal(0.0, 0.02, size).astype(np.float32)
        self._colour = np.broadcast_to(np.array(self.ground, np.float32), (*size, 3)) + weave[..., None]
        self._relief = np.zeros(size, np.float32)

    def stroke(
        self, path: NDArray[np.float64], radius: float, colour: NDArray[np.floating], streak: float = 0.05
    ) -> None:
        """Draw one stroke.

        Args:
            path: (n, 2) x, y in picture pixels, n >= 2, about evenly spaced.
            radius: half the brush's width in picture pixels.
            colour: RGB 0..1.
            streak: how much lightness varies from hair to hair.
        """
        along = np.gradient(path, axis=0)
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
        hairs = max(3, round(radius * 2.2))
        places = np.linspace(-1.0, 1.0, hairs)
        thickness = max(1, round(2.4 * radius * _FINER / hairs))
        run = np.linspace(0.0, 1.0, len(path))
        for place in self._random.permutation(places):
            load = 1.0 - 0.35 * abs(place) + self._random.normal(0.0, 0.25)
            if load < 0.35:
                continue
            first = int(self._random.integers(0, 2)) if len(path) > 4 else 0
            last = max(first + 2, round(len(path) * min(1.0, 0.75 + 0.35 * load - 0.15 * abs(place))))
            spread = place * radius * np.minimum(1.0, 0.7 + 2.0 * np.minimum(run, 1.0 - run))
            points = (path + normal * spread[:, None])[first:last] * _FINER
            line = np.round(points).astype(np.int32).reshape(-1, 1, 2)
            shade = np.asarray(colour, np.float64) + self._random.normal(0.0, streak) + self._random.normal(0, 0.012, 3)
            cv2.polylines(self._colour, [line], False, tuple(map(float, shade)), thickness)
            cv2.polylines(self._relief, [line], False, float(load + 0.3 * self._random.random()), thickness)

    def picture(self, relief: float = 0.12) -> Image:
        """The painting as (height, width, 3) float32 RGB 0..1, sRGB-like; `relief` is how much its thickness shows."""
        soft = cv2.GaussianBlur(self._relief, (0, 0), 0.4 * _FINER)
        slope = (np.roll(soft, 2, 0) - np.roll(soft, -2, 0)) + (np.roll(soft, 2, 1) - np.roll(soft, -2, 1))
        lit = self._colour * (1.0 - relief * np.clip(slope, -1.5, 1.5))[..., None]
        small = cv2.resize(lit, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.asarray(np.clip(small, 0.0, 1.0), np.float32)

    def seen(self) -> Image:
        """What has been painted so far without relief, (height, width, 3) float32."""
        return np.asarray(cv2.resize(self._colour, (self.width, self.height), interpolation=cv2.INTER_AREA), np.float32)


def orientation(picture: Image, smooth: float = 6.0) -> NDArray[np.float64]:
    """Direction along the edges of a picture, (height, width, 2) unit vectors x, y, smoothed over `smooth` pixels.

    The structure tensor's weaker eigenvector (Kyprianidis and Kang, "Image and video abstraction by coherence-enhancing
    filtering", 2011).
    """
    luma = np.asarray(picture @ np.array([0.2126, 0.7152, 0.0722], np.float32), np.float32)
    gx, gy = cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)
    xx, xy, yy = (cv2.GaussianBlur(product, (0, 0), smooth) for product in (gx * gx, gx * gy, gy * gy))
    angle = 0.5 * np.arctan2(2.0 * xy, xx - yy) + np.pi / 2
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float64)


def paint(
    picture: Image,
    canvas: Canvas,
    flow: NDArray[np.float64],
    radii: tuple[float, ...],
    tolerance: float = 0.05,
    length: float = 9.0,
    streak: float = 0.05,
) -> None:
    """Paint a picture from the broadest brush to the finest, each only where the canvas is still off.

    Args:
        picture: (height, width, 3) float32 RGB 0..1, sRGB-like, of the canvas's size.
        canvas: what is painted on.
        flow: (height, width, 2) unit vectors, the direction strokes take; see `orientation`.
        radii: of the brushes in pixels, broadest first.
        tolerance: mean colour difference a brush leaves alone.
        length: longest stroke in radii.
        streak: see `Canvas.stroke`.
    """
    height, width = picture.shape[:2]
    draw = np.random.default_rng(canvas.seed + 1)
    for layer, radius in enumerate(radii):
        wanted = np.asarray(cv2.GaussianBlur(picture, (0, 0), max(0.5 * radius, 0.4)), np.float32)
        off = np.abs(wanted - canvas.seen()).mean(-1)
        step = max(2, round(radius * 0.9))
        places = [(y, x) for y in range(0, height, step) for x in range(0, width, step)]
        for index in draw.permutation(len(places)):
            top, left = places[index]
            cell = off[top : top + step, left : left + step]
            if layer and cell.mean() < tolerance:
                continue
            y, x = np.unravel_index(int(cell.argmax()), cell.shape) if layer else draw.integers(0, cell.shape)
            path = _path(wanted, flow, left + float(x), top + float(y), radius, length)
            if len(path) > 2:
                canvas.stroke(path, radius, wanted[top + int(y), left + int(x)], streak)


def _path(
    wanted: Image, flow: NDArray[np.float64], x: float, y: float, radius: float, length: float
) -> NDArray[np.float64]:
    """A stroke from x, y along the flow until its colour no longer fits."""
    height, width = wanted.shape[:2]
    colour = wanted[int(y), int(x)]
    points, heading = [(x, y)], flow[int(y), int(x)]
    for count in range(round(length * 2)):
        way = flow[int(y), int(x)]
        way = way if way @ heading >= 0 else -way
        heading = 0.6 * way + 0.4 * heading
        heading = heading / max(float(np.linalg.norm(heading)), 1e-9)
        x, y = x + heading[0] * radius * 0.5, y + heading[1] * radius * 0.5
        if not (0 <= x < width and 0 <= y < height):
            break
        if count > 3 and np.abs(wanted[int(y), int(x)] - colour).mean() > 0.08:
            break
        points.append((x, y))
    return np.array(points)
