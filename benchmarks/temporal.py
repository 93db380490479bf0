"""How still the paint stands: the engine beside the classic warp-and-blend, along the true motion, in one run.

    python benchmarks/temporal.py [--assets ASSETS] [--shots orbit ...] [--frames 1001-1012]
        [--motion truth dis deepflow] [--ways classic style key] [--weights johnson/mosaic.pth] [--key 1006]
        [--pictures DIR]

Prints, for every shot, way and motion: E_1 and E_8 (error along the true motion relative to painting every frame
alone), detail (mean absolute Laplacian relative to painting alone), share carried, low-pass difference to the frame
painted alone over all and over freshly uncovered pixels, seconds a frame. For the way `key` E_1 is also given over the
pixels carried from the key alone, and the share of the pixels any true path from the key reaches that are carried.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from truth import SHOTS, Array, TruthShot, detail, fetched, ghosts, inside, srgb, warp_error

from impasto.server.models.style import johnson
from impasto.server.models.style.painter import Painter
from impasto.server.ops.warp import warp
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import Recipe, render
from impasto.server.shots.keys import Key
from impasto.server.shots.layers import Layer
from impasto.server.shots.motion import ComputedMotion, GivenMotion, Motion
from impasto.server.shots.relight import develop, split
from impasto.server.shots.screen import OnScreen

WAYS = ("classic", "style", "key")
KEPT = 0.85
"""What the classic way keeps of the warped previous frame."""


class Memory:
    """A store that forgets at the end."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Array]] = {}

    def load(self, key: str) -> dict[str, Array] | None:
        return self.kept.get(key)

    def save(self, key: str, arrays: Mapping[str, Array]) -> None:
        self.kept[key] = {name: np.array(array) for name, array in arrays.items()}


class Nobody:
    """Watches nothing."""

    def check(self) -> None: ...

    def stage(self, name: str, frame: int) -> None: ...

    def warn(self, message: str) -> None:
        print("warning:", message)


@dataclass
class Case:
    """One shot, as `impasto.server.shots.shot.Shot`, with its truth and its frames painted alone."""

    true: TruthShot
    frames: tuple[int, ...]
    shaper: Shaper
    alone: dict[int, Tensor] = field(default_factory=dict)
    paint: dict[int, Tensor] = field(default_factory=dict)
    store: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.height, self.width = self.true.plate(self.frames[0]).shape[1:]

    def readable(self, frame: int) -> bool:
        return frame in self.frames

    def picture(self, frame: int) -> Tensor:
        return torch.from_numpy(self.true.plate(frame))[None]

    def digest(self, frame: int) -> str:
        return f"{self.true.name} {frame}"

    def layers(self, frame: int) -> dict[str, Array]:
        true = self.true.truth(frame)
        return {
            "forward": true.forward,
            "backward": true.backward,
            "occlusion.next": true.hidden_next.astype(np.float32),
            "occlusion.prev": true.hidden_previous.astype(np.float32),
        }

    def paint_alone(self, painter: Painter) -> None:
        for frame in self.frames:
            light = split(self.picture(frame), self.shaper)
            self.paint[frame] = painter.paint(light.base)
            self.alone[frame] = develop(self.paint[frame], torch.ones_like(light.gain), light, self.shaper)


@dataclass
class Remembered:
    """The painter of one frame, its whole picture painted before."""

    picture: Tensor
    local: bool = False

    def paint(
        self,
        content: Tensor,
        *,
        start: Tensor | None = None,
        where: Tensor | None = None,
        seed: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        return self.picture


def exposure(pictures: list[Array]) -> float:
    """What brings the geometric mean of luminance to mid-grey."""
    luma = np.concatenate([np.tensordot([0.2126, 0.7152, 0.0722], picture, 1).ravel() for picture in pictures])
    return float(0.18 / np.exp(np.log(np.maximum(luma, 1e-4)).mean()))


def motion_of(case: Case, kind: str) -> Motion:
    if kind == "truth":
        return GivenMotion(case, case.layers, "truth", case.shaper, case.store, Nobody())
    model = importlib.import_module(f"impasto.server.models.flow.{kind}").MODEL
    return ComputedMotion(case, model.build(), f"{kind}{model.version}", case.shaper, 0.0, case.store, Nobody())


@dataclass
class Made:
    """Frames as sRGB (3, H, W), the share carried, and the pixels (H, W) that came from the key."""

    pictures: dict[int, Array]
    carried: float
    keyed: dict[int, Array] | None = None


def classic(case: Case, motion: Motion) -> Made:
    """Blend every frame with the warped one before where motion there and back agree (Ruder et al. 2016)."""
    made, shares = {}, []
    before: Tensor | None = None
    for frame in case.frames:
        painted = torch.from_numpy(srgb(case.alone[frame].numpy()))
        if before is not None:
            back, previous = motion.frame(frame).backward, motion.neighbours(frame)[0]
            assert previous is not None
            there = warp(motion.frame(previous).forward, back)
            size = (back**2).sum(1, keepdim=True) + (there**2).sum(1, keepdim=True)
            agree = ((back + there) ** 2).sum(1, keepdim=True) < 0.01 * size + 0.5
            mixed = (1 - KEPT) * painted + KEPT * warp(before, back, "bicubic")
            painted = torch.where(agree, mixed, painted)
            shares.append(float(agree.float().mean()))
        before = painted
        made[frame] = painted[0].numpy()
    return Made(made, float(np.mean(shares)))


def engine(case: Case, motion: Motion, key: int | None) -> Made:
    """The product's own way; with a key nothing else paints."""
    keys: tuple[Key, ...] = ()
    if key is not None:
        keys = (Key(key, case.alone[key], torch.ones(1, 1, case.height, case.width), 1.0, None, f"alone {key}"),)
    layers = () if keys else (Layer(lambda frame: Remembered(case.paint[frame]), "alone"),)
    recipe = Recipe(keys, layers, 1.0, 0, case.shaper)
    pictures, keyed, shares = {}, {}, []
    for painted in render(case, recipe, motion, case.frames, case.store, Nobody()):
        pictures[painted.frame] = srgb(painted.picture[0].numpy())
        keyed[painted.frame] = (painted.source_kind == 1)[0, 0].numpy()
        if painted.frame not in (key, case.frames[0]):
            shares.append(float(keyed[painted.frame].mean()) if keys else painted.figures["carried"])
    return Made(pictures, float(np.mean(shares)), keyed if keys else None)


def reached(case: Case, frame: int, key: int) -> Array:
    """Pixels (H, W) of a frame that true motion, seen at every step, connects with the key."""
    if frame == key:
        return np.ones((case.height, case.width), dtype=bool)
    if frame > key:
        return case.true.chain(frame, frame - key)[1]
    here = case.true.truth(frame)
    motion, seen = here.forward.copy(), here.valid & ~here.hidden_next
    for step in range(frame + 1, key):
        there = case.true.truth(step)
        seen &= fetched((there.hidden_next | ~there.valid).astype(np.float32)[None], motion, "bilinear")[0] <= 0.01
        motion = motion + fetched(there.forward, motion)
    return seen & inside(motion)


def judge(case: Case, made: Made, key: int) -> dict[str, float]:
    alone = {frame: srgb(case.alone[frame][0].numpy()) for frame in case.frames}
    gaps = [gap for gap in (1, 8) if gap < len(case.frames)]
    row = {f"E_{gap}": warp_error(case.true, made.pictures, gap) / warp_error(case.true, alone, gap) for gap in gaps}
    row["detail"] = sum(map(detail, made.pictures.values())) / sum(map(detail, alone.values()))
    row["carried"] = made.carried
    fresh = {frame: case.true.truth(frame).hidden_previous for frame in case.frames[1:]}
    row["low"] = float(np.mean([ghosts(made.pictures[frame], alone[frame]) for frame in case.frames]))
    row["low fresh"] = float(
        np.mean([ghosts(made.pictures[frame], alone[frame], seen) for frame, seen in fresh.items() if seen.any()])
    )
    if made.keyed is not None:
        row |= judge_key(case, made.pictures, alone, made.keyed, key)
    return row


def judge_key(
    case: Case, pictures: dict[int, Array], alone: dict[int, Array], keyed: dict[int, Array], key: int
) -> dict[str, float]:
    """The same over the pixels carried from the key in both frames compared, and how many of the possible they are."""
    both = {case.frames[0]: keyed[case.frames[0]]}
    for frame in case.frames[1:]:
        before = fetched(keyed[frame - 1].astype(np.float32)[None], case.true.truth(frame).backward, "bilinear")[0]
        both[frame] = keyed[frame] & (before > 0.99)
    inner = {frame: cv2.erode(seen.astype(np.uint8), np.ones((3, 3))) > 0 for frame, seen in keyed.items()}
    sharp = [sum(laplacian(some[f])[inner[f]].sum() for f in case.frames) for some in (pictures, alone)]
    paths = {frame: reached(case, frame, key) for frame in case.frames}
    hits = sum(int((keyed[frame] & seen).sum()) for frame, seen in paths.items())
    return {
        "E_1 key": warp_error(case.true, pictures, 1, both) / warp_error(case.true, alone, 1, both),
        "detail key": float(sharp[0] / sharp[1]),
        "reached": hits / sum(int(seen.sum()) for seen in paths.values()),
    }


def laplacian(picture: Array) -> Array:
    """Absolute Laplacian of luma of an sRGB picture (3, H, W), as (H, W)."""
    luma = np.tensordot(np.float32([0.299, 0.587, 0.114]), picture, 1)
    return np.abs(cv2.Laplacian(luma, cv2.CV_32F, ksize=3))


def save(folder: Path, pictures: dict[int, Array]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for frame, picture in pictures.items():
        bgr = np.clip(picture[::-1].transpose(1, 2, 0) * 255, 0, 255).round().astype(np.uint8)
        cv2.imwrite(str(folder / f"{frame}.png"), bgr)


def asked() -> Any:
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("IMPASTO_ASSETS", here.parent / "shared" / "assets")
    parser.add_argument("--assets", type=Path, default=Path(default))
    parser.add_argument("--shots", nargs="+", default=list(SHOTS))
    parser.add_argument("--frames", default="1001-1012")
    parser.add_argument("--motion", nargs="+", default=["truth", "dis", "deepflow"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--weights", default="johnson/mosaic.pth")
    parser.add_argument("--key", type=int, default=1006)
    parser.add_argument("--pictures", type=Path)
    return parser.parse_args()


def main() -> None:
    wish = asked()
    first, last = map(int, wish.frames.split("-"))
    net = johnson.MODEL.build(wish.assets / "weights" / wish.weights)
    table: dict[tuple[str, str], list[dict[str, float]]] = {}
    for name in wish.shots:
        true = TruthShot(wish.assets / "shots" / name)
        frames = tuple(frame for frame in true.frames if first <= frame <= last)
        case = Case(true, frames, Shaper(exposure([true.plate(frame) for frame in frames])))
        case.paint_alone(OnScreen(net, case.shaper))
        for kind in wish.motion:
            motion = motion_of(case, kind)
            for frame in frames:
                motion.frame(frame)
            for way in wish.ways:
                start = time.perf_counter()
                made = (
                    classic(case, motion)
                    if way == "classic"
                    else engine(case, motion, wish.key if way == "key" else None)
                )
                seconds = (time.perf_counter() - start) / len(frames)
                row = {**judge(case, made, wish.key), "s": seconds}
                table.setdefault((way, kind), []).append(row)
                say(name, way, kind, row)
                if wish.pictures:
                    save(wish.pictures / f"{name}-{way}-{kind}", made.pictures)
    for (way, kind), rows in table.items():
        say("mean", way, kind, {what: float(np.mean([row[what] for row in rows])) for what in rows[0]})


def say(name: str, way: str, kind: str, row: dict[str, float]) -> None:
    print(f"{name:10} {way:8} {kind:9}", "  ".join(f"{what} {value:.3f}" for what, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
