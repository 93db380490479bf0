"""How well keys are carried, where the right answer is known in every frame; beside warping and cross-fading.

    python benchmarks/keys.py [--assets ASSETS] [--shots orbit ...] [--frames 1001-1012] [--motion default truth]
        [--keys 1 2 4] [--fills none colours net] [--minutes 1] [--relight 0] [--pictures DIR]
        [--rows out/keys.jsonl] [--fresh]

Every frame is painted by one fixed function of its own texture, pixel by pixel: colours are mixed, and bands of light
and hue laid over them. Keys, spread evenly, are those paintings; all other frames are to be made of the keys. Printed
is the PSNR (dB, sRGB, pooled over the frames that are no keys) against the frame's own painting: over all pixels, over
those a true path joins with some key, and over those it does not, of

- warp: the nearest key fetched along the chained motion;
- cross-fade: the keys before and after so fetched, mixed by distance;
- ours: the engine, and what fills in where no key sees: the plate (none), the plate in the keys' colours (colours),
  or a net trained on the keys (net).

The answer is a function of the texture and not of the light, so paint does not follow the light here unless --relight
says so. Beside them the share of pixels that some key reaches, and CPU seconds a frame. Every row is kept in `--rows`,
see `temporal.py`.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from painted import Case, Memory, Nobody, motion_of
from rows import Rows
from temporal import reached, save
from torch import Tensor
from truth import SHOTS, Array, TruthShot, srgb

from impasto.server.ops.warp import warp
from impasto.server.plates import srgb as curve
from impasto.server.shots import Recipe, render
from impasto.server.shots.fill.colours import Recoloured
from impasto.server.shots.fill.example import Example
from impasto.server.shots.fill.net import Trained
from impasto.server.shots.keys import Key
from impasto.server.shots.layers import Layer
from impasto.server.shots.motion import Motion
from impasto.server.shots.screen import OnScreen

_MIX = np.array([[0.1, 0.2, 0.7], [0.6, 0.2, 0.2], [0.2, 0.7, 0.1]], np.float32)
_LUMA = np.array([0.3, 0.59, 0.11], np.float32)


def painted(plate: Array) -> Array:
    """The right answer: a scene-linear plate (3, H, W) painted by a fixed function of its texture, sRGB 0..1."""
    seen = srgb(plate)
    mixed = np.tensordot(_MIX, seen, 1)
    luma = np.tensordot(_LUMA, seen, 1)
    wave = np.sin(2 * np.pi * (2 * luma + 1.5 * (seen[0] - seen[2])))
    made = 0.15 + 0.7 * mixed + 0.12 * wave * np.float32([1, -0.5, 0.3])[:, None, None]
    return np.clip(made, 0, 1).astype(np.float32)


def chained(motion: Motion, frame: int, key: int) -> Tensor:
    """Motion from a frame to a key, (1, 2, H, W), step by step through the frames between."""
    step = 1 if key > frame else -1
    found: Tensor | None = None
    for at in range(frame, key, step):
        here = motion.frame(at).forward if step > 0 else motion.frame(at).backward
        found = here if found is None else found + warp(here, found)
    assert found is not None
    return found


def warped(motion: Motion, frame: int, key: int, answers: dict[int, Array]) -> Array:
    """A key's painting fetched to a frame."""
    picture = torch.from_numpy(answers[key])[None]
    return picture[0].numpy() if frame == key else warp(picture, chained(motion, frame, key), "bicubic")[0].numpy()


def nearest(motion: Motion, frame: int, keys: list[int], answers: dict[int, Array]) -> Array:
    return warped(motion, frame, min(keys, key=lambda key: (abs(key - frame), key)), answers)


def faded(motion: Motion, frame: int, keys: list[int], answers: dict[int, Array]) -> Array:
    before, after = [key for key in keys if key <= frame], [key for key in keys if key > frame]
    if not before or not after:
        return nearest(motion, frame, keys, answers)
    first, second = max(before), min(after)
    share = (frame - first) / (second - first)
    return (1 - share) * warped(motion, frame, first, answers) + share * warped(motion, frame, second, answers)


def engine(
    case: Case, motion: Motion, keys: list[int], answers: dict[int, Array], fill: str, wish: argparse.Namespace
) -> dict[int, Array]:
    """What the product makes, sRGB by frame."""
    one = torch.ones(1, 1, case.height, case.width)
    drawn = tuple(
        Key(key, torch.from_numpy(np.asarray(curve.decode(answers[key]), np.float32))[None], one, 1.0, None, f"{key}")
        for key in keys
    )
    layers: tuple[Layer, ...] = ()
    if fill != "none":

        def examples() -> list[Example]:
            return [Example.of(key, case, case.shaper) for key in drawn]

        own = Recoloured(examples) if fill == "colours" else Trained(examples, wish.minutes, 0, Memory(), "net")
        layers = (Layer(lambda frame: OnScreen(own, case.shaper), f"{fill} {keys} {wish.minutes}"),)
    recipe = Recipe(drawn, layers, wish.relight, 0, case.shaper)
    frames = [frame for frame in case.frames if frame not in keys]
    return {
        made.frame: srgb(made.picture[0].numpy()) for made in render(case, recipe, motion, frames, case.store, Nobody())
    }


def psnr(pictures: dict[int, Array], answers: dict[int, Array], where: dict[int, Array]) -> float:
    """Of pictures (3, H, W) over the pixels `where`, (H, W) bool by frame, pooled."""
    errors = [((pictures[frame] - answers[frame]) ** 2).mean(0)[where[frame]] for frame in pictures]
    return float(-10 * np.log10(np.concatenate(errors).mean()))


def measure(case: Case, motion: Motion, count: int, wish: argparse.Namespace, kind: str, rows: Rows) -> None:
    answers = {frame: painted(case.true.plate(frame)) for frame in case.frames}
    number = len(case.frames)
    keys = [case.frames[int((place + 0.5) * number / count)] for place in range(count)]
    frames = [frame for frame in case.frames if frame not in keys]
    seen = {f: np.logical_or.reduce([reached(case, f, key) for key in keys]) for f in frames}
    every = {frame: np.ones_like(mask) for frame, mask in seen.items()}
    unseen = {frame: ~mask for frame, mask in seen.items()}
    share = float(np.mean([mask.mean() for mask in seen.values()]))

    ways: dict[str, Callable[[], dict[int, Array]]] = {
        "warp": lambda: {frame: nearest(motion, frame, keys, answers) for frame in frames},
        "cross-fade": lambda: {frame: faded(motion, frame, keys, answers) for frame in frames},
    }
    for fill in wish.fills:
        ways[f"ours, {fill}"] = lambda fill=fill: engine(case, motion, keys, answers, fill, wish)  # type: ignore[misc]
    limits = [wish.frames, f"relight {wish.relight:g}"]
    for name, make in ways.items():
        if rows.has(case.true.name, kind, f"{count} keys", name, *limits):
            continue
        start = time.process_time()
        pictures = make()
        seconds = (time.process_time() - start) / len(frames)
        values = [psnr(pictures, answers, where) for where in (every, seen, unseen)]
        row = dict(zip(("all", "seen", "unseen"), values, strict=True)) | {"reached": share, "s": seconds}
        rows.add(case.true.name, kind, f"{count} keys", name, *limits, row=row)
        if wish.pictures:
            save(wish.pictures / f"{case.true.name}-{kind}-{count}-{name}", pictures)
    if wish.pictures:
        save(wish.pictures / f"{case.true.name}-answer", answers)


def main() -> None:
    here = Path(__file__).resolve().parent.parent
    default = os.environ.get("IMPASTO_ASSETS", here.parent / "shared" / "assets")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, default=Path(default))
    parser.add_argument("--shots", nargs="+", default=list(SHOTS))
    parser.add_argument("--frames", default="1001-1012")
    parser.add_argument("--motion", nargs="+", default=["default", "truth"])
    parser.add_argument("--keys", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--fills", nargs="+", default=["none", "colours"], choices=["none", "colours", "net"])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--relight", type=float, default=0.0)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--rows", type=Path, default=Path("out/keys.jsonl"))
    parser.add_argument("--fresh", action="store_true")
    wish = parser.parse_args()
    first, last = map(int, wish.frames.split("-"))
    rows = Rows(wish.rows, wish.fresh)
    for name in wish.shots:
        true = TruthShot(wish.assets / "shots" / name)
        frames = tuple(frame for frame in true.frames if first <= frame <= last)
        case = Case(true, frames)
        for kind in wish.motion:
            motion = motion_of(case, kind)
            for frame in frames:
                motion.frame(frame)
            for count in wish.keys:
                measure(case, motion, count, wish, kind, rows)
    rows.means(lambda name: ("mean", *name[1:]))


if __name__ == "__main__":
    main()
