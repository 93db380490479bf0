"""How still the paint stands: the engine beside the classic warp-and-blend, along the true motion, in one run.

    python benchmarks/temporal.py [--assets ASSETS] [--shots orbit ...] [--frames 1001-1012]
        [--looks johnson/mosaic.pth johnson/candy.pth bundled] [--motion default truth] [--ways classic style key]
        [--causes] [--ping-pong 100] [--key 1006] [--pictures DIR]

Prints, for every look, shot, way and motion (`default` is the product's own, `truth` the limit that exact motion sets):
E_1 and E_8 (error along the true motion relative to painting every frame alone), detail (mean absolute Laplacian
relative to painting alone), share carried, low-pass difference to the frame painted alone over all and over freshly
uncovered pixels, ghosts (share of the pixels coming into view whose paint was there before), and CPU seconds a frame
beside motion and painting. For the engine also: gradient energy along the borders between births beside that of the
frames painted alone, and the 95th percentile of the step in time there.

--causes then names what is left of the error, by swapping one part at a time for the truth: motion; and with true
motion rebirth, light (paint not relit), seams (not mended), and what remains: resampling.
--ping-pong shows each shot to and fro and prints the detail of the last frame beside that of the first.
The way `key` paints from one key alone: E_1 over the pixels carried from it, and the share of the pixels that any true
path connects with the key that are carried.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from causes import attributed, carried_across, seams
from painted import Alone, Case, Made, classic, engine, motion_of, whole_key
from truth import SHOTS, Array, TruthShot, detail, fetched, ghosts, inside, warp_error

from impasto.server.errors import ImpastoError
from impasto.server.models.style import looks, presets
from impasto.server.models.style.painter import Painter
from impasto.server.shots import ground
from impasto.server.shots.analysis import spread
from impasto.server.shots.motion import Motion
from impasto.server.shots.relight import split
from impasto.server.shots.screen import show

WAYS = ("classic", "style", "key")
LOOKS = ("johnson/mosaic.pth", "johnson/candy.pth", "bundled")
Row = dict[str, float]


def judge(case: Case, made: Made, alone: Alone) -> Row:
    gaps = [gap for gap in (1, 8) if gap < len(case.frames)]
    row = {f"E_{gap}": relative(case, made, alone, gap) for gap in gaps}
    row["detail"] = sum(map(detail, made.pictures.values())) / sum(map(detail, alone.pictures.values()))
    row["carried"] = made.carried
    fresh = {frame: case.true.truth(frame).hidden_previous for frame in case.frames[1:]}
    pairs = {frame: (made.pictures[frame], alone.pictures[frame]) for frame in case.frames}
    row["low"] = float(np.mean([ghosts(*pair) for pair in pairs.values()]))
    row["low fresh"] = float(np.mean([ghosts(*pairs[frame], seen) for frame, seen in fresh.items() if seen.any()]))
    if made.source:
        row["ghosts"] = carried_across(case, made)
        row |= seams(case, made, alone.pictures)
    return row


def relative(case: Case, made: Made, alone: Alone, gap: int) -> float:
    return warp_error(case.true, made.pictures, gap) / warp_error(case.true, alone.pictures, gap)


def judge_key(case: Case, made: Made, alone: Alone, key: int) -> Row:
    """The same over the pixels carried from the key in both frames compared, and how many of the possible they are."""
    keyed = {frame: kind == 1 for frame, kind in made.kind.items()}
    both = {case.frames[0]: keyed[case.frames[0]]}
    for frame in case.frames[1:]:
        before = fetched(keyed[frame - 1].astype(np.float32)[None], case.true.truth(frame).backward, "bilinear")[0]
        both[frame] = keyed[frame] & (before > 0.99)
    inner = {frame: cv2.erode(seen.astype(np.uint8), np.ones((3, 3))) > 0 for frame, seen in keyed.items()}
    some = (made.pictures, alone.pictures)
    sharp = [sum(laplacian(pictures[f])[inner[f]].sum() for f in case.frames) for pictures in some]
    error = [warp_error(case.true, pictures, 1, both) for pictures in some]
    paths = {frame: reached(case, frame, key) for frame in case.frames}
    hits = sum(int((keyed[frame] & seen).sum()) for frame, seen in paths.items())
    return {
        "E_1 key": error[0] / error[1],
        "detail key": float(sharp[0] / sharp[1]),
        "reached": hits / sum(int(seen.sum()) for seen in paths.values()),
    }


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


def laplacian(picture: Array) -> Array:
    """Absolute Laplacian of luma of an sRGB picture (3, H, W), as (H, W)."""
    luma = np.tensordot(np.float32([0.299, 0.587, 0.114]), picture, 1)
    return np.abs(cv2.Laplacian(luma, cv2.CV_32F, ksize=3))


def named_causes(case: Case, alone: Alone, product: Made, exact: Made, motion: Motion) -> dict[str, Row]:
    """What is left of E_1 and E_8, shared out. `exact` is the engine's with true `motion`."""
    unlit = engine(case, motion, alone, relight=0.0)
    mend, ground.mend = ground.mend, lambda paint, carried, there, newborn, plate: carried.where(~newborn, paint)
    try:
        case.store.keep_motion()
        rough = engine(case, motion, alone)
    finally:
        ground.mend = mend
    rows = {}
    for gap in (1, 8):
        own, limit = relative(case, product, alone, gap), relative(case, exact, alone, gap)
        reborn = attributed(case.true, exact, alone.pictures, gap)["rebirth"]
        light = limit - relative(case, unlit, alone, gap)
        rows[f"E_{gap}"] = {
            "all": own,
            "motion": own - limit,
            "rebirth": reborn,
            "light": light,
            "seams": limit - relative(case, rough, alone, gap),
            "resampling": limit - reborn - light,
        }
    return rows


def save(folder: Path, pictures: dict[int, Array]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for frame, picture in pictures.items():
        bgr = np.clip(picture[::-1].transpose(1, 2, 0) * 255, 0, 255).round().astype(np.uint8)
        cv2.imwrite(str(folder / f"{frame}.png"), bgr)


def look(name: str, case: Case, assets: Path) -> Callable[[int], Painter] | None:
    """A painter by frame, as a job would have it; None for the bundled look where the tree has no weights for it."""
    manner = looks.Manner()
    try:
        if name == "bundled":
            painter = looks.open_style(next(iter(presets.presets())), None, "", manner, "impasto")
        else:
            painter = looks.of_weights(assets / "weights" / name, manner)
    except ImpastoError as error:
        print(f"{name} is left out: {error.message}")
        return None
    shown = {
        frame: show(case.shaper.decode(split(case.picture(frame), case.shaper).base), case.shaper)
        for frame in spread(case)
    }
    return looks.over_shot(painter, lambda: shown, manner.statistics)


def asked() -> Any:
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("IMPASTO_ASSETS", here.parent / "shared" / "assets")
    parser.add_argument("--assets", type=Path, default=Path(default))
    parser.add_argument("--shots", nargs="+", default=list(SHOTS))
    parser.add_argument("--frames", default="1001-1012")
    parser.add_argument("--looks", nargs="+", default=list(LOOKS))
    parser.add_argument("--motion", nargs="+", default=["default", "truth"])
    parser.add_argument("--ways", nargs="+", default=["classic", "style"], choices=WAYS)
    parser.add_argument("--causes", action="store_true")
    parser.add_argument("--ping-pong", type=int, default=0, metavar="FRAMES")
    parser.add_argument("--key", type=int, default=1006)
    parser.add_argument("--pictures", type=Path)
    return parser.parse_args()


def timed(work: Callable[[], Made], frames: int) -> tuple[Made, float]:
    start = time.process_time()
    made = work()
    return made, (time.process_time() - start) / frames


def compare(wish: Any, case: Case, alone: Alone, style: str, table: dict[tuple[str, ...], list[Row]]) -> None:
    """One shot in one look, painted in every way."""

    def tell(way: str, kind: str, row: Row) -> None:
        table.setdefault((style, way, kind), []).append(row)
        say(style, case.true.name, way, kind, row)

    found: dict[str, Made] = {}
    for kind in wish.motion:
        motion = motion_of(case, kind)
        for frame in case.frames:
            motion.frame(frame)
        for way in wish.ways:
            keys = (whole_key(case, alone, wish.key),) if way == "key" else ()
            work = (
                partial(classic, case, motion, alone)
                if way == "classic"
                else partial(engine, case, motion, alone, keys)
            )
            made, seconds = timed(work, len(case.frames))
            if way == "style":
                found[kind] = made
            row = {**judge(case, made, alone), "s": seconds}
            if way == "key":
                row |= judge_key(case, made, alone, wish.key)
            tell(way, kind, row)
            if wish.pictures:
                save(wish.pictures / f"{style}-{case.true.name}-{way}-{kind}", made.pictures)
    if wish.causes and {"default", "truth"} <= set(found):
        for gap, row in named_causes(case, alone, found["default"], found["truth"], motion_of(case, "truth")).items():
            tell("cause", gap, row)


def ping_pong(wish: Any, true: TruthShot, painter: Callable[[int], Painter], style: str) -> None:
    """Detail of the last frame of a shot shown to and fro, beside the first's."""
    there = list(true.frames)
    order = (there + there[-2:0:-1]) * (wish.ping_pong // len(there) + 1)
    case = Case(true, tuple(order[: wish.ping_pong]))
    made = engine(case, motion_of(case, "truth"), Alone.by(case, painter))
    first, last = (detail(made.pictures[frame]) for frame in (case.frames[0], case.frames[-1]))
    say(style, true.name, "to and fro", "truth", {"detail of the last to the first": last / first})


def main() -> None:
    wish = asked()
    first, last = map(int, wish.frames.split("-"))
    table: dict[tuple[str, ...], list[Row]] = {}
    for shot in wish.shots:
        true = TruthShot(wish.assets / "shots" / shot)
        case = Case(true, tuple(frame for frame in true.frames if first <= frame <= last))
        for name in wish.looks:
            style, painter = Path(name).stem, look(name, case, wish.assets)
            if painter is None:
                continue
            case.store.keep_motion()
            if wish.ping_pong:
                ping_pong(wish, true, painter, style)
            else:
                compare(wish, case, Alone.by(case, painter), style, table)
    for (style, way, kind), rows in table.items():
        mean = {what: float(np.mean([row[what] for row in rows])) for what in rows[0]}
        say(style, "mean", way, kind, mean)


def say(style: str, shot: str, way: str, kind: str, row: Row) -> None:
    values = "  ".join(f"{what} {value:.3f}" for what, value in row.items())
    print(f"{style:8} {shot:10} {way:8} {kind:8}", values, flush=True)


if __name__ == "__main__":
    main()
