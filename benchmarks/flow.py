"""How true motion and mattes are, beside OpenCV's DIS as it comes, in one run.

    python benchmarks/flow.py [--assets ASSETS] [--shots orbit ...] [--frames 1001 1004 1007 1010]
        [--models dis deepflow facets raft-small raft-small-raw] [--weights raft-small-princeton.pth] [--pictures DIR]

Prints, for every shot and model: mean end-point error over all valid pixels and over those visible in the other frame,
share of visible pixels under 1 px, both directions together; median CPU seconds a pair for both directions; F1 of the
occlusion mattes at 0.5, counts pooled over pairs and directions, for what is hidden within the frame and for what
leaves it, beside the plain forward/backward check. Peers see sRGB, clipped, 8 bit, as in their own examples; ours
sees what a job would show it, exposure and grain measured. Then, for RubberWhale, KITTI and FlyingChairs, the error
over all pixels with truth, its median and the share under 1 px; and for a plate that stands under fresh grain of .01
the mean length of the motion found. `raft-small` is polished, `raft-small-raw` is the net alone; both need --weights.
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
from pairs import pairs, still
from torch import Tensor
from truth import SHOTS, Array, Counts, TruthShot, endpoint_error, inside, srgb

from impasto.server.models import catalogue
from impasto.server.ops.threads import fixed_threads
from impasto.server.ops.warp import warp
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.analysis import analyse
from impasto.server.shots.mattes import mattes

MODELS = ["dis", "deepflow", "facets", "raft-small-raw", "raft-small"]
GRAIN = 0.01

Both = Callable[[Array, Array], tuple[Array, Array]]
"""From two display-like pictures (3, H, W) to motion (2, H, W) both ways."""


@dataclass
class Row:
    """What one model did on one shot."""

    everywhere: list[float] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)
    close: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    hidden: Counts = field(default_factory=Counts)
    leaving: Counts = field(default_factory=Counts)
    plain: Counts = field(default_factory=Counts)

    def __str__(self) -> str:
        figures = (*map(np.mean, (self.everywhere, self.visible, self.close)), np.median(self.seconds))
        scores = (self.hidden.f1, self.leaving.f1, self.plain.f1)
        return "{:6.3f} {:7.3f} {:6.3f} {:6.2f}s".format(*figures) + "   {:.3f}  {:.3f}  {:.3f}".format(*scores)


def peer(finest: int) -> Both:
    """OpenCV's DIS, preset medium, at this finest scale (the preset's own is 1)."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(finest)

    def both(first: Array, second: Array) -> tuple[Array, Array]:
        a, b = (cv2.cvtColor((picture.transpose(1, 2, 0) * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
                for picture in (first, second))  # fmt: skip
        return dis.calc(a, b, None).transpose(2, 0, 1), dis.calc(b, a, None).transpose(2, 0, 1)

    return both


def ours(name: str, grain: float, weights: Path) -> Both:
    """A model of the catalogue; `-raw` behind a net's name leaves out the polish."""
    options = {"weights": weights, "polish": float(not name.endswith("-raw"))} if name.startswith("raft") else {}
    estimator = catalogue.find(name.removesuffix("-raw"), "flow").build(grain=grain, **options)

    def both(first: Array, second: Array) -> tuple[Array, Array]:
        there, back = estimator.both(torch.from_numpy(first)[None], torch.from_numpy(second)[None])
        return there[0].numpy(), back[0].numpy()

    return both


@dataclass
class Plates:
    """A truth shot as `impasto.server.shots.shot.Shot`, with a store that keeps nothing and nobody watching."""

    shot: TruthShot

    @property
    def frames(self) -> tuple[int, ...]:
        return self.shot.frames

    def readable(self, frame: int) -> bool:
        return True

    def picture(self, frame: int) -> Tensor:
        return torch.from_numpy(self.shot.plate(frame))[None]

    def digest(self, frame: int) -> str:
        return str(frame)

    def load(self, key: str) -> None: ...

    def save(self, key: str, arrays: object) -> None: ...

    def check(self) -> None: ...

    def stage(self, name: str, frame: int) -> None: ...


def torn(out: Tensor, home: Tensor) -> Array:
    """The plain forward/backward check (Sundaram et al. 2010), (H, W) bool; what leaves counts as hidden."""
    back = warp(home, out)
    size = (out**2).sum(1) + (back**2).sum(1)
    return (((out + back) ** 2).sum(1) > 0.01 * size + 0.5)[0].numpy() | ~inside(out[0].numpy())


def judge(row: Row, shot: TruthShot, frame: int, pictures: tuple[Array, Array], motions: tuple[Array, Array]) -> None:
    """Add both directions of one pair to a row; `pictures` are shaped."""
    here, there = shot.truth(frame), shot.truth(frame + 1)
    a, b = (torch.from_numpy(picture)[None] for picture in pictures)
    f, g = (torch.from_numpy(np.ascontiguousarray(motion))[None] for motion in motions)
    for first, second, out, home, true, hidden, valid in (
        (a, b, f, g, here.forward, here.hidden_next, here.valid),
        (b, a, g, f, there.backward, there.hidden_previous, there.valid),
    ):
        error = endpoint_error(out[0].numpy(), true)
        row.everywhere.append(error[valid].mean())
        row.visible.append(error[valid & ~hidden].mean())
        row.close.append((error[valid & ~hidden] < 1).mean())
        matte = mattes(first, second, out, home).occlusion[0, 0].numpy()
        within = inside(true)
        row.hidden.add(matte, hidden, valid & within)
        row.plain.add(torn(out, home), hidden, valid & within)
        row.leaving.add(matte * ~inside(out[0].numpy()), hidden & ~within, valid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    project = Path(__file__).resolve().parent.parent
    parser.add_argument(
        "--assets", type=Path, default=os.environ.get("IMPASTO_ASSETS", project.parent / "shared" / "assets")
    )
    parser.add_argument("--shots", nargs="+", default=SHOTS)
    parser.add_argument("--frames", nargs="+", type=int, default=[1001, 1004, 1007, 1010])
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--weights", type=Path, help="of raft-small; default: those of the assets")
    parser.add_argument("--pictures", type=Path, help="folder for PNGs: motion, true motion, matte, true matte, cause")
    wish = parser.parse_args()
    assets = Path(wish.assets)
    weights = wish.weights or assets / "weights" / "raft-small-princeton.pth"
    cv2.setNumThreads(1)
    print(f"{'':24}   all visible   1 px  both ways   hidden leaving  plain")
    for name in wish.shots:
        shot = TruthShot(assets / "shots" / name)
        measured = analyse(Plates(shot), Plates(shot), Plates(shot))
        shaper = Shaper(measured.exposure)
        print(f"{name}: exposure {measured.exposure:.3f}, grain {measured.grain:.4f}")
        models = {"DIS medium": peer(1), "DIS finest 0": peer(0)}
        models |= {model: ours(model, measured.grain, weights) for model in wish.models}
        for model, both in models.items():
            row = Row()
            for frame in wish.frames:
                plates = shot.plate(frame), shot.plate(frame + 1)
                shaped = (shaper.encode(plates[0]), shaper.encode(plates[1]))
                seen = shaped if model in wish.models else (srgb(plates[0]), srgb(plates[1]))
                start = time.process_time()
                motions = both(*seen)
                row.seconds.append(time.process_time() - start)
                with fixed_threads():
                    judge(row, shot, frame, shaped, motions)
            if wish.pictures:
                save(wish.pictures / f"{name}-{model.replace(' ', '-')}.png", shot, frame, shaped, motions)
            print(f"{name:10} {model:14} {row}", flush=True)
    judge_pairs(assets, wish.models, weights)


def judge_pairs(assets: Path, models: list[str], weights: Path) -> None:
    """Print the errors on single pairs, and what grain alone makes move."""
    print(f"{'':27}mean  median   1 px  both ways")
    grainy = still(srgb(TruthShot(assets / "shots" / "field").plate(1001)), GRAIN)
    for pair in (*pairs(assets), grainy):
        grain = GRAIN if pair is grainy else 0.0
        named = {"DIS medium": peer(1)} | {model: ours(model, grain, weights) for model in models}
        for model, both in named.items():
            start = time.process_time()
            motion = both(pair.first.clip(0, 1), pair.second.clip(0, 1))[0]
            seconds = time.process_time() - start
            error = endpoint_error(motion, pair.motion)[pair.known]
            figures = error.mean(), np.median(error), (error < 1).mean(), seconds
            print(f"{pair.name:12} {model:14}", "{:7.3f} {:7.3f} {:6.3f} {:6.2f}s".format(*figures), flush=True)


def colours(motion: Array, reach: float) -> Array:
    """Motion as hue by direction and saturation by length, (H, W, 3) 8-bit BGR."""
    turn = np.arctan2(motion[1], motion[0]) / (2 * np.pi) + 0.5
    strong = np.clip(np.hypot(*motion) / reach, 0, 1)
    picture = np.dstack([turn * 179, strong * 255, np.full_like(turn, 255)]).astype(np.uint8)
    return cv2.cvtColor(picture, cv2.COLOR_HSV2BGR)


def save(path: Path, shot: TruthShot, frame: int, shaped: tuple[Array, Array], motions: tuple[Array, Array]) -> None:
    """One picture of one pair, forward."""
    path.parent.mkdir(parents=True, exist_ok=True)
    true = shot.truth(frame)
    reach = float(np.percentile(np.hypot(*true.forward), 98))
    a, b = (torch.from_numpy(picture)[None] for picture in shaped)
    found = mattes(a, b, *(torch.from_numpy(np.ascontiguousarray(motion))[None] for motion in motions))
    grey = [found.occlusion[0, 0].numpy(), true.hidden_next * true.valid, found.confidence[0, 0].numpy()]
    plate = (np.clip(shaped[0], 0, 1).transpose(1, 2, 0)[..., ::-1] * 255).astype(np.uint8)
    mats = [np.repeat((np.float32(matte) * 255).astype(np.uint8)[..., None], 3, -1) for matte in grey]
    top = np.hstack([plate, colours(motions[0], reach), colours(true.forward, reach)])
    cv2.imwrite(str(path), np.vstack([top, np.hstack(mats)]))


if __name__ == "__main__":
    main()
