"""Live: frames a second and latency, for the engine alone and over a loopback connection, by size.

Plays a shot there and back, as fast as it goes and then paced at 24 frames a second, and prints for each size: frames a
second, latency p50 and p99, CPU milliseconds a frame of the engine's thread and of the whole process, and how much of
the picture wore carried paint. The machine may be busy: the CPU figures say what two free cores would reach.

    python benchmarks/live.py [--style FILE] [--look impasto] [--sizes 320x180 640x360] [--frames 96]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from impasto.client import Client
from impasto.sequences import Digests, SequencePattern
from impasto.server import plates
from impasto.server.config import ServerConfig
from impasto.server.jobs.inputs.places import Places
from impasto.server.jobs.live import LiveStream
from impasto.server.jobs.records.cache import Cache
from impasto.server.plates import srgb
from impasto.server.rpc.server import start
from impasto.v1.live_pb2 import PIXEL_FORMAT_RGB_8, PIXEL_FORMAT_RGBA_HALF, LiveSettings

PROJECT = Path(__file__).resolve().parent.parent
RATE = 24.0


@dataclass
class Figures:
    """One run: seconds between answers, latencies, CPU."""

    name: str
    seconds: float
    latencies: list[float]
    carried: list[float]
    engine_cpu: float
    cpu: float

    def row(self) -> dict[str, object]:
        ordered = sorted(self.latencies)

        def at(share: float) -> float:
            return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

        count = len(ordered)
        return {
            "run": self.name,
            "fps": round(count / self.seconds, 1),
            "p50_ms": round(at(0.5), 1),
            "p99_ms": round(at(0.99), 1),
            "engine_cpu_ms": round(1000 * self.engine_cpu / count, 1),
            "process_cpu_ms": round(1000 * self.cpu / count, 1),
            "carried": round(float(np.mean(self.carried)), 3),
        }


def shot(pattern: str, size: tuple[int, int], half: bool, count: int) -> list[bytes]:
    """Frames of a shot there and back, in the stream's pixels."""
    pictures = []
    for _, path in sorted(SequencePattern.parse(pattern).on_disk().items()):
        plate = plates.read(path)
        rgb, _, _ = plates.picture(plate, plate.views[0], plate.data_window, plates.ColourSpace.resolve("", plate))
        frame = cv2.resize(np.ascontiguousarray(np.moveaxis(rgb, 0, -1)), size, interpolation=cv2.INTER_AREA)
        if half:
            whole = np.ones((*frame.shape[:2], 4), np.float16)
            whole[..., :3] = np.clip(frame, -65504, 65504)
            pictures.append(whole.tobytes())
        else:
            pictures.append((np.clip(srgb.encode(frame), 0, 1) * 255 + 0.5).astype(np.uint8).tobytes())
    cycle = pictures + pictures[-2:0:-1]
    return [cycle[place % len(cycle)] for place in range(count)]


def engine(settings: LiveSettings, places: Places, config: ServerConfig, frames: list[bytes], rate: float) -> Figures:
    """The engine alone, in this process."""
    stream = LiveStream(settings, places, config)
    stream.make(frames[0])  # the first painting is waited for
    latencies, carried = [], []
    began, cpu, thread, due = time.perf_counter(), time.process_time(), time.thread_time(), time.perf_counter()
    for frame in frames:
        if rate:
            time.sleep(max(0.0, due - time.perf_counter()))
            due += 1 / rate
        at = time.perf_counter()
        carried.append(stream.make(frame).carried)
        latencies.append(time.perf_counter() - at)
    figures = Figures(
        f"engine {'at 24' if rate else 'flat out'}",
        time.perf_counter() - began,
        latencies,
        carried,
        time.thread_time() - thread,
        time.process_time() - cpu,
    )
    stream.close()
    return figures


def loopback(client: Client, settings: LiveSettings, style: Path, frames: list[bytes], rate: float) -> Figures:
    """The same through client and server over TCP; latency is from `send` to the whole frame in hand."""
    half = settings.format == PIXEL_FORMAT_RGBA_HALF
    sent: dict[int, float] = {}
    with client.live(
        settings.width,
        settings.height,
        style=style,
        look=settings.look,
        pixels="half" if half else "rgb8",
        paint_width=settings.paint_width,
        paint_every=settings.paint_every,
    ) as stream:

        def feed() -> None:
            stream.send(-1, frames[0])
            ready.wait()
            due = time.perf_counter()
            for number, frame in enumerate(frames):
                if rate:
                    time.sleep(max(0.0, due - time.perf_counter()))
                    due += 1 / rate
                sent[number] = time.perf_counter()
                stream.send(number, frame)
            stream.finish()

        ready = threading.Event()
        threading.Thread(target=feed, daemon=True).start()
        next(stream)
        ready.set()
        began, cpu = time.perf_counter(), time.process_time()
        latencies, carried = [], []
        for frame in stream:
            latencies.append(time.perf_counter() - sent[frame.number])
            carried.append(frame.carried)
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    return Figures(f"loopback {'at 24' if rate else 'flat out'}", seconds, latencies, carried, 0.0, used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    example = PROJECT / "examples" / "shot" / "style.png"
    parser.add_argument("--style", type=Path, default=example, help="a weights file or picture")
    parser.add_argument("--plate", default=str(PROJECT / "examples" / "shot" / "plate.####.exr"))
    parser.add_argument("--sizes", nargs="*", default=["320x180", "480x270", "640x360", "960x540"])
    parser.add_argument("--frames", type=int, default=96)
    parser.add_argument("--paint-width", type=int, default=320)
    parser.add_argument("--paint-every", type=int, default=6)
    parser.add_argument("--look", default="impasto", help="id of the model that paints after a picture")
    parser.add_argument("--half", action="store_true", help="scene-linear half RGBA instead of sRGB bytes")
    parser.add_argument("--json", action="store_true")
    values = parser.parse_args()
    style = values.style.absolute()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = ServerConfig(
            listen="127.0.0.1:0",
            state_dir=folder / "state",
            cache_dir=folder / "cache",
            roots=(style.parent,),
            log_level="error",
            temporary=True,
        )
        places = Places(
            config.roots, Cache(config.cache_dir, config.cache_bytes, folder / "uploads"), folder / "frames"
        )
        running = start(config)
        rows = []
        with Client.connect(running.address, token=running.token, cache=folder / "digests") as client:
            digest = Digests(folder / "digests").of(style)
            for size in values.sizes:
                width, height = (int(side) for side in size.split("x"))
                frames = shot(values.plate, (width, height), values.half, values.frames)
                settings = LiveSettings(
                    width=width,
                    height=height,
                    format=PIXEL_FORMAT_RGBA_HALF if values.half else PIXEL_FORMAT_RGB_8,
                    paint_width=values.paint_width,
                    paint_every=values.paint_every,
                    look=values.look,
                )
                settings.style.name = style.name
                settings.style.file.path, settings.style.file.sha256 = str(style), digest.sha256
                for rate in (0.0, RATE):
                    rows.append({"size": size, **engine(settings, places, config, frames, rate).row()})
                    rows.append({"size": size, **loopback(client, settings, style, frames, rate).row()})
        running.stop()
    if values.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{style.name}, painting at {values.paint_width or 'full'} columns, {values.frames} frames")
    print(f"{'size':<10}{'run':<18}{'fps':>7}{'p50 ms':>9}{'p99 ms':>9}{'engine CPU':>12}{'all CPU':>9}{'carried':>9}")
    for row in rows:
        print(
            f"{row['size']:<10}{row['run']:<18}{row['fps']:>7}{row['p50_ms']:>9}{row['p99_ms']:>9}"
            f"{row['engine_cpu_ms'] or '':>12}{row['process_cpu_ms']:>9}{row['carried']:>9}"
        )
    reached = [r["size"] for r in rows if r["run"] == "engine at 24" and float(str(r["engine_cpu_ms"])) < 1000 / RATE]
    print(
        f"engine thread within {1000 / RATE:.1f} CPU ms a frame, a second core painting: up to {reached[-1:] or 'none'}"
    )


if __name__ == "__main__":
    main()
