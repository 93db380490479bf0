"""What is saved by painting every Nth frame, and what it costs in quality, on the truth shots.

    python benchmarks/every.py [--assets ASSETS] [--shots orbit ...] [--frames 1001-1012] [--every 1 2 4 8 16]
        [--motion MODEL] [--weights johnson/mosaic.pth] [--pictures DIR]

Prints, for every N: calls of the painter and work saved (a net paints whole frames), E_1 and E_8 (error along the true
motion relative to painting every frame alone), detail and the low-pass difference to the frame painted alone, and how
much of the frames is filled instead of painted. N = 1 lets every frame be painted.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from painted import Alone, Case, Nobody, Remembered, motion_of
from temporal import save
from torch import Tensor
from truth import SHOTS, TruthShot, detail, ghosts, srgb, warp_error

from impasto.server.models.style import johnson
from impasto.server.shots import Recipe, render
from impasto.server.shots.layers import Layer
from impasto.server.shots.motion import Motion


@dataclass
class Counting(Remembered):
    """The painter of one frame, its whole picture painted before; notes that it was asked."""

    frame: int = 0
    asked: list[int] = field(default_factory=list)

    def paint(self, *arguments: Any, **named: Any) -> Tensor:
        self.asked.append(self.frame)
        return super().paint(*arguments, **named)


def measured(case: Case, alone: Alone, motion: Motion, every: int, pictures: Path | None) -> dict[str, float]:
    asked: list[int] = []
    layer = Layer(lambda frame: Counting(alone.paint[frame], frame=frame, asked=asked), "alone")
    recipe = Recipe((), (layer,), 1.0, 0, case.shaper, every if every > 1 else 0)
    made, filled = {}, []
    for painted in render(case, recipe, motion, case.frames, case.store, Nobody()):
        made[painted.frame] = srgb(painted.picture[0].numpy())
        born = painted.source_frame[0, 0].numpy()
        filled.append(float((~np.isin(born, asked)).mean()))
    if pictures:
        save(pictures / f"{case.true.name}-every-{every}", made)
    gaps = [gap for gap in (1, 8) if gap < len(case.frames)]
    return {
        "calls": len(asked),
        "saved": 1 - len(asked) / len(case.frames),
        **{f"E_{gap}": warp_error(case.true, made, gap) / warp_error(case.true, alone.pictures, gap) for gap in gaps},
        "detail": sum(map(detail, made.values())) / sum(map(detail, alone.pictures.values())),
        "low": float(np.mean([ghosts(made[frame], alone.pictures[frame]) for frame in case.frames])),
        "filled": float(np.mean(filled)),
    }


def main() -> None:
    project = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("IMPASTO_ASSETS", project.parent / "shared" / "assets")
    parser.add_argument("--assets", type=Path, default=Path(default))
    parser.add_argument("--shots", nargs="+", default=list(SHOTS))
    parser.add_argument("--frames", default="1001-1012")
    parser.add_argument("--every", nargs="+", type=int, default=[1, 2, 4, 8, 16])
    parser.add_argument("--motion", default="default")
    parser.add_argument("--weights", default="johnson/mosaic.pth")
    parser.add_argument("--pictures", type=Path)
    wish = parser.parse_args()
    torch.set_num_threads(1)
    first, last = map(int, wish.frames.split("-"))
    net = johnson.MODEL.build(wish.assets / "weights" / wish.weights)
    table: dict[int, list[dict[str, float]]] = {}
    for name in wish.shots:
        true = TruthShot(wish.assets / "shots" / name)
        frames = tuple(frame for frame in true.frames if first <= frame <= last)
        case = Case(true, frames)
        alone = Alone.by(case, lambda frame: net)
        motion = motion_of(case, wish.motion)
        for every in wish.every:
            row = measured(case, alone, motion, every, wish.pictures)
            table.setdefault(every, []).append(row)
            say(name, every, row)
    for every, rows in table.items():
        say("mean", every, {what: float(np.mean([row[what] for row in rows])) for what in rows[0]})


def say(name: str, every: int, row: dict[str, float]) -> None:
    print(f"{name:10} every {every:2}  ", "  ".join(f"{what} {value:.3f}" for what, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
