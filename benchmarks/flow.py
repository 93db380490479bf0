"""How true motion and mattes are, beside OpenCV's DIS as it comes, in one run.

    python benchmarks/flow.py [--assets ASSETS] [--shots orbit ...] [--frames 1001 1004 1007 1010]
        [--models dis deepflow facets raft-small-raw raft-small-refined raft-small] [--weights raft-small-princeton.pth]
        [--jitter] [--runs 1] [--torchvision DIR] [--pictures DIR]

Prints, for every shot and model: mean end-point error over all valid pixels and over those visible in the other frame,
share of visible pixels under 1 px, both directions together; median CPU seconds and seconds a pair for both directions,
over all pairs, each measured --runs times; F1 of the occlusion mattes at 0.5, counts pooled over pairs and directions,
for what is hidden within the frame and for what leaves it, beside the plain forward/backward check. Below each row,
which pixels cost most: for every kind (benchmarks/kinds.py defines them) its share of the visible pixels, its mean
error and its share of the whole error; with --jitter, which measures the pairs that follow too, by how much the error
trembles from frame to frame. At the end the means over the shots.

Peers see sRGB, clipped, 8 bit, as in their own examples; ours sees what a job would show it, exposure and grain
measured. Torchvision's RAFT runs beside ours, one way after the other, where it can be imported or --torchvision names
an unpacked wheel. Then, for RubberWhale, KITTI and FlyingChairs, the error over all pixels with truth, its median and
the share under 1 px; and for plates that stand under fresh grain of .01 the length of the motion found. `raft-small`
offers its vectors to facets, `raft-small-refined` ends with the variational step alone, `raft-small-raw` is the net
alone; all need --weights.
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
from kinds import jitter, kinds, shared
from pairs import pairs, still
from raft import theirs, torchvision_raft
from torch import Tensor
from torch.nn import functional as F
from truth import SHOTS, Array, Counts, TruthShot, endpoint_error, inside, srgb

from impasto.server.models import catalogue
from impasto.server.models.flow import raft_weights
from impasto.server.models.flow.raft_estimator import padding
from impasto.server.ops.threads import fixed_threads
from impasto.server.ops.warp import warp
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.analysis import analyse
from impasto.server.shots.mattes import mattes

MODELS = ["dis", "deepflow", "facets", "raft-small-raw", "raft-small-refined", "raft-small"]
POLISH = {"raw": 0.0, "refined": 1.0}
GRAIN = 0.01

Both = Callable[[Array, Array], tuple[Array, Array]]
"""From two display-like pictures (3, H, W) to motion (2, H, W) both ways."""


@dataclass
class Row:
    """What one model did on one shot."""

    everywhere: list[float] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)
    close: list[float] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    kinds: list[dict[str, tuple[float, float, float]]] = field(default_factory=list)
    trembling: list[float] = field(default_factory=list)
    hidden: Counts = field(default_factory=Counts)
    leaving: Counts = field(default_factory=Counts)
    plain: Counts = field(default_factory=Counts)

    def __str__(self) -> str:
        errors = map(np.mean, (self.everywhere, self.visible, self.close))
        scores = (self.hidden.f1, self.leaving.f1, self.plain.f1)
        figures = (*errors, np.median(self.spent), np.median(self.seconds), *scores)
        return "{:6.3f} {:7.3f} {:6.3f} {:6.2f} {:6.2f}   {:.3f}  {:.3f}  {:.3f}".format(*figures)

    @property
    def costs(self) -> str:
        """Every kind of pixel: its share, its mean error, its share of the error; jitter where it was measured."""
        parts = []
        for kind in self.kinds[0]:
            share, error, cost = np.mean([pair[kind] for pair in self.kinds], 0)
            parts.append(f"{kind} {share:.2f} {error:.2f} {cost:.2f}")
        return "   ".join([*parts, *([f"jitter {np.mean(self.trembling):.3f}"] if self.trembling else [])])

    def timed(self, work: Callable[[], tuple[Array, Array]]) -> tuple[Array, Array]:
        """Do it, and note how long it took."""
        clock, spent = time.perf_counter(), time.process_time()
        made = work()
        self.spent.append(time.process_time() - spent)
        self.seconds.append(time.perf_counter() - clock)
        return made


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
    """A model of the catalogue; `-raw` or `-refined` behind a net's name leaves out what follows it."""
    net, _, end = name.rpartition("-")
    name = net if end in POLISH else name
    options = {"weights": weights, "polish": POLISH.get(end, 2.0)} if name.startswith("raft") else {}
    estimator = catalogue.find(name, "flow").build(grain=grain, **options)

    def both(first: Array, second: Array) -> tuple[Array, Array]:
        there, back = estimator.both(torch.from_numpy(first)[None], torch.from_numpy(second)[None])
        return there[0].numpy(), back[0].numpy()

    return both


def torchvision(folder: Path | None, weights: Path) -> dict[str, Both]:
    """Torchvision's RAFT small of 12 updates on our weights, where it can be had."""
    module = torchvision_raft(folder)
    if module is None:
        print("torchvision's RAFT is left out: it cannot be imported here; name an unpacked wheel with --torchvision")
        return {}
    measure = theirs(module, raft_weights.load(weights, "small"), 12)

    @torch.no_grad()
    def both(first: Array, second: Array) -> tuple[Array, Array]:
        pad = padding(*first.shape[1:])
        a, b = (F.pad(torch.from_numpy(picture)[None], pad, mode="replicate") for picture in (first, second))
        rows, columns = (slice(start, start + size) for start, size in zip(pad[2::-2], first.shape[1:], strict=True))
        there, back = (measure(*pair)[0][0, :, rows, columns].numpy() for pair in ((a, b), (b, a)))
        return there, back

    return {"torchvision": both}


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
    for number, out, true in ((frame, f, here.forward), (frame + 1, g, there.backward)):
        row.kinds.append(shared(endpoint_error(out[0].numpy(), true), kinds(shot, number, number == frame)))


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
    parser.add_argument("--jitter", action="store_true", help="measure the pairs that follow too")
    parser.add_argument("--runs", type=int, default=1, help="times that every pair is measured, for the median")
    parser.add_argument("--torchvision", type=Path, help="folder of an unpacked wheel of torchvision")
    wish = parser.parse_args()
    assets = Path(wish.assets)
    weights = wish.weights or assets / "weights" / "raft-small-princeton.pth"
    peers = {"DIS medium": peer(1), "DIS finest 0": peer(0)}
    peers |= torchvision(wish.torchvision, weights) if any(name.startswith("raft") for name in wish.models) else {}
    cv2.setNumThreads(1)
    print(f"{'':24}   all visible   1 px  CPU-s      s   hidden leaving  plain")
    table: dict[str, list[Row]] = {}
    for name in wish.shots:
        shot = TruthShot(assets / "shots" / name)
        measured = analyse(Plates(shot), Plates(shot), Plates(shot))
        shaper = Shaper(measured.exposure)
        print(f"{name}: exposure {measured.exposure:.3f}, grain {measured.grain:.4f}")
        for model, both in (peers | {model: ours(model, measured.grain, weights) for model in wish.models}).items():
            path = wish.pictures / f"{name}-{model.replace(' ', '-')}.png" if wish.pictures else None
            row = judge_shot(shot, wish, both, shaper if model in wish.models else None, shaper, path)
            table.setdefault(model, []).append(row)
            print(f"{name:10} {model:18} {row}\n{'':29} {row.costs}", flush=True)
    for model, rows in table.items():
        means = [np.mean([np.mean(getattr(row, name)) for row in rows]) for name in ("everywhere", "visible", "close")]
        print(f"{'mean':10} {model:18}", "{:6.3f} {:7.3f} {:6.3f}".format(*means))
    judge_pairs(assets, wish.models, weights, peers)


def judge_shot(
    shot: TruthShot, wish: argparse.Namespace, both: Both, own: Shaper | None, shaper: Shaper, path: Path | None
) -> Row:
    """One model on one shot: `own` brings plates into what the model sees, sRGB where None; mattes see `shaper`'s."""
    row = Row()
    for frame in wish.frames:
        plates = [shot.plate(number) for number in (frame, frame + 1, frame + 2) if number in shot.frames]
        seen = [own.encode(plate) if own else srgb(plate) for plate in plates]
        for _ in range(wish.runs):
            motions = row.timed(lambda pair=seen[:2]: both(*pair))
        shaped = (shaper.encode(plates[0]), shaper.encode(plates[1]))
        with fixed_threads():
            judge(row, shot, frame, shaped, motions)
        if wish.jitter and len(seen) == 3:
            row.trembling.append(jitter(shot, frame, motions[0], both(*seen[1:])[0]))
    if path:
        save(path, shot, frame, shaped, motions)
    return row


def judge_pairs(assets: Path, models: list[str], weights: Path, peers: dict[str, Both]) -> None:
    """Print the errors on single pairs, and what grain alone makes move."""
    print(f"{'':31}mean  median   1 px  CPU-s      s")
    grainy = [still(srgb(TruthShot(assets / "shots" / name).plate(1001)), GRAIN, name) for name in ("field", "orbit")]
    for pair in (*pairs(assets), *grainy):
        grain = 0.0 if pair.motion.any() else GRAIN
        for model, both in (peers | {model: ours(model, grain, weights) for model in models}).items():
            row = Row()
            motion = row.timed(lambda both=both, pair=pair: both(pair.first.clip(0, 1), pair.second.clip(0, 1)))[0]
            error = endpoint_error(motion, pair.motion)[pair.known]
            figures = error.mean(), np.median(error), (error < 1).mean(), row.spent[0], row.seconds[0]
            print(f"{pair.name:12} {model:18}", "{:7.3f} {:7.3f} {:6.3f} {:6.2f} {:6.2f}".format(*figures), flush=True)


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
