"""Looks side by side: how near the style, how near the plate, over unseen styles and plates, in one run.

    python benchmarks/looks.py [--weights FILE] [--styles 20] [--plates 10] [--swd] [--sheet PNG] [--card JSON]

Style distance: patches of 7x7 pixels at full and at half size, projected on 64 fixed random directions, mean distance
of the sorted responses (display-like units; 0 the same patches). Content distance: mean squared distance of VGG19's
relu3_1, each channel normalised over the picture (0 the same structure, 2 unrelated). The plate itself, unpainted,
stands beside as the zero of both. CPU seconds are those of painting one plate.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.models.card import BUNDLED
from impasto.server.models.style import impasto, microast, swd
from impasto.server.models.style.vgg19 import NormalisedVGG19, load_normalised

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "training"))

from data import read, resized, unseen  # noqa: E402

SIDE = 288
"""Pixels of the plates' shorter side; the styles' is the same."""


def plates(assets: Path) -> list[Path]:
    """Ten frames that no look of ours was trained on."""
    shots = [assets / "shots" / name / "plate.1006.exr" for name in ("highlight", "field")]
    names = ("Walking", "Beanbags", "Grove2", "Urban2", "RubberWhale", "Dimetrodon", "Hydrangea")
    photographs = [assets / "interpolation" / name / "frame10.png" for name in names]
    return [*shots, *photographs, min((assets / "video" / "davis" / "blackswan").glob("*.jpg"))]


def style_distance(painted: Tensor, style: Tensor) -> float:
    """See the module; both (1, 3, H, W), of any sizes."""
    random = torch.Generator().manual_seed(99)
    total = 0.0
    for factor in (1, 2):
        filters = torch.randn(64, 3, 7, 7, generator=random)
        filters = filters / filters.flatten(1).norm(dim=1)[:, None, None, None]
        ranks = torch.linspace(0, 1, 512)
        ours, theirs = (
            torch.quantile(F.conv2d(F.avg_pool2d(side, factor), filters, stride=2).flatten(2)[0][:, ::2], ranks, dim=1)
            for side in (painted, style)
        )
        total += float((ours - theirs).abs().mean()) / 2
    return total


def content_distance(net: NormalisedVGG19, painted: Tensor, plate: Tensor) -> float:
    """See the module; both (1, 3, H, W)."""
    ours, theirs = (F.instance_norm(net.features(side, ["relu3_1"])["relu3_1"], eps=1e-3) for side in (painted, plate))
    return float(F.mse_loss(ours, theirs))


def flicker(paint: Callable[[Tensor], Tensor], plate: Tensor) -> float:
    """Mean change of the painting when the plate gets grain of 0.01, over the change of the plate."""
    grain = 0.01 * torch.randn(plate.shape, generator=torch.Generator().manual_seed(5))
    change = (paint((plate + grain).clamp(0, 1)) - paint(plate)).abs().mean()
    return float(change / ((plate + grain).clamp(0, 1) - plate).abs().mean())


@torch.no_grad()
def main() -> None:
    """Print the table, and draw the sheet where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("IMPASTO_ASSETS", PROJECT.parent / "shared" / "assets"))
    parser.add_argument("--assets", type=Path, default=default)
    parser.add_argument(
        "--weights", type=Path, default=BUNDLED / "impasto.safetensors", help="of the look of the house"
    )
    parser.add_argument("--styles", type=int, default=20)
    parser.add_argument("--plates", type=int, default=10)
    parser.add_argument("--swd", action="store_true", help="measure the look without weights too; slow")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--card", type=Path, help="write the figures into this card of the weights")
    options = parser.parse_args()
    assets: Path = options.assets
    net = load_normalised(assets / "weights" / "vgg19-normalised" / "vgg_normalised_conv3_1.pth", "relu3_1")
    styles = [resized(read(path), SIDE)[None] for path in unseen(assets / "pictures" / "masters")[: options.styles]]
    frames = [resized(read(path), SIDE)[None] for path in plates(assets)[: options.plates]]
    scale, small = SIDE / 512, microast.files_in(assets / "weights" / "microast")
    looks: dict[str, Callable[[Tensor], Callable[[Tensor], Tensor]]] = {
        "plate": lambda _: lambda plate: plate,
        "microast": lambda style: microast.build(style, *small, style_scale=scale).paint,
        "impasto": lambda style: impasto.build(style, weights=options.weights, style_scale=scale).paint,
    }
    if options.swd:
        looks["swd"] = lambda style: swd.build(style).paint
    sums = {name: [0.0, 0.0, 0.0, 0.0] for name in looks}
    rows = []
    for style in styles:
        row = [style]
        for name, build in looks.items():
            paint = build(style)
            for index, plate in enumerate(frames):
                begun = time.process_time()
                painted = paint(plate).clamp(0, 1)
                sums[name][3] += time.process_time() - begun
                sums[name][0] += style_distance(painted, style)
                sums[name][1] += content_distance(net, painted, plate)
                if index == 0:
                    sums[name][2] += flicker(paint, plate) * len(frames)
                if index in (0, 2) and name != "plate":
                    row.append(painted)
        rows.append(row)
    print(f"{len(styles)} unseen styles, {len(frames)} plates, shorter side {SIDE}")
    print(f"{'look':10} {'style':>8} {'content':>8} {'grain':>8} {'CPU s':>8}")
    found = {name: [value / (len(styles) * len(frames)) for value in values] for name, values in sums.items()}
    for name, values in found.items():
        print(f"{name:10} " + " ".join(f"{value:8.4f}" for value in values))
    if options.card:
        write(options.card, found, len(styles), len(frames))
    if options.sheet:
        cells = [
            torch.cat([F.interpolate(cell, (180, 240), mode="bilinear", antialias=True)[0] for cell in row], -1)
            for row in rows
        ]
        pixels = torch.cat(cells, -2).clamp(0, 1).permute(1, 2, 0).flip(-1) * 255
        cv2.imwrite(str(options.sheet), pixels.round().byte().numpy())


def write(card: Path, found: dict[str, list[float]], styles: int, frames: int) -> None:
    """Put the figures into a card, as one sentence beside MicroAST's."""
    ours, theirs = found["impasto"], found["microast"]
    told = json.loads(card.read_text())
    told["metrics"] = (
        f"over {styles} unseen styles and {frames} plates, beside the official MicroAST: style distance {ours[0]:.4f} "
        f"against {theirs[0]:.4f}, content distance {ours[1]:.4f} against {theirs[1]:.4f}, answer to grain "
        f"{ours[2]:.2f} against {theirs[2]:.2f}"
    )
    card.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
