"""How still the paint stands: the engine beside the classic warp-and-blend, along the true motion, in one run.

    python benchmarks/temporal.py [--assets ASSETS] [--shots orbit ...] [--frames 1001-1012]
        [--looks johnson/mosaic.pth johnson/candy.pth bundled | all] [--motion default truth]
        [--ways classic style key] [--causes] [--ping-pong 100] [--key 1006] [--consistency 1] [--pictures DIR]
        [--rows out/temporal.jsonl] [--fresh]

Prints, for every look, shot, way and motion (`default` is the product's own, `truth` the limit that exact motion sets):
E_1 and E_8 (error along the true motion relative to painting every frame alone), detail (mean absolute Laplacian
relative to painting alone), share carried, low-pass difference to the frame painted alone over all and over freshly
uncovered pixels, ghosts (pixels that come into view whose paint was there before, as a share of all pixels and of
those that come into view), and CPU seconds a frame beside motion and painting. For the engine also, along the borders
between births: gradient energy beside that of the frames painted alone, as a whole and away from the outlines of things
(which a look draws anew in every frame and the engine cuts), and the 95th percentile of the step in time, beside that
of all other pixels, its parts (paint that is in place, that has drifted, that was replaced), and `still`: what the
measure itself makes of paint that stands perfectly still. Last the means over the shots.

The way `alone` says how still a look is by itself: root mean square change of a frame painted alone along the true
motion 1 and 8 frames apart, in sRGB, and the plate's own; and `still_1` and `still_8`, the E_1 and E_8 that the measure
itself gives to paint that stands perfectly still, each frame painted alone and carried back through one more
resampling. `--looks all` takes every look that can paint here.

--causes then names what is left of the error, by swapping one part at a time for the truth: motion; and with true
motion rebirth, light (paint not relit), seams (not mended), and what remains: resampling.
--ping-pong shows each shot to and fro and prints the detail of the last frame beside that of the first, of itself
painted alone, and of the same plate when it was first shown; and that of the last return to the first plate beside the
first's.
The way `key` paints from one key alone: E_1 over the pixels carried from it, and the share of the pixels that any true
path connects with the key that are carried.

Every row is kept in `--rows` as it is printed; what an earlier run of the same state of the code has made is not made
again, unless --fresh.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import lean
import numpy as np
from causes import attributed, carried_across, seams
from painted import Alone, Case, Made, classic, engine, motion_of, whole_key
from rows import Row, Rows
from truth import SHOTS, Array, TruthShot, detail, fetched, ghosts, srgb, warp_error

from impasto.server.errors import ImpastoError
from impasto.server.models import catalogue
from impasto.server.models.style import looks, presets
from impasto.server.models.style.painter import Painter
from impasto.server.shots import ground
from impasto.server.shots.analysis import spread
from impasto.server.shots.motion import Motion
from impasto.server.shots.relight import split
from impasto.server.shots.screen import show

WAYS = ("alone", "classic", "style", "key")
LOOKS = ("johnson/mosaic.pth", "johnson/candy.pth", "bundled")
GAPS = (1, 8)


def judge(case: Case, made: Made, alone: Alone) -> Row:
    row = {f"E_{gap}": relative(case, made, alone, gap) for gap in GAPS if gap < len(case.frames)}
    row["detail"] = sum(map(detail, made.pictures.values())) / sum(map(detail, alone.pictures.values()))
    row["carried"] = made.carried
    fresh = {frame: case.true.truth(frame).hidden_previous for frame in case.frames[1:]}

    def low(frame: int, where: Array | None = None) -> float:
        return ghosts(made.pictures[frame], alone.pictures[frame], where)

    row["low"] = float(np.mean([low(frame) for frame in case.frames]))
    row["low fresh"] = float(np.mean([low(frame, seen) for frame, seen in fresh.items() if seen.any()]))
    if made.source:
        row |= carried_across(case, made)
        row |= seams(case, made, alone.pictures)
    return row


def judge_alone(case: Case, alone: Alone) -> Row:
    """How still a look is by itself, beside the plate."""
    plates = {frame: srgb(case.true.plate(case.shown(frame))) for frame in case.frames}
    gaps = [gap for gap in GAPS if gap < len(case.frames)]
    row = {
        f"{name}_{gap}": warp_error(case.true, pictures, gap) ** 0.5
        for name, pictures in (("rms", alone.pictures), ("plate", plates))
        for gap in gaps
    }
    return row | {f"still_{gap}": standing(case, alone, gap) / row[f"rms_{gap}"] ** 2 for gap in gaps}


def standing(case: Case, alone: Alone, gap: int) -> float:
    """Error of paint that stands still: each frame painted alone, carried back along the true motion."""
    errors = []
    for frame in case.frames[gap:]:
        motion = case.true.chain(frame - gap, -gap)[0]
        pictures = {frame - gap: fetched(alone.pictures[frame], motion), frame: alone.pictures[frame]}
        errors.append(warp_error(case.true, pictures, gap))
    return float(np.mean(errors))


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
    return case.true.chain(frame, frame - key)[1]


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
    for gap in GAPS:
        if gap >= len(case.frames):
            continue
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


def save(folder: Path, pictures: Mapping[int, Array]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for frame, picture in pictures.items():
        bgr = np.clip(picture[::-1].transpose(1, 2, 0) * 255, 0, 255).round().astype(np.uint8)
        cv2.imwrite(str(folder / f"{frame}.png"), bgr)


def looks_id(name: str) -> str:
    return "impasto" if name == "bundled" else name


def every_look() -> list[str]:
    """All looks of the catalogue that paint after pictures, and the Johnson nets of the assets."""
    known = [model.id for model in catalogue.catalogue().values() if model.family == "style" and model.id != "johnson"]
    return [name for name in LOOKS if name.endswith(".pth")] + known


def look(name: str, case: Case, assets: Path) -> Callable[[int], Painter] | None:
    """A painter by frame, as a job would have it; None for the bundled look where the tree has no weights for it."""
    manner = looks.Manner()
    try:
        if name.endswith(".pth"):
            painter = looks.of_weights(assets / "weights" / name, manner)
        else:
            painter = looks.open_style(next(iter(presets.presets())), None, "", manner, looks_id(name))
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
    parser.add_argument("--ways", nargs="+", default=["alone", "classic", "style"], choices=WAYS)
    parser.add_argument("--causes", action="store_true")
    parser.add_argument("--ping-pong", type=int, default=0, metavar="FRAMES")
    parser.add_argument("--key", type=int, default=1006)
    parser.add_argument("--consistency", type=float, default=1.0)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--rows", type=Path, default=Path("out/temporal.jsonl"))
    parser.add_argument("--fresh", action="store_true")
    return parser.parse_args()


def timed(work: Callable[[], Made], frames: int) -> tuple[Made, float]:
    start = time.process_time()
    made = work()
    spent = time.process_time() - start
    lean.give_back()
    return made, spent / frames


def compare(wish: Any, case: Case, name: str, rows: Rows) -> None:
    """One shot in one look, painted in every way that is not in the table yet."""
    style, shot = Path(name).stem, case.true.name
    limits = [wish.frames, f"c={wish.consistency:g}"]
    wanted = [(way, kind) for kind in wish.motion for way in wish.ways if way != "alone"]
    missing = [(way, kind) for way, kind in wanted if not rows.has(style, shot, way, kind, *limits)]
    first = "alone" in wish.ways and not rows.has(style, shot, "alone", "truth", *limits)
    told = [rows.has(style, shot, "cause", f"E_{gap}", *limits) for gap in GAPS if gap < len(case.frames)]
    causes = wish.causes and not all(told)
    painter = look(name, case, wish.assets) if missing or first or causes else None
    if painter is None:
        return
    alone = Alone.by(case, painter)
    if first:
        rows.add(style, shot, "alone", "truth", *limits, row=judge_alone(case, alone))
    if causes:
        missing += [("style", kind) for kind in ("default", "truth") if ("style", kind) not in missing]
    found: dict[str, Made] = {}
    for way, kind in missing:
        motion = motion_of(case, kind)
        for frame in case.frames:
            motion.frame(frame)
        case.store.keep_motion()
        made, row = painted(wish, case, alone, way, motion)
        if way == "style":
            found[kind] = made
        if not rows.has(style, shot, way, kind, *limits):
            rows.add(style, shot, way, kind, *limits, row=row)
        if wish.pictures:
            save(wish.pictures / f"{style}-{shot}-{way}-{kind}", made.pictures)
        lean.give_back()
    if causes:
        case.store.keep_motion()
        for gap, row in named_causes(case, alone, found["default"], found["truth"], motion_of(case, "truth")).items():
            rows.add(style, shot, "cause", gap, *limits, row=row)


def painted(wish: Any, case: Case, alone: Alone, way: str, motion: Motion) -> tuple[Made, Row]:
    keys = (whole_key(case, alone, wish.key),) if way == "key" else ()
    work = (
        partial(classic, case, motion, alone)
        if way == "classic"
        else partial(engine, case, motion, alone, keys, consistency=wish.consistency)
    )
    made, seconds = timed(work, len(case.frames))
    row = {**judge(case, made, alone), "s": seconds}
    return made, row | (judge_key(case, made, alone, wish.key) if way == "key" else {})


def ping_pong(wish: Any, true: TruthShot, name: str, rows: Rows) -> None:
    """Detail of a shot shown to and fro: of its last frame, and of the last that is the first once more."""
    style, there = Path(name).stem, list(true.frames)
    order = (there + there[-2:0:-1]) * (wish.ping_pong // len(there) + 1)
    case = Case(true, tuple(order[: wish.ping_pong]))
    missing = [kind for kind in wish.motion if not rows.has(style, true.name, "to and fro", kind, str(wish.ping_pong))]
    painter = look(name, case, wish.assets) if missing else None
    if painter is None:
        return
    alone = Alone.by(case, painter)
    first, last = case.frames[0], case.frames[-1]
    young = next(frame for frame in case.frames if case.shown(frame) == case.shown(last))
    again = max(frame for frame in case.frames if case.shown(frame) == case.shown(first))
    for kind in missing:
        made, seconds = timed(
            partial(engine, case, motion_of(case, kind), alone, consistency=wish.consistency), len(case.frames)
        )
        sharp = {frame: detail(made.pictures[frame]) for frame in (first, young, again, last)}
        row = {
            "detail of the last to the first": sharp[last] / sharp[first],
            "to itself alone": sharp[last] / detail(alone.pictures[last]),
            "to when it was first shown": sharp[last] / sharp[young],
            "of the first when last shown to the first": sharp[again] / sharp[first],
            "s": seconds,
        }
        rows.add(style, true.name, "to and fro", kind, str(wish.ping_pong), row=row)
        if wish.pictures:
            save(wish.pictures / f"{style}-{true.name}-to-and-fro-{kind}", made.pictures)


def main() -> None:
    wish = asked()
    lean.map_large_blocks()
    first, last = map(int, wish.frames.split("-"))
    rows = Rows(wish.rows, wish.fresh)
    for shot in wish.shots:
        true = TruthShot(wish.assets / "shots" / shot)
        case = Case(true, tuple(frame for frame in true.frames if first <= frame <= last))
        for name in every_look() if wish.looks == ["all"] else wish.looks:
            case.store.keep_motion()
            lean.give_back()
            if wish.ping_pong:
                ping_pong(wish, true, name, rows)
            else:
                compare(wish, case, name, rows)
    rows.means(lambda name: (name[0], "mean", *name[2:]))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
