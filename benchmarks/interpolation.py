"""How near frames in between come to the truth, beside a cross-fade and plain OpenCV DIS with splats, in one run.

    python benchmarks/interpolation.py [--assets ASSETS] [--motion MODEL] [--models splat ...] [--triplets Walking ...]
        [--shots orbit ...] [--pictures DIR] [--speed]

Prints PSNR / SSIM on pictures rounded to 8 bit, for every Middlebury triplet of the assets and for middle frames of the
truth shots (frames two apart, the one between as truth), and the means. Ours goes the product's way: plates as read,
exposure measured, motion and mattes of the shot, every channel along the course. With --speed also CPU seconds a frame
at 640x480 and 1920x1080, motion apart from the rest.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from truth import SHOTS, Array, srgb

from impasto.server import plates
from impasto.server.jobs.planning.spec import DEFAULT_MOTION
from impasto.server.models import catalogue, weights
from impasto.server.models.interpolation.interpolator import Interpolator
from impasto.server.ops.splat import fill, splat
from impasto.server.ops.threads import fixed_threads
from impasto.server.ops.warp import warp
from impasto.server.shots.analysis import analyse
from impasto.server.shots.motion import ComputedMotion
from impasto.server.shots.retime import Between, Moment
from impasto.server.shots.retimed_plate import Ends, Spacing, between


@dataclass
class TwoPlates:
    """Two plates as a shot, with a store that keeps nothing and nobody watching."""

    first: plates.Plate
    second: plates.Plate
    frames: tuple[int, ...] = (1, 2)
    pictures: dict[int, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for frame, plate in zip(self.frames, (self.first, self.second), strict=True):
            colour = plates.ColourSpace.resolve("auto", plate)
            rgb, _, _ = plates.picture(plate, plate.views[0], plate.data_window, colour)
            self.pictures[frame] = torch.from_numpy(np.ascontiguousarray(rgb))[None]
        self.height, self.width = self.pictures[1].shape[-2:]

    def readable(self, frame: int) -> bool:
        return True

    def picture(self, frame: int) -> Tensor:
        return self.pictures[frame]

    def digest(self, frame: int) -> str:
        return str(frame)

    def load(self, key: str) -> None: ...

    def save(self, key: str, arrays: object) -> None: ...

    def check(self) -> None: ...

    def stage(self, name: str, frame: int) -> None: ...

    def warn(self, message: str) -> None: ...


@dataclass
class Ours:
    """The product's way, without files.

    Args:
        motion: id of the flow model.
        models: by id.
        assets: where RAFT's weights are taken from.
    """

    motion: str
    models: dict[str, Interpolator]
    assets: Path
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def __call__(self, first: plates.Plate, second: plates.Plate) -> dict[str, Array]:
        """Linear RGB (3, H, W) half way, by model."""
        shot = TwoPlates(first, second)
        measured = analyse(shot, shot, shot)
        shaper = plates.Shaper(measured.exposure)
        estimator = self._estimator(measured.grain)
        motion = ComputedMotion(shot, estimator, "benchmark", shaper, measured.grain, shot, shot)
        found = {}
        start = time.process_time()
        join = Between(shot, motion, lambda frame: None, shot)
        join.joined(1, 2)
        self._took("motion and mattes", start)
        here = Moment(1, 2, 0.5)
        start = time.process_time()
        course = join.course(here)
        assert course is not None, "taken for a cut"
        pair, along = course
        window = first.data_window
        with fixed_threads():
            made = between(
                Ends(first, second, 1), window, dict.fromkeys(first.views, along), 0.5, Spacing(1, -1), False
            )
        self._took("splat", start)
        found["splat"] = np.stack([np.float32(made.channels[name]) for name in "RGB"])
        for name, model in self.models.items():
            start = time.process_time()
            found[name] = join.colour(pair, here, along, model)[0].numpy()
            self._took(name, start)
        return found

    def _took(self, what: str, start: float) -> None:
        self.seconds.setdefault(what, []).append(time.process_time() - start)

    def _estimator(self, grain: float) -> object:
        model = catalogue.find(self.motion, "flow")
        if not model.published:
            return model.build(grain=grain)
        return model.build(weights=self.assets / "weights" / "raft-small-princeton.pth", updates=20)


def cross_fade(first: Array, second: Array) -> Array:
    """The mean of two sRGB pictures."""
    return (first + second) / 2


def dis_splat(first: Array, second: Array) -> Array:
    """The textbook way: OpenCV's DIS, preset medium, and colours thrown forward from both sides, softmax-weighted."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [
        cv2.cvtColor((each.transpose(1, 2, 0) * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY) for each in (first, second)
    ]
    a, b = (torch.from_numpy(each)[None] for each in (first, second))
    total = torch.zeros_like(a[:, :1])
    sums = torch.zeros_like(a)
    for here, there, pair in ((a, b, grey), (b, a, grey[::-1])):
        motion = torch.from_numpy(dis.calc(*pair, None).transpose(2, 0, 1).copy())[None]
        weight = torch.exp(-20 * (here - warp(there, motion)).abs().mean(1, keepdim=True))
        arrived, counted = splat(here, motion / 2, weight)
        sums, total = sums + arrived, total + counted
    return fill(sums / total.clamp_min(1e-8), (total > 1e-6).float())[0].numpy()


def psnr(made: Array, true: Array) -> float:
    """Of pictures rounded to 8 bit, (3, H, W) 0..1."""
    error = float(((eight(made) - eight(true)) ** 2).mean())
    return 10 * np.log10(255**2 / max(error, 1e-9))


def ssim(made: Array, true: Array) -> float:
    """Structural similarity (Wang et al. 2004) of luma rounded to 8 bit: Gaussian window of 1.5 pixels."""
    x, y = (np.tensordot(np.float64([0.299, 0.587, 0.114]), eight(each), 1) for each in (made, true))

    def mean(values: Array) -> Array:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    index = (2 * mx * my + c1) * (2 * both + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(index.mean())


def eight(picture: Array) -> Array:
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.float64)


def coloured(plate: plates.Plate) -> Array:
    return np.stack([plate.channels[name].astype(np.float32) for name in "RGB"])


def judge(
    name: str, paths: tuple[Path, Path, Path], ours: Ours, pictures: Path | None
) -> dict[str, tuple[float, float]]:
    """One row: every way's PSNR and SSIM."""
    first, true, second = (plates.read(path) for path in paths)
    shown = [srgb(coloured(plate)) for plate in (first, true, second)]
    ways = {"cross-fade": cross_fade(shown[0], shown[2]), "DIS splat": dis_splat(shown[0], shown[2])}
    ways |= {model: srgb(made) for model, made in ours(first, second).items()}
    row = {way: (psnr(made, shown[1]), ssim(made, shown[1])) for way, made in ways.items()}
    print(f"{name:14}", "  ".join(f"{way} {p:5.2f}/{s:.4f}" for way, (p, s) in row.items()), flush=True)
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
        for way, made in {**ways, "truth": shown[1]}.items():
            cv2.imwrite(
                str(pictures / f"{name}-{way.replace(' ', '-')}.png"), np.uint8(eight(made)[::-1].transpose(1, 2, 0))
            )
    return row


def mean_of(title: str, rows: list[dict[str, tuple[float, float]]]) -> None:
    if rows:
        means = {way: np.mean([row[way] for row in rows], 0) for way in rows[0]}
        print(f"{title:14}", "  ".join(f"{way} {p:5.2f}/{s:.4f}" for way, (p, s) in means.items()))


def speed(ours: Ours, assets: Path) -> None:
    """CPU seconds a frame."""
    whole = plates.read(assets / "interpolation" / "Walking" / "frame10.png")
    other = plates.read(assets / "interpolation" / "Walking" / "frame11.png")
    for width, height in ((640, 480), (1920, 1080)):
        window = plates.Window(0, 0, width, height)
        sized = [{n: cv2.resize(np.float32(p.channels[n]), (width, height)) for n in "RGB"} for p in (whole, other)]
        pair = [plates.Plate(channels, window, window) for channels in sized]
        ours.seconds.clear()
        ours(*pair)
        print(f"{width}x{height}:", "  ".join(f"{what} {took[0]:.2f} CPU-s" for what, took in ours.seconds.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    project = Path(__file__).resolve().parent.parent
    default = os.environ.get("IMPASTO_ASSETS", project.parent / "shared" / "assets")
    parser.add_argument("--assets", type=Path, default=Path(default))
    parser.add_argument("--motion", default=DEFAULT_MOTION)
    parser.add_argument("--models", nargs="*", default=None, help="beside splat; default: those that need no download")
    parser.add_argument("--triplets", nargs="*", default=None)
    parser.add_argument("--shots", nargs="*", default=list(SHOTS))
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--speed", action="store_true")
    wish = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    known = {name: model for name, model in catalogue.catalogue().items() if model.family == "interpolation"}
    names = (
        wish.models if wish.models is not None else [n for n, m in known.items() if not m.published and n != "splat"]
    )
    ours = Ours(wish.motion, {name: built(known[name]) for name in names}, wish.assets)
    folder = wish.assets / "interpolation"
    triplets = wish.triplets if wish.triplets is not None else sorted(p.name for p in folder.iterdir() if p.is_dir())
    files = ("frame10.png", "frame10i11.png", "frame11.png")
    rows = [judge(name, tuple(folder / name / file for file in files), ours, wish.pictures) for name in triplets]
    mean_of("mean, triplets", rows)
    shots = []
    for name in wish.shots:
        for frame in (1002, 1006, 1010):
            paths = tuple(wish.assets / "shots" / name / f"plate.{frame + step}.exr" for step in (-1, 0, 1))
            shots.append(judge(f"{name} {frame}", paths, ours, wish.pictures))
    mean_of("mean, shots", shots)
    if wish.speed:
        speed(ours, wish.assets)


def built(model: object) -> Interpolator:
    build: Callable[..., Interpolator] = model.build  # type: ignore[attr-defined]
    if model.published:  # type: ignore[attr-defined]
        return build(weights=weights.default_store().ready(model))  # type: ignore[arg-type]
    return build()


if __name__ == "__main__":
    main()
