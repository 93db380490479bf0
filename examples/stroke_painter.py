"""Paints pictures with a bristle brush: a plate as a key, or an invented landscape as a style picture.

python examples/stroke_painter.py key examples/shot/plate.1006.exr examples/shot/key.1006.png
python examples/stroke_painter.py style examples/shot/style.png

The same seed gives the same picture. What it paints is public domain (CC0).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from impasto.server import plates
from impasto.server.models.style.brush import Canvas, Image, orientation, paint


def load(path: Path) -> Image:
    """A plate as sRGB 0..1, (height, width, 3) float32."""
    plate = plates.read(path)
    light = np.stack([plate.channels[name].astype(np.float32) for name in "RGB"], axis=-1).clip(0.0, 1.0)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light.clip(1e-6) ** (1 / 2.4) - 0.055).astype(np.float32)


def save(path: Path, picture: Image) -> None:
    """Write RGB 0..1 as PNG of 8 bits."""
    pixels = np.round(picture[..., ::-1] * 255.0).astype(np.uint8)
    if not cv2.imwrite(str(path), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise SystemExit(f"{path} cannot be written.")


def enrich(picture: Image) -> Image:
    """Stronger colour, cool shadows and warm lights, as a painter would mix them."""
    luma = (picture @ np.float32([0.2126, 0.7152, 0.0722]))[..., None]
    vivid = luma + 1.55 * (picture - luma)
    warm, cool = np.float32([0.06, 0.0, -0.10]), np.float32([-0.04, -0.03, 0.12])
    contrast = 0.9 * vivid.clip(0.0) ** 1.5 + 0.08 * (luma - 0.4)
    return np.clip(contrast + warm * luma**2 + cool * (1.0 - luma) ** 2, 0.02, 0.98).astype(np.float32)


def key(plate: Path, seed: int) -> Image:
    """The plate, painted from broad strokes to fine ones."""
    picture = load(plate)
    calm = np.asarray(cv2.bilateralFilter(cv2.medianBlur(picture, 5), 9, 0.12, 5.0), np.float32)
    height, width = picture.shape[:2]
    canvas = Canvas(height, width, (0.42, 0.26, 0.20), seed)
    paint(enrich(calm), canvas, orientation(calm, 16.0), (14.0, 7.0, 3.6, 1.9), tolerance=0.045)
    return canvas.picture()


def waves(height: int, width: int, seed: int, size: float) -> Image:
    """Smooth noise of about -1..1 whose features are `size` pixels."""
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), size), np.float32)
    return (soft / (2.0 * soft.std())).astype(np.float32)


def landscape(height: int, width: int, seed: int) -> tuple[Image, np.ndarray]:
    """An evening over hills and poppy fields, and the direction of the strokes in it."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    v, u = y / height, x / width
    mix = lambda a, b, t: np.float32(a) + (np.float32(b) - np.float32(a)) * np.clip(t, 0, 1)[..., None]  # noqa: E731
    sky = mix((0.05, 0.13, 0.48), (0.16, 0.55, 0.80), v / 0.3)
    sky = np.where((v > 0.28)[..., None], mix((0.16, 0.55, 0.80), (1.0, 0.72, 0.20), (v - 0.28) / 0.25), sky)
    away = np.hypot(u * 1.5 - 1.02, v - 0.27)
    sky = (
        mix((1.0, 0.93, 0.55), (1.0, 0.62, 0.10), away / 0.09) * (away < 0.09)[..., None]
        + sky * (away >= 0.09)[..., None]
    )
    rings = 0.5 + 0.5 * np.sin(away * 62.0 + 2.0 * waves(height, width, seed, 30))
    glow = np.exp(-away * 4.5)[..., None] * rings[..., None] * (away >= 0.09)[..., None]
    sky = sky + glow * np.float32([0.55, 0.33, -0.12]) + 0.13 * waves(height, width, seed + 1, 12)[..., None]
    picture = sky
    angle = np.arctan2(v - 0.27, u * 1.5 - 1.02) + np.pi / 2 + 0.5 * waves(height, width, seed + 2, 40)
    bands = [
        (0.50, 0.05, 2.3, (0.20, 0.22, 0.55), (0.44, 0.36, 0.70)),
        (0.58, 0.04, 3.1, (0.04, 0.34, 0.36), (0.20, 0.62, 0.50)),
        (0.66, 0.05, 1.7, (0.93, 0.66, 0.08), (0.99, 0.86, 0.30)),
        (0.78, 0.05, 2.6, (0.10, 0.42, 0.13), (0.52, 0.70, 0.16)),
        (0.90, 0.04, 1.4, (0.03, 0.20, 0.20), (0.16, 0.45, 0.22)),
    ]
    for index, (base, swell, turns, low, high) in enumerate(bands):
        edge = (
            base
            + swell * np.sin(turns * 2 * np.pi * u + 1.7 * index) * 0.6
            + 0.02 * waves(height, width, seed + 9, 60)[0]
        )
        inside = v > edge
        rows = 0.5 + 0.5 * np.sin(
            (v - edge) * (150 - 18 * index) + 6 * u * (index - 2) + waves(height, width, seed + index, 14)
        )
        land = mix(low, high, 0.75 * rows + 0.25 * waves(height, width, seed + 20 + index, 8))
        picture = np.where(inside[..., None], land, picture)
        slope = np.gradient(np.broadcast_to(edge, (height, width))[0]) * height
        angle = np.where(inside, np.arctan(slope)[None] + 0.35 * waves(height, width, seed + 40 + index, 18), angle)
    draw = np.random.default_rng(seed + 3)
    for _ in range(230):
        depth = draw.uniform(0.70, 1.0)
        centre = (int(draw.uniform(0, width)), int(depth * height))
        hue = [(0.90, 0.10, 0.06), (0.98, 0.35, 0.10), (0.95, 0.55, 0.75), (0.98, 0.96, 0.90)][
            int(draw.choice(4, p=[0.6, 0.2, 0.1, 0.1]))
        ]
        picture = np.ascontiguousarray(picture, np.float32)
        cv2.circle(picture, centre, int(2 + 14 * (depth - 0.68)), hue, -1)
    flow = np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float64)
    return np.clip(picture, 0.02, 0.98).astype(np.float32), flow


def style(height: int, width: int, seed: int) -> Image:
    """The landscape, painted in thick strokes."""
    picture, flow = landscape(height, width, seed)
    canvas = Canvas(height, width, (0.30, 0.16, 0.12), seed)
    paint(picture, canvas, flow, (11.0, 6.0, 3.2), tolerance=0.05, length=8.0, streak=0.07)
    return canvas.picture(relief=0.16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1006)
    commands = parser.add_subparsers(dest="command", required=True)
    of_plate = commands.add_parser("key", help="paint a plate")
    of_plate.add_argument("plate", type=Path)
    of_plate.add_argument("out", type=Path)
    invented = commands.add_parser("style", help="paint a landscape")
    invented.add_argument("out", type=Path)
    asked = parser.parse_args()
    save(asked.out, key(asked.plate, asked.seed) if asked.command == "key" else style(480, 720, asked.seed))


if __name__ == "__main__":
    main()
