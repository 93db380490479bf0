"""What a large plate costs: the real command on a shot of 4096x2160 RGBA half, in a process of its own.

    python benchmarks/large.py [--size 4096x2160] [--frames 3] [--motion dis] [--style oils] [--look swd]
        [--options ...] [--keep DIR]

Prints, for `flow` and for `stylize`, what the plan expects of memory, the most memory the process held, CPU and wall
seconds a frame, and the size of the cache and of the frames written. The plate is noise in several sizes that pans
behind a disc, with alpha and values above 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from impasto.server import plates


def write_shot(folder: Path, frames: int, width: int, height: int) -> Path:
    """Plates of RGBA half; gives their pattern."""
    rng = np.random.default_rng(3)
    ground = sum(
        cv2.resize(rng.random((height // s + 2, width // s + 2, 3)).astype(np.float32), (width + 64, height)) / 4
        for s in (4, 16, 64, 256)
    )
    row, column = np.mgrid[:height, :width]
    window = plates.Window(0, 0, width, height)
    for place in range(frames):
        picture = ground[:, 8 * place : 8 * place + width].copy()
        disc = (row - height / 2) ** 2 + (column - width / 3 - 20 * place) ** 2 < (height / 5) ** 2
        picture[disc] = picture[disc] * 0.4 + np.float32([0.5, 0.2, 0.1])
        picture[: height // 20] *= 8.0
        channels = {name: picture[..., c].astype(np.float16) for c, name in enumerate("RGB")}
        channels["A"] = np.where(disc, 1.0, 0.5).astype(np.float16)
        plates.write(folder / f"p.{1001 + place}.exr", plates.Plate(channels, window, window))
    return folder / "p.####.exr"


def run(command: list[str], folder: Path) -> tuple[int, list[dict[str, object]], float, float]:
    """Exit code, events, MiB held at most, CPU seconds."""
    told = folder / "events"
    with told.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "impasto.cli", *command, "--events", "json"], stdout=out)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    events = [json.loads(line) for line in told.read_text().splitlines()]
    return process.returncode, events, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime


def size(folder: Path) -> float:
    """MiB of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def measure(name: str, wish: argparse.Namespace, shot: Path, folder: Path, *options: str) -> None:
    out, cache = folder / name, folder / f"cache-{name}"
    began = time.monotonic()
    code, events, memory, cpu = run(
        [name, str(shot), "--motion", wish.motion, *options, "--out", f"{out}/o.####.exr", "--cache", str(cache)],
        folder,
    )
    wall = time.monotonic() - began
    expected = next((event.get("memory_bytes") for event in events if event["type"] == "planned"), None)
    planned = f"{int(str(expected)) / 2**20:.0f} MiB planned, " if expected else ""
    print(
        f"{name:8} exit {code}  {wish.frames} frames of {wish.size}  {planned}{memory:.0f} MiB held  "
        f"{cpu / wish.frames:.1f} CPU-s and {wall / wish.frames:.1f} s a frame  "
        f"cache {size(cache):.0f} MiB  frames {size(out):.0f} MiB",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="4096x2160")
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--motion", default="dis")
    parser.add_argument("--style", default="oils")
    parser.add_argument("--look", default="swd")
    parser.add_argument("--options", nargs="*", default=[])
    parser.add_argument("--keep", type=Path)
    wish = parser.parse_args()
    width, height = map(int, wish.size.split("x"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = wish.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        shot = write_shot(folder, wish.frames, width, height)
        measure("flow", wish, shot, folder)
        measure("stylize", wish, shot, folder, "--style", wish.style, "--look", wish.look, *wish.options)


if __name__ == "__main__":
    main()
