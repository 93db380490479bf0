"""What it is worth to begin while files are still arriving: one job with and without, over a slow line, in one run.

A server takes uploads no faster than `--rate`; a client sends a shot and asks for its motion. Told are the seconds
until the first finished frame lies on the client's disk, and until the last does: with the server waiting for all
files, with it beginning early while cuts are looked for, and with cuts known. The frames must be the same bits.

    python benchmarks/overlap.py [--frames 64] [--size 320x180] [--rate 800000] [--motion dis]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from impasto.client import Client, FrameDone
from impasto.server import plates
from impasto.server.config import ServerConfig
from impasto.server.jobs.inputs.arrivals import Arrivals
from impasto.server.rpc.server import start

WAITING, DETECT, KNOWN = "all files first", "early, cuts looked for", "early, no cuts"


def write_shot(folder: Path, frames: int, width: int, height: int) -> str:
    noise = np.random.default_rng(1).random((height + 16, width + 2 * frames + 16)).astype(np.float32)
    texture = cv2.GaussianBlur(noise, (0, 0), 2)
    window = plates.Window(0, 0, width, height)
    folder.mkdir()
    for step in range(frames):
        pixels = np.ascontiguousarray(texture[8 : 8 + height, 2 * step : 2 * step + width].astype(np.float16))
        plate = plates.Plate(dict.fromkeys("RGB", pixels), window, window, compression="none")
        plates.write(folder / f"p.{1001 + step}.exr", plate)
    return str(folder / "p.####.exr")


def run(way: str, shot: str, folder: Path, rate: int, motion: str) -> tuple[float, float, dict[str, bytes]]:
    """Seconds to the first frame and to the last, and the frames' pixels."""
    real = Arrivals.expect
    if way == WAITING:
        Arrivals.expect = lambda self, job, spec, everything=False: real(self, job, spec, True)  # type: ignore[method-assign]
    config = ServerConfig(
        listen=f"unix:{folder}/s", state_dir=folder / "state", cache_dir=folder / "cache", upload_rate=rate
    )
    server = start(config)
    try:
        with Client.connect(server.address, token=server.token, cache=folder / "digests") as client:
            began, first = time.perf_counter(), 0.0
            cuts = "none" if way != DETECT else "detect"
            for event in client.flow(shot, out=str(folder / "out" / "o.####.exr"), motion=motion, cuts=cuts):
                if isinstance(event, FrameDone) and not first:
                    first = time.perf_counter() - began
            total = time.perf_counter() - began
    finally:
        server.stop()
        Arrivals.expect = real  # type: ignore[method-assign]
    return first, total, {path.name: pixels(path) for path in sorted((folder / "out").glob("*.exr"))}


def pixels(path: Path) -> bytes:
    return b"".join(array.tobytes() for _, array in sorted(plates.read(path).channels.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--size", default="320x180")
    parser.add_argument("--rate", type=int, default=800_000, help="bytes a second")
    parser.add_argument("--motion", default="dis")
    asked = parser.parse_args()
    width, height = map(int, asked.size.split("x"))
    with tempfile.TemporaryDirectory(prefix="impasto-overlap-") as name:
        shot = write_shot(Path(name) / "plates", asked.frames, width, height)
        sent = sum(path.stat().st_size for path in (Path(name) / "plates").iterdir())
        print(f"{asked.frames} frames {asked.size}, {sent / 1e6:.1f} MB at {asked.rate / 1e6:.2f} MB/s, {asked.motion}")
        print(f"sending alone takes {sent / asked.rate:.1f} s")
        print(f"{'':<24} {'first frame':>12} {'last frame':>11} {'ratio':>6}")
        rows = {}
        for number, way in enumerate((WAITING, DETECT, KNOWN)):
            folder = Path(name) / str(number)
            folder.mkdir()
            rows[way] = run(way, shot, folder, asked.rate, asked.motion)
            first, total, _ = rows[way]
            print(f"{way:<24} {first:>10.1f} s {total:>9.1f} s {total / rows[WAITING][1]:>6.2f}", flush=True)
    if any(made != rows[WAITING][2] for _, _, made in rows.values()):
        raise SystemExit("the frames differ")
    print("all frames are the same bits")


if __name__ == "__main__":
    main()
