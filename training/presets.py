"""Measures paintings in the public domain into the presets: a palette, a stroke, and the bundled look's code.

    python training/presets.py --assets DIR [--weights FILE] [--out DIR]

Only numbers are kept, no pixel of a painting. Run it again whenever the bundled look's weights change: its codes are
of one file of weights and are not used with another.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from data import read, resized

from impasto.server.models import weights
from impasto.server.models.card import BUNDLED
from impasto.server.models.style import impasto
from impasto.server.models.style.feedforward import style_at
from impasto.server.models.style.presets import HEIGHT
from impasto.server.ops.flatten import luma

COLOURS = 10
"""Of a palette."""


@dataclass(frozen=True)
class Source:
    """A painting and what a preset made from it is called; `hand` is the way our program draws in its manner."""

    name: str
    file: str
    artist: str
    work: str
    died: int
    hand: str
    summary: str


SOURCES = (
    Source("oils", "vincent_van_gogh_irises", "Vincent van Gogh", "Irises", 1890, "strokes", "Thick short strokes"),
    Source("gouache", "paul_gauguin_when_will_you_marry", "Paul Gauguin", "When Will You Marry?", 1903, "fields",
           "Broad matt fields with dry-brush edges"),
    Source("hatching", "william_blake_christ_in_the_sepulchre_guarded_by_angels", "William Blake",
           "Christ in the Sepulchre, Guarded by Angels", 1827, "lines",
           "Ink lines, closer and crosswise where it is dark"),
    Source("dots", "georges_seurat_un_dimanche_apres_midi_a_l_ile_de_la_grande_jatte", "Georges Seurat",
           "A Sunday on La Grande Jatte", 1891, "dots", "Short dabs set close side by side"),
    Source("gale", "joseph_mallord_william_turner_dutch_boats_in_a_gale", "J. M. W. Turner", "Dutch Boats in a Gale",
           1851, "strokes", "Sweeping strokes of storm and light"),
    Source("scream", "edvard_munch_the_scream", "Edvard Munch", "The Scream", 1944, "strokes",
           "Long winding strokes"),
)  # fmt: skip


def palette(picture: np.ndarray) -> list[list[float]]:
    """Colours and their shares, darkest first: k-means over (H, W, 3) RGB 0..1; rows of R, G, B, share."""
    pixels = picture.reshape(-1, 3)[::3]
    cv2.setRNGSeed(1)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 40, 1e-4)
    _, labels, centres = cv2.kmeans(pixels, COLOURS, np.empty(0, np.int32), stop, 3, cv2.KMEANS_PP_CENTERS)
    shares = np.bincount(labels[:, 0], minlength=COLOURS) / len(labels)
    order = np.argsort(centres @ np.array([0.2126, 0.7152, 0.0722]))
    return [[*(round(float(c), 3) for c in centres[i]), round(float(shares[i]), 4)] for i in order]


def stroke(picture: torch.Tensor) -> tuple[float, float]:
    """Width of a stroke in pixels of a picture `HEIGHT` high, and how far strokes agree in direction, 0..1.

    The width is Rice's distance between zero crossings, pi sigma / sigma', across the strokes, of what is finer than
    24 pixels; the agreement is the structure tensor's coherence, weighted by its energy.
    """
    grey = luma(picture[None])[0, 0].numpy()
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 8.0)
    gx, gy = cv2.Sobel(fine, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(fine, cv2.CV_32F, 0, 1, scale=0.125)
    xx, xy, yy = (cv2.GaussianBlur(product, (0, 0), 5.0) for product in (gx * gx, gx * gy, gy * gy))
    across = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    strongest = (xx + yy + across) / 2
    width = np.pi * float(fine.std()) / float(np.sqrt(strongest.mean()))
    return round(width, 2), round(float(across.sum() / (xx + yy).sum()), 3)


def measured(source: Source, picture: torch.Tensor, net: impasto.ImpastoNet, digest: str) -> dict[str, object]:
    """What a preset's file holds."""
    small = resized(picture, HEIGHT)
    width, agreement = stroke(small)
    with torch.no_grad():
        code = net.code(style_at(picture[None], 1.0))[0]
    return {
        "name": source.name,
        "summary": f"{source.summary}, after {source.artist}, {source.work}.",
        "after": f"{source.artist}, {source.work}; in the public domain, the artist died in {source.died}",
        "licence": "CC0-1.0",
        "made_by": "training/presets.py; numbers measured on the painting, none of its pixels",
        "hand": source.hand,
        "palette": palette(small.permute(1, 2, 0).numpy()),
        "stroke": width,
        "agreement": agreement,
        "impasto": {"weights": digest, "code": [round(float(value), 4) for value in code]},
    }


def main() -> None:
    """Write every preset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, required=True, help="the folder with pictures/masters")
    parser.add_argument("--weights", type=Path, default=BUNDLED / "impasto.safetensors", help="of the bundled look")
    parser.add_argument("--out", type=Path, default=BUNDLED / "presets")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    net, digest = impasto.load(options.weights), weights.digest(options.weights)
    for source in SOURCES:
        picture = read(options.assets / "pictures" / "masters" / f"{source.file}.jpg")
        told = measured(source, picture, net, digest)
        text = json.dumps(told, indent=1)
        (options.out / f"{source.name}.json").write_text(text + "\n", encoding="utf-8")
        print(source.name, told["stroke"], told["agreement"], told["palette"])


if __name__ == "__main__":
    main()
