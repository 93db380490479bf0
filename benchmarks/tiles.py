"""A 4096x2160 frame in tiles against the same frame whole, statistics frozen: the largest difference, and the memory.

python benchmarks/tiles.py [--assets DIR] [--size 4096x2160] [--tile 1024] [--looks impasto microast johnson]

Each way runs in a process of its own; memory is the most it ever held (resident), and what it held before painting.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from impasto.server.models.card import BUNDLED
from impasto.server.models.style import files, impasto, johnson, microast
from impasto.server.models.style.feedforward import FeedForwardPainter

PROJECT = Path(__file__).resolve().parents[1]
SHOT = PROJECT / "examples" / "shot"
LOOKS = ("impasto", "microast", "johnson")


def painter(look: str, assets: Path) -> FeedForwardPainter:
    style = files.read_picture(SHOT / "style.png")
    torch.manual_seed(0)
    if look == "johnson":
        file = assets / "weights" / "johnson" / "mosaic.pth"
        return johnson.build(file) if file.is_file() else johnson.painter_of(johnson.JohnsonNet())
    if look == "microast":
        return microast.build(style, *microast.files_in(assets / "weights" / "microast"))
    bundled = BUNDLED / "impasto.safetensors"
    if bundled.is_file():
        return impasto.build(style, bundled)
    with tempfile.TemporaryDirectory() as folder:
        seeded = Path(folder) / "seeded.safetensors"
        from safetensors.torch import save_file

        save_file(impasto.ImpastoNet().state_dict(), seeded)
        return impasto.build(style, seeded)


def frame_of(width: int, height: int) -> torch.Tensor:
    """Noise of many sizes, the same every time."""
    draw = torch.Generator().manual_seed(1)
    frame = torch.zeros(1, 3, height, width)
    for octave in range(3, 10):
        size = (max(1, height >> octave), max(1, width >> octave))
        noise = torch.rand(1, 3, *size, generator=draw)
        frame += torch.nn.functional.interpolate(noise, (height, width), mode="bilinear") / 7
    return (frame - 0.5).mul(3).add(0.5).clamp(0, 1)


def held() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def paint(asked: argparse.Namespace) -> None:
    """One way, in this process; the picture goes to a file."""
    width, height = map(int, asked.size.split("x"))
    torch.set_num_threads(asked.threads)
    frame = frame_of(width, height)
    ready = replace(painter(asked.looks[0], asked.assets), tile=asked.tile or None).prepare([frame])
    before, begun = held(), time.process_time()
    painted = ready.paint(frame)
    print(f"{before} {held()} {time.process_time() - begun:.2f}")
    np.save(asked.out, painted.numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("IMPASTO_ASSETS", PROJECT.parent / "shared" / "assets"))
    parser.add_argument("--assets", type=Path, default=default)
    parser.add_argument("--size", default="4096x2160")
    parser.add_argument("--tile", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--looks", nargs="+", default=["impasto", "microast", "johnson"], choices=LOOKS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.out:
        paint(asked)
        return
    print(f"{asked.size}, {asked.threads} threads, tiles of {asked.tile}")
    for look in asked.looks:
        pictures = {}
        with tempfile.TemporaryDirectory() as folder:
            for way, tile in (("tiles", asked.tile), ("whole", 0)):
                out = Path(folder) / f"{way}.npy"
                options = ["--size", asked.size, "--tile", tile, "--threads", asked.threads, "--looks", look]
                options += ["--assets", asked.assets, "--out", out]
                command = [sys.executable, __file__, *map(str, options)]
                ran = subprocess.run(command, capture_output=True, text=True, check=True)
                before, most, seconds = ran.stdout.split()
                print(
                    f"{look:9} {way:6} {float(seconds):7.1f} CPU s, at most {int(most) / 2**30:.2f} GiB "
                    f"({int(before) / 2**30:.2f} before painting)",
                    flush=True,
                )
                pictures[way] = np.load(out)
        print(f"{look:9} largest difference {np.abs(pictures['tiles'] - pictures['whole']).max():.1e}", flush=True)


if __name__ == "__main__":
    main()
