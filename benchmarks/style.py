"""Seconds a frame and faithfulness of the style models at 640x360.

python benchmarks/style.py [--plate PLATE] [--style PICTURE] [--johnson WEIGHTS] [--threads N] [--out FOLDER]

Style distance: sliced Wasserstein distance of 7x7 patches to the style picture, at full and half size, over the same
of the unpainted plate: 1 is no style at all, 0 is the style's statistics. Content: correlation of luma, low-passed
over 8 pixels, with the plate's.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server import plates
from impasto.server.models.style import files, johnson, swd
from impasto.server.models.style.transport import directions, quantiles
from impasto.server.plates import srgb

SHOT = Path(__file__).resolve().parents[1] / "examples" / "shot"


def shown(path: Path) -> Tensor:
    plate = plates.read(path)
    rgb, _, _ = plates.picture(plate, plate.views[0], plate.data_window, plates.ColourSpace.resolve("auto", plate))
    return torch.from_numpy(np.ascontiguousarray(srgb.encode(rgb)))[None]


def statistics(picture: Tensor) -> list[Tensor]:
    filters = directions(64, 147, torch.Generator().manual_seed(1))
    return [quantiles(filters @ F.unfold(F.avg_pool2d(picture, scale), 7, stride=2)[0]) for scale in (1, 2)]


def style_distance(first: Tensor, second: Tensor) -> float:
    pairs = zip(statistics(first), statistics(second), strict=True)
    return float(np.mean([float((a - b).abs().mean()) for a, b in pairs]))


def kept(painted: Tensor, plate: Tensor) -> float:
    luma = [F.avg_pool2d(picture.mean(1), 8).flatten() for picture in (painted, plate)]
    return float(torch.corrcoef(torch.stack(luma))[0, 1])


def newborn(share: float, height: int, width: int) -> Tensor:
    """A block in the middle."""
    where = torch.zeros(1, 1, height, width, dtype=torch.bool)
    high, wide = round(height * share**0.5), round(width * share**0.5)
    top, left = (height - high) // 2, (width - wide) // 2
    where[..., top : top + high, left : left + wide] = True
    return where


def save(folder: Path | None, name: str, picture: Tensor) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        pixels = (picture[0].permute(1, 2, 0).clamp(0, 1).numpy()[..., ::-1] * 255).round().astype(np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), pixels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plate", type=Path, default=SHOT / "plate.1006.exr")
    parser.add_argument("--style", type=Path, default=SHOT / "style.png")
    parser.add_argument("--johnson", type=Path, help="weights with pytorch/examples keys")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder for the pictures")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    plate, style = shown(asked.plate), files.read_picture(asked.style)
    height, width = plate.shape[-2:]
    size = (height, round(height * style.shape[-1] / style.shape[-2]))
    manner = F.interpolate(style, size=size, mode="bilinear", antialias=True)
    print(f"{asked.plate.name} {width}x{height}, {asked.threads} threads")

    def report(name: str, painter: swd.SlicedWassersteinPainter | johnson.JohnsonPainter, compare: bool) -> Tensor:
        painter.paint(plate[..., :64, :64])
        begun = time.perf_counter()
        painted = painter.paint(plate)
        seconds = time.perf_counter() - begun
        faith = f"style {style_distance(painted, manner) / style_distance(plate, manner):.2f}  " if compare else ""
        print(f"{name:24s} {seconds:6.2f} s  {faith}content {kept(painted, plate):.2f}")
        save(asked.out, name, painted)
        return painted

    painter = swd.build(style)
    painted = report("swd", painter, compare=True)
    for share in (0.05, 0.2):
        begun = time.perf_counter()
        painter.paint(plate, start=painted, where=newborn(share, height, width))
        print(f"{f'swd, newborn {share:.0%}':24s} {time.perf_counter() - begun:6.2f} s")
    report("swd, plate's colour", swd.build(style, preserve_colour=1.0), compare=False)
    if asked.johnson:
        report("johnson", johnson.build(asked.johnson), compare=False)


if __name__ == "__main__":
    main()
