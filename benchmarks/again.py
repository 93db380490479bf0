"""What is done again, and what is not: one shot painted first, then with a slider, a style or a key changed.

    python benchmarks/again.py [--assets ASSETS] [--shot orbit] [--frames 1001-1008] [--look johnson/mosaic.pth]

Prints for every run the pairs of frames whose motion was measured, maps carried, births painted, the pixels the look
was shown beside those of all frames (a net paints on a canvas of 540 rows, so at 360 rows frames painted whole would be
2.25 of all pixels; a part of a frame needs its surroundings and comes out as in the whole), CPU seconds, and what the
store holds. The first run is from an empty store; the others use what it has kept.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from painted import Case, motion_of
from torch import Tensor
from truth import TruthShot

from impasto.server.models.style import looks
from impasto.server.models.style.canvas import Canvas
from impasto.server.models.style.feedforward import FeedForwardPainter
from impasto.server.models.style.painter import Painter
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import Recipe, render
from impasto.server.shots.analysis import spread
from impasto.server.shots.keys import Key
from impasto.server.shots.layers import Layer
from impasto.server.shots.picture import finish
from impasto.server.shots.relight import split
from impasto.server.shots.screen import OnScreen, show


@dataclass
class Counting:
    """Watches: counts every step by its name."""

    done: Counter[str]

    def check(self) -> None: ...

    def stage(self, name: str, frame: int) -> None:
        self.done[name] += 1

    def warn(self, message: str) -> None:
        print("warning:", message)


def counted(painter: Painter, count: Counter[str]) -> Painter:
    """The painter, counting what its net is shown once its statistics are known."""
    if isinstance(painter, Canvas):
        return replace(painter, painter=counted(painter.painter, count))
    assert isinstance(painter, FeedForwardPainter)
    ready = replace(painter)
    paint = painter._painting

    def painting(x: Tensor) -> Tensor:
        count["pixels"] += x.shape[-1] * x.shape[-2]
        return paint(x)

    ready.__dict__["_painting"] = painting
    return ready


def layer(case: Case, weights: Path, manner: looks.Manner, count: Counter[str]) -> Layer:
    """One net as a job's only style."""
    base = {frame: split(case.picture(frame), case.shaper).base for frame in spread(case)}
    shown = {frame: show(case.shaper.decode(seen), case.shaper) for frame, seen in base.items()}
    by_frame = looks.over_shot(looks.of_weights(weights, manner), lambda: shown, manner.statistics)
    return Layer(lambda frame: OnScreen(counted(by_frame(frame), count), case.shaper), f"{weights} {manner}")


def key(case: Case, frame: int) -> Key:
    """A key: the plate with its colours turned."""
    picture = case.picture(frame).roll(1, 1)
    return Key(frame, picture, torch.ones(1, 1, case.height, case.width), 1.0, None, f"turned {frame}")


def asked() -> Any:
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("IMPASTO_ASSETS", here.parent / "shared" / "assets")
    parser.add_argument("--assets", type=Path, default=Path(default))
    parser.add_argument("--shot", default="orbit")
    parser.add_argument("--frames", default="1001-1008")
    parser.add_argument("--look", default="johnson/mosaic.pth")
    return parser.parse_args()


def main() -> None:
    wish = asked()
    first, last = map(int, wish.frames.split("-"))
    true = TruthShot(wish.assets / "shots" / wish.shot)
    case = Case(true, tuple(frame for frame in true.frames if first <= frame <= last))
    count: Counter[str] = Counter()
    weights = wish.assets / "weights" / wish.look
    style = layer(case, weights, looks.Manner(), count)
    larger = layer(case, weights, looks.Manner(style_scale=1.5), count)
    one, other = case.frames[1], case.frames[-2]

    def painted(*keys: Key, layers: tuple[Layer, ...] = (), relight: float = 1.0, strength: float = 1.0) -> None:
        recipe = Recipe(tuple(keys), layers, relight, 0, Shaper(case.analysis.exposure))
        watch = Counting(count)
        for made in render(case, recipe, motion_of(case, "default", watch), case.frames, case.store, watch):
            finish(case.picture(made.frame), made.picture, strength)

    runs: dict[str, Callable[[], None]] = {
        "first run": lambda: painted(layers=(style,)),
        "strength changed": lambda: painted(layers=(style,), strength=0.5),
        "relight changed": lambda: painted(layers=(style,), relight=0.5),
        "style changed": lambda: painted(layers=(larger,)),
        "a key": lambda: painted(key(case, one)),
        "one key more": lambda: painted(key(case, one), key(case, other)),
    }
    whole = len(case.frames) * case.height * case.width
    for name, run in runs.items():
        count.clear()
        start = time.process_time()
        run()
        seconds = time.process_time() - start
        print(
            f"{name:17} motion {count['motion']:3}  maps {count['maps']:3}  births {count['births']:3}  "
            f"look shown {count['pixels'] / whole:5.2f} of all pixels  {seconds:6.1f} CPU-s  "
            f"store {case.store.nbytes() / 2**20:5.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
