"""Nets of style against the plain form a user would run: the same net in eager PyTorch, float32, one run, same threads.

python benchmarks/style.py [--assets DIR] [--sizes 640x360 1280x720 1920x1080] [--threads N] [--rounds N] [--compiled]
                           [--johnson FILE] [--impasto FILE] [--patches] [--device cuda]

CPU seconds a frame (noise of other work on the machine stays out of them; with CUDA: seconds and frames a second),
ratio to the plain form of the same net, and to the plain Johnson net at the same size. Ours paints as a job does:
statistics frozen into the weights, the style's modulation too, channels last, and in bfloat16 or compiled where asked.
A net whose weights are not at hand is filled with seeded numbers, which costs the same; the table says so.

`--patches` prints the patch painter `swd` as well: seconds of a whole frame and of little newborn paint, and how near
it comes to the style: sliced Wasserstein distance of 7x7 patches at full and half size, over the unpainted plate's.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from impasto.server import plates
from impasto.server.models.card import BUNDLED
from impasto.server.models.style import adain, files, impasto, johnson, microast, swd
from impasto.server.models.style.feedforward import FeedForwardPainter, style_at
from impasto.server.models.style.transport import directions, quantiles
from impasto.server.models.style.vgg19 import NormalisedVGG19, load_normalised
from impasto.server.plates import srgb

PROJECT = Path(__file__).resolve().parents[1]
SHOT = PROJECT / "examples" / "shot"


@dataclass(frozen=True)
class Case:
    """One net: how a user would run it, and how we do."""

    name: str
    net: torch.nn.Module
    plain: Callable[[Tensor], Tensor]
    ours: FeedForwardPainter


def johnson_case(path: Path | None, scratch: Path) -> Case:
    seeded = path is None
    if path is None:
        path = scratch / "johnson.pth"
        torch.save(johnson.JohnsonNet().state_dict(), path)
    net = johnson.JohnsonNet().eval()
    net.load_state_dict(johnson.load(path))
    return Case(named("johnson", seeded), net, lambda x: net(x * 255.0) / 255.0, johnson.build(path))


def impasto_case(path: Path | None, style: Tensor, scratch: Path) -> Case:
    bundled = BUNDLED / "impasto.safetensors"
    seeded = path is None and not bundled.is_file()
    if path is None:
        path = bundled
    if seeded:
        path = scratch / "impasto.safetensors"
        save_file(impasto.ImpastoNet().state_dict(), path)
    net = impasto.load(path)
    code = net.code(style_at(style, 1.0))
    return Case(named("impasto", seeded), net, lambda x: net(x, code.to(x.device)), impasto.build(style, path))


def microast_case(folder: Path, style: Tensor, scratch: Path) -> Case:
    seeded = not folder.is_dir()
    if seeded:
        folder, net = scratch, microast.MicroAST()
        for part, name in microast.FILES.items():
            torch.save(net.get_submodule(part).state_dict(), folder / name)
    paths = microast.files_in(folder)
    net = microast.load(*paths)
    known: dict[torch.device, microast.Style] = {}

    def plain(x: Tensor) -> Tensor:
        if x.device not in known:
            known[x.device] = microast.Style.of(net.style, net.modulator, style_at(style, 1.0).to(x.device))
        return net(x, known[x.device])

    return Case(named("microast", seeded), net, plain, microast.build(style, *paths))


def adain_case(folder: Path, style: Tensor, scratch: Path) -> Case:
    seeded = not folder.is_dir()
    decoder, encoder = folder / "feature_invertor_conv3_1.pth", folder / "vgg_normalised_conv3_1.pth"
    if seeded:
        decoder, encoder = scratch / "decoder.pth", scratch / "encoder.pth"
        torch.save(adain.Decoder("relu3_1").state_dict(), decoder)
        torch.save(NormalisedVGG19("relu3_1").state_dict(), encoder)
    net, depth = adain.load(decoder)
    vgg = load_normalised(encoder, depth)
    look = adain.AdaIN(vgg, net, depth, [style_at(style, 1.0)], torch.ones(1))
    return Case(named(f"adain {depth}", seeded), look, look, adain.build(style, decoder, encoder))


def named(name: str, seeded: bool) -> str:
    return f"{name} (seeded)" if seeded else name


def clock(paint: Callable[[Tensor], Tensor], frame: Tensor, rounds: int, device: str) -> float:
    """Seconds of one call, the least of `rounds` after one to warm up: CPU seconds, on CUDA those passed."""
    now = time.process_time if device == "cpu" else time.perf_counter
    times = []
    for _ in range(rounds + 1):
        if device != "cpu":
            torch.cuda.synchronize()
        begun = now()
        paint(frame)
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(now() - begun)
    return min(times[1:])


def ways(case: Case, frame: Tensor, asked: argparse.Namespace) -> dict[str, Callable[[Tensor], Tensor]]:
    """Every way a net is run, the plain one first."""
    frozen = replace(case.ours, tile=None, device=asked.device).prepare([frame])
    found: dict[str, Callable[[Tensor], Tensor]] = {
        "float32": frozen.paint,
        "bfloat16": replace(frozen, precision="bfloat16").paint,
    }
    if asked.compiled:
        found["float32 compiled"] = replace(frozen, compiled=True).paint
        found["bfloat16 compiled"] = replace(frozen, precision="bfloat16", compiled=True).paint
    return found


@torch.no_grad()
def nets(cases: list[Case], asked: argparse.Namespace) -> None:
    unit = "CPU s" if asked.device == "cpu" else "s"
    print(f"{'size':>10} {'net':18} {'way':18} {unit:>8} {'x plain':>8} {'x johnson':>9} {'frames/s':>9}")
    for size in asked.sizes:
        width, height = map(int, size.split("x"))
        frame = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))
        on_device = frame.to(asked.device)
        peer = 0.0
        for case in cases:
            plain = clock(lambda x, case=case: case.plain(x), on_device, asked.rounds, asked.device)
            peer = peer or plain
            rows = {"plain": plain} | {
                way: clock(paint, frame, asked.rounds, asked.device) for way, paint in ways(case, frame, asked).items()
            }
            for way, seconds in rows.items():
                ratios = f"{plain / seconds:8.2f} {peer / seconds:9.2f} {1 / seconds:9.2f}"
                print(f"{size:>10} {case.name:18} {way:18} {seconds:8.3f} {ratios}", flush=True)


def shown(path: Path) -> Tensor:
    plate = plates.read(path)
    rgb, _, _ = plates.picture(plate, plate.views[0], plate.data_window, plates.ColourSpace.resolve("auto", plate))
    return torch.from_numpy(np.ascontiguousarray(srgb.encode(rgb)))[None]


def style_distance(first: Tensor, second: Tensor) -> float:
    def statistics(picture: Tensor) -> list[Tensor]:
        filters = directions(64, 147, torch.Generator().manual_seed(1))
        return [quantiles(filters @ F.unfold(F.avg_pool2d(picture, scale), 7, stride=2)[0]) for scale in (1, 2)]

    pairs = zip(statistics(first), statistics(second), strict=True)
    return float(np.mean([float((a - b).abs().mean()) for a, b in pairs]))


def newborn(share: float, height: int, width: int) -> Tensor:
    """A block in the middle."""
    where = torch.zeros(1, 1, height, width, dtype=torch.bool)
    high, wide = round(height * share**0.5), round(width * share**0.5)
    top, left = (height - high) // 2, (width - wide) // 2
    where[..., top : top + high, left : left + wide] = True
    return where


def patches(style: Tensor) -> None:
    plate = shown(SHOT / "plate.1006.exr")
    height, width = plate.shape[-2:]
    manner = F.interpolate(
        style, size=(height, round(height * style.shape[-1] / style.shape[-2])), mode="bilinear", antialias=True
    )
    painter = swd.build(style)
    begun = time.process_time()
    painted = painter.paint(plate)
    near = style_distance(painted, manner) / style_distance(plate, manner)
    print(f"swd {width}x{height}: {time.process_time() - begun:.2f} CPU s, style distance {near:.2f} of the plate's")
    for share in (0.05, 0.2):
        begun = time.process_time()
        painter.paint(plate, start=painted, where=newborn(share, height, width))
        print(f"swd, newborn {share:.0%}: {time.process_time() - begun:.2f} CPU s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("IMPASTO_ASSETS", PROJECT.parent / "shared" / "assets"))
    parser.add_argument("--assets", type=Path, default=default)
    parser.add_argument(
        "--sizes", nargs="+", default=["640x360", "1280x720", "1920x1080"], help="sides of multiples of 8"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--johnson", type=Path, help="weights with pytorch/examples keys")
    parser.add_argument("--impasto", type=Path, help="weights of the look of the house")
    parser.add_argument("--compiled", action="store_true", help="compiled as well; compiling takes minutes")
    parser.add_argument("--patches", action="store_true", help="the patch painter as well")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    if asked.device != "cpu" and not torch.cuda.is_available():
        parser.error("there is no CUDA device here")
    weights = asked.assets / "weights"
    mosaic = weights / "johnson" / "mosaic.pth"
    style = files.read_picture(SHOT / "style.png")
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        scratch = Path(folder)
        cases = [
            johnson_case(asked.johnson or (mosaic if mosaic.is_file() else None), scratch),
            impasto_case(asked.impasto, style, scratch),
            microast_case(weights / "microast", style, scratch),
            adain_case(weights / "vgg19-normalised", style, scratch),
        ]
        for case in cases:
            case.net.to(asked.device)
        print(f"{asked.device}, {asked.threads} threads, {asked.rounds} rounds")
        nets(cases, asked)
    if asked.patches:
        patches(style)


if __name__ == "__main__":
    main()
