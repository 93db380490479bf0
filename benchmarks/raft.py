"""RAFT small beside torchvision's on the same weights, pictures and threads: seconds a pair and end-point error.

    python benchmarks/raft.py --assets DIR [--torchvision DIR] [--size 640x360] [--updates 12] [--runs 5]
        [--tiles 256] [--compiled] [--peak]

`--torchvision` names a folder with torchvision's Python package (an unpacked wheel); only its published RAFT is used,
which needs none of its compiled parts. Without it, an installed torchvision is tried, and else only ours is measured.
One pair is motion one way; ours are also measured both ways, which is what a shot needs: as they are, begun at half
size, in tiles, and polished. CPU seconds are those of all threads; on a busy machine they say more than seconds.
`--peak` prints the memory each takes; at sizes that take long, memory alone: `--size 4096x2160 --runs 0 --peak`.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))

from truth import SHOTS, TruthShot, srgb

from impasto.server.models.flow import raft_weights
from impasto.server.models.flow.raft import Raft
from impasto.server.models.flow.raft_estimator import RaftEstimator

Both = Callable[[Tensor, Tensor], tuple[Tensor, ...]]


def torchvision_raft(folder: Path | None) -> types.ModuleType | None:
    """The module of torchvision's RAFT, from an unpacked wheel or installed; None where there is none."""
    if folder is None:
        try:
            return importlib.import_module("torchvision.models.optical_flow.raft")
        except (ImportError, RuntimeError):
            return None

    class Absent:
        """Stands for what the RAFT of torchvision never uses: Pillow and the presets of its pictures."""

    def package(name: str, path: Path | None = None, **content: object) -> None:
        module = types.ModuleType(name)
        module.__path__ = [str(path)] if path else []
        module.__dict__.update(content)
        sys.modules[name] = module

    root = folder / "torchvision"
    for part in ("Image", "ImageColor", "ImageDraw", "ImageFont"):
        package(f"PIL.{part}", Image=Absent, ImageDraw=Absent)
    package("PIL", __version__="", **{name[4:]: sys.modules[name] for name in list(sys.modules) if name[:4] == "PIL."})
    package("torchvision", root)
    sys.modules["torchvision"].utils = importlib.import_module("torchvision.utils")  # type: ignore[attr-defined]
    package("torchvision.ops", root / "ops")
    ops = importlib.import_module("torchvision.ops.misc")
    sys.modules["torchvision.ops"].Conv2dNormActivation = ops.Conv2dNormActivation  # type: ignore[attr-defined]
    package("torchvision.models", root / "models")
    package("torchvision.models.optical_flow", root / "models" / "optical_flow")
    package("torchvision.transforms", root / "transforms")
    package("torchvision.transforms._presets", OpticalFlow=Absent)
    return importlib.import_module("torchvision.models.optical_flow.raft")


def theirs(module: types.ModuleType, net: Raft, updates: int) -> Both:
    """Torchvision's net with our weights."""
    made: nn.Module = module.raft_small().eval()
    state = net.state_dict()
    made.load_state_dict({key: state[_ours(key)] for key in made.state_dict()})

    @torch.no_grad()
    def measure(first: Tensor, second: Tensor) -> tuple[Tensor]:
        return (made(2 * first - 1, 2 * second - 1, num_flow_updates=updates)[-1],)

    return measure


def _ours(key: str) -> str:
    return next(iter(raft_weights.renamed({key: torch.zeros(())}, "small")))


def ours(weights: Path, updates: int, precision: str, compiled: bool) -> Both:
    """Our net one way with all threads, as torchvision's runs; compiled or as it is."""
    dtype = getattr(torch, precision)
    net = raft_weights.load(weights, "small").to(dtype)
    run = torch.compile(net, dynamic=False) if compiled else net

    @torch.no_grad()
    def measure(first: Tensor, second: Tensor) -> tuple[Tensor]:
        a, b = ((2 * each - 1).to(dtype).contiguous(memory_format=torch.channels_last) for each in (first, second))
        return (run(a, net.features(a), net.features(b), updates=updates),)

    return measure


def pairs(assets: Path, size: tuple[int, int]) -> list[tuple[Tensor, Tensor, np.ndarray, np.ndarray]]:
    """The first pair of each truth shot in display-like colour, its motion and where that is valid, at `size`."""
    found = []
    for name in SHOTS:
        shot = TruthShot(assets / "shots" / name)
        frames = [torch.from_numpy(srgb(shot.plate(frame)))[None] for frame in shot.frames[:2]]
        frames = [F.interpolate(each, size, mode="area") if each.shape[-2:] != size else each for each in frames]
        truth = shot.truth(shot.frames[0])
        found.append((frames[0], frames[1], truth.forward, truth.valid))
    return found


def measured(measure: Both, data: list, runs: int) -> tuple[float, float, float]:
    """Median seconds and CPU seconds a call, and mean end-point error over valid pixels (NaN at another size)."""
    errors: list[float] = []
    if not runs:
        return float("nan"), float("nan"), float("nan")
    for first, second, truth, valid in data:
        motion = measure(first, second)[0][0].float().numpy()
        same = motion.shape[-2:] == truth.shape[-2:]
        errors.append(np.hypot(*(motion - truth))[valid].mean() if same else float("nan"))
    wall, cpu = [], []
    for _ in range(runs):
        clock, spent = time.perf_counter(), time.process_time()
        measure(*data[0][:2])
        wall.append(time.perf_counter() - clock)
        cpu.append(time.process_time() - spent)
    return statistics.median(wall), statistics.median(cpu), float(np.mean(errors))


def ways(wish: argparse.Namespace) -> dict[str, tuple[Callable[[], Both], int]]:
    """What is measured, by name: how it is made, and how many directions a call finds."""
    weights, rows = wish.assets / "weights" / "raft-small-princeton.pth", {}
    if module := torchvision_raft(wish.torchvision):
        rows["torchvision float32"] = (lambda: theirs(module, raft_weights.load(weights, "small"), wish.updates), 1)
    for compiled in (False, True) if wish.compiled else (False,):
        for precision in ("float32", "bfloat16"):
            name = f"ours {precision}{' compiled' if compiled else ''}"
            rows[name] = (partial(ours, weights, wish.updates, precision, compiled), 1)
    for precision in ("float32", "bfloat16"):
        for name, options in {
            "": {},
            "half": {"half": True},
            f"tiles {wish.tiles}": {"tiles": wish.tiles},
            "polished": {"polish": True},
        }.items():
            rows[f"ours {precision} both ways {name}".rstrip()] = (partial(both, weights, wish, precision, options), 2)
    return rows


def both(weights: Path, wish: argparse.Namespace, precision: str, options: dict[str, Any]) -> Both:
    """The product's estimator: both ways at once, a thread each."""
    net = raft_weights.load(weights, "small")
    rest = {"polish": False, "updates": wish.updates, "settled": wish.settled, "precision": precision}
    return RaftEstimator(net, **(rest | options)).both


def peaks(wish: argparse.Namespace) -> None:
    """The most memory each way takes beyond what the process holds before, each in a process of its own."""
    print(f"\nMiB at the most for one pair of {wish.size}, beyond the program, weights and pictures")
    for name in ways(wish):
        command = [sys.executable, __file__, *sys.argv[1:], "--only", name]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        print(f"{name:<38} {int(told) >> 20:8}", flush=True)


def peak(wish: argparse.Namespace) -> None:
    """Print the bytes this process grows by while it measures one pair one way; see `peaks`."""
    width, height = (int(side) for side in wish.size.split("x"))
    measure = ways(wish)[wish.only][0]()
    picture = F.interpolate(torch.rand(1, 3, height // 4, width // 4), (height, width), mode="bilinear")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    measure(picture, picture.roll(3, -1))
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, required=True)
    parser.add_argument("--torchvision", type=Path)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--updates", type=int, default=12)
    parser.add_argument("--settled", type=float, default=0.0, help="pixels, see RaftEstimator; the product takes 0.01")
    parser.add_argument("--tiles", type=int, default=256)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--compiled", action="store_true", help="also torch.compile, which needs a C++ compiler")
    parser.add_argument("--peak", action="store_true", help="also the memory each takes, in a process of its own")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    wish = parser.parse_args()
    if wish.only:
        peak(wish)
        return
    width, height = (int(side) for side in wish.size.split("x"))
    data = pairs(wish.assets, (height, width))
    print(f"RAFT small, {wish.size}, {wish.updates} updates, {torch.get_num_threads()} threads, median of {wish.runs}")
    print(f"{'':<38} {'s a way':>8} {'CPU-s':>7} {'faster':>7} {'by CPU':>7} {'EPE':>7}")
    first = (0.0, 0.0)
    for name, (make, count) in ways(wish).items():
        wall, cpu, error = measured(make(), data, wish.runs)
        wall, cpu = wall / count, cpu / count
        first = first if any(first) else (wall, cpu)
        ratios = f"{first[0] / wall:6.2f}x {first[1] / cpu:6.2f}x"
        print(f"{name:<38} {wall:8.3f} {cpu:7.3f} {ratios} {error:7.3f}", flush=True)
    if wish.peak:
        peaks(wish)


if __name__ == "__main__":
    main()
