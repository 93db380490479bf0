"""How true occlusion mattes are, beside the plain check and Ruder's, in one run, and whose fault it is.

    python benchmarks/mattes.py [--assets ASSETS] [--shots orbit ...] [--frames 1001 1004 1007 1010]
        [--models truth facets dis raft-small] [--depth truth estimated]

Prints, for every source of motion and every shot, F1 of the mattes at 0.5 over valid pixels, counts pooled over pairs
and both directions: what is hidden within the frame (with precision and recall) and what leaves it; the same within the
frame by the rules without the net, by the plain forward/backward check (Sundaram et al. 2010), and by that of Ruder et
al. 2016, "Artistic Style Transfer for Videos" (the same inequality, motion boundaries uncertain, negative where
inconsistent, smoothed by a Gaussian of 0.8). `--depth` puts the ablation of depth beside
it: F1 within the frame where the mattes are also told the true depth, and where they are told what `tcmonodepth-small`
estimates. `truth` as a model feeds the exact motion in: what it falls short of 1 is the mattes' own fault, the rest is
the motion's. The last line of every source names the means and the worst shot.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from flow import Both, Plates, ours, torn
from ruder import unreliable
from truth import SHOTS, Counts, TruthShot, inside, read

from impasto.server.models import catalogue
from impasto.server.models.mattes.impasto_mattes import judge
from impasto.server.ops.threads import fixed_threads
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.analysis import Analysis, analyse
from impasto.server.shots.depth import Depth, EstimatedDepth, LayerDepth
from impasto.server.shots.depth_order import Nearness
from impasto.server.shots.mattes import mattes

TRUTH = "truth"


class Row:
    """What one source of motion gave on one shot."""

    def __init__(self, depths: list[str]) -> None:
        self.hidden, self.leaving, self.rules, self.plain, self.ruder = (Counts() for _ in range(5))
        self.with_depth = {name: Counts() for name in depths}

    def __str__(self) -> str:
        found, real = self.hidden.hit + self.hidden.false, self.hidden.hit + self.hidden.missed
        shares = self.hidden.hit / max(found, 1), self.hidden.hit / max(real, 1)
        figures = (self.hidden.f1, *shares, self.leaving.f1, self.rules.f1, self.plain.f1, self.ruder.f1)
        told = "".join(f" {counts.f1:9.3f}" for counts in self.with_depth.values())
        return "{:6.3f} ({:.2f} {:.2f})  {:6.3f}  {:6.3f} {:6.3f} {:6.3f}".format(*figures) + told


def estimator(name: str, measured: Analysis, assets: Path) -> Both | None:
    """A model of the catalogue, RAFT small with the assets' weights; None for the truth."""
    if name == TRUTH:
        return None
    return ours(name, measured.grain, assets / "weights" / "raft-small-princeton.pth")


def depth_of(name: str, shot: TruthShot, shaper: Shaper, assets: Path) -> Depth:
    """The depth of a shot: `truth`, or as the model estimates it."""
    if name == TRUTH:
        return LayerDepth(lambda frame: read(shot.folder / f"truth.{frame}.exr")["depth.Z"], high=False, name=TRUTH)
    net = catalogue.find("tcmonodepth-small", "depth").build(
        weights=assets / "weights" / "tcmonodepth-small" / "tcmonodepth_small.pt.tar"
    )
    return EstimatedDepth(Plates(shot), net, name, shaper, Plates(shot), Plates(shot))


def nearness(depth: Depth, frame: int) -> Nearness:
    """Of a frame and the next."""
    here, there = depth.near(frame), depth.near(frame + 1)
    assert here is not None
    assert there is not None
    return Nearness(here, there, depth.steps)


def compare(row: Row, shot: TruthShot, frame: int, shaper: Shaper, both: Both | None, depths: dict[str, Depth]) -> None:
    """Add both directions of one pair."""
    here, there = shot.truth(frame), shot.truth(frame + 1)
    first, second = shaper.encode(shot.plate(frame)), shaper.encode(shot.plate(frame + 1))
    motions = both(first, second) if both is not None else (here.forward, there.backward)
    a, b, f, g = (torch.from_numpy(np.ascontiguousarray(array))[None] for array in (first, second, *motions))
    near = {name: nearness(depth, frame) for name, depth in depths.items()}
    back = {name: each.turned() for name, each in near.items()}
    for one, other, out, home, true, hidden, valid, told in (
        (a, b, f, g, here.forward, here.hidden_next, here.valid, near),
        (b, a, g, f, there.backward, there.hidden_previous, there.valid, back),
    ):
        with fixed_threads():
            ruled, found = (mattes(one, other, out, home, None, by) for by in (None, judge()))
            depths = {n: mattes(one, other, out, home, d, judge()).occlusion[0, 0].numpy() for n, d in told.items()}
        matte = found.occlusion[0, 0].numpy()
        within = inside(true)
        for name, by_depth in depths.items():
            row.with_depth[name].add(by_depth, hidden, valid & within)
        row.rules.add(ruled.occlusion[0, 0].numpy(), hidden, valid & within)
        row.hidden.add(matte, hidden, valid & within)
        row.leaving.add(matte * ~inside(out[0].numpy()), hidden & ~within, valid)
        row.plain.add(torn(out, home), hidden, valid & within)
        row.ruder.add(unreliable(out, home), hidden, valid & within)


def rows(name: str, shots: list[str], frames: list[int], depths: list[str], assets: Path) -> Iterator[tuple[str, Row]]:
    """One source of motion on every shot."""
    for shot_name in shots:
        shot = TruthShot(assets / "shots" / shot_name)
        measured = analyse(Plates(shot), Plates(shot), Plates(shot))
        row, both, shaper = Row(depths), estimator(name, measured, assets), Shaper(measured.exposure)
        known = {each: depth_of(each, shot, shaper, assets) for each in depths}
        for frame in frames:
            compare(row, shot, frame, shaper, both, known)
        yield shot_name, row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = Path(__file__).resolve().parents[2] / "shared" / "assets"
    parser.add_argument("--assets", type=Path, default=os.environ.get("IMPASTO_ASSETS", beside))
    parser.add_argument("--shots", nargs="+", default=list(SHOTS))
    parser.add_argument("--frames", nargs="+", type=int, default=[1001, 1004, 1007, 1010])
    parser.add_argument("--models", nargs="+", default=[TRUTH, "facets", "dis", "raft-small"])
    parser.add_argument("--depth", nargs="*", default=[], choices=[TRUTH, "estimated"])
    wish = parser.parse_args()
    told = "".join(f" {'Z:' + name:>9}" for name in wish.depth)
    print(f"{'':24} hidden (precision recall) leaving rules  plain  Ruder{told}")
    for name in wish.models:
        found = dict(rows(name, wish.shots, wish.frames, wish.depth, Path(wish.assets)))
        for shot, row in found.items():
            print(f"{name:12}{shot:12} {row}", flush=True)
        scores = {shot: row.hidden.f1 for shot, row in found.items()}
        worst = min(scores, key=lambda shot: scores[shot])
        means = [
            f"; with depth {n} {np.mean([row.with_depth[n].f1 for row in found.values()]):.3f}" for n in wish.depth
        ]
        mean, ruled = np.mean(list(scores.values())), np.mean([row.rules.f1 for row in found.values()])
        ends = f"worst {worst} {scores[worst]:.3f}, rules {ruled:.3f}"
        print(f"{name:12}mean {mean:.3f}, {ends}{''.join(means)}")


if __name__ == "__main__":
    main()
