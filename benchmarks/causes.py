"""Where the error along the true motion comes from, and how well newborn paint continues its neighbours."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from painted import Case, Made
from truth import Array, TruthShot, fetched, srgb, warp_error

DRIFT = 0.15
"""Pixels off its place from which paint counts as drifted."""
BAND = 3
"""Pixels on either side of a border between births in which seams are looked for."""
LAYER = 0.5
"""Pixels by which motion differs from one thing to another."""
_FATES = ("in place", "drifted", "replaced")


def attributed(shot: TruthShot, made: Made, alone: Mapping[int, Array], gap: int) -> dict[str, float]:
    """E of the engine's frames, shared out by what became of every pixel's paint on the way.

    Returns:
        `rebirth`: the paint is another's; `drift`: the same paint, off its place: motion; `same`: the same paint in its
        place, so that only resampling, light and seams are left. They add up to E.
    """
    parts: dict[str, list[float]] = {"rebirth": [], "drift": [], "same": []}
    frames = [frame for frame in sorted(made.pictures) if frame - gap in made.pictures]
    for frame in frames:
        motion, seen = shot.chain(frame, gap)
        error = ((made.pictures[frame] - fetched(made.pictures[frame - gap], motion)) ** 2).mean(0)
        one, off = kept(made, frame, gap, motion)
        for name, where in (("rebirth", ~one), ("drift", one & off), ("same", one & ~off)):
            parts[name].append(float(error[seen & where].sum() / seen.sum()))
    whole = warp_error(shot, alone, gap)
    return {name: float(np.mean(values)) / whole for name, values in parts.items()}


def kept(made: Made, frame: int, gap: int, motion: Array) -> tuple[Array, Array]:
    """What became of every pixel's paint since `gap` frames ago, each (H, W) bool: it is the same; it is off its place.

    `motion` (2, H, W) is the true one, back to that frame.
    """
    here, there = made.source[frame], made.source[frame - gap]
    row, column = np.mgrid[: motion.shape[1], : motion.shape[2]]
    grid = np.stack([column, row]).astype(np.float32)
    place = fetched(there[1:] - grid, motion, "bilinear") + grid + motion
    one = fetched(there[:1], motion, "nearest")[0] == here[0]
    return one, np.hypot(*(place - here[1:])) > DRIFT


def carried_across(case: Case, made: Made) -> dict[str, float]:
    """Ghosts: pixels that come into view whose paint was there before.

    Returns:
        `ghosts`: their share of all pixels; `of fresh`: of those that come into view.
    """
    across = fresh = every = 0
    for before, frame in zip(case.frames, case.frames[1:], strict=False):
        true, source = case.true.truth(case.shown(frame)), made.source[frame]
        uncovered = true.hidden_previous & true.valid
        across += int((uncovered & (source[0] <= before)).sum())
        fresh += int(uncovered.sum())
        every += uncovered.size
    return {"ghosts": across / max(every, 1), "of fresh": across / max(fresh, 1)}


def borders(source: Array) -> Array:
    """The band, (H, W) bool, along the borders between births of one frame's source (3, H, W)."""
    born = source[0]
    edge = np.zeros(born.shape, np.uint8)
    edge[:, 1:] |= born[:, 1:] != born[:, :-1]
    edge[1:] |= born[1:] != born[:-1]
    return cv2.dilate(edge, np.ones((2 * BAND, 2 * BAND), np.uint8)) > 0


def outlines(motion: Array) -> Array:
    """Where motion (2, H, W) differs from thing to thing, and three pixels around, (H, W) bool."""
    change = sum(np.abs(slope) for part in motion for slope in np.gradient(part))
    return cv2.dilate((change > LAYER).astype(np.uint8), np.ones((2 * BAND + 1, 2 * BAND + 1), np.uint8)) > 0


def seams(case: Case, made: Made, alone: Mapping[int, Array]) -> dict[str, float]:
    """Along the borders between births: gradient energy beside that of the frames painted alone, and steps in time.

    Steps are changes of luma from frame to frame along the true motion, where nothing hides it, less the plate's own;
    of each the 95th percentile.

    Returns:
        `gradient`: ratio of the mean squared gradient of luma; `on things`: the same away from the outlines of things;
        `step`; `elsewhere`: the same over all other pixels. The step's parts: `in place`: paint that is the same in
        both frames and where it belongs; `drifted`: the same, off its place by motion; `replaced`: another's; and the
        shares of the latter two. `still`: what the measure itself makes of it all, its step where each frame painted
        alone is carried to the frame before by true motion and compared with itself.
    """
    energy, inner = np.zeros(2), np.zeros(2)
    steps: dict[str, list[Array]] = {name: [] for name in ("step", "elsewhere", *_FATES, "still")}

    def plate(frame: int) -> Array:
        return srgb(case.true.plate(case.shown(frame)))

    for before, frame in zip(case.frames, case.frames[1:], strict=False):
        band = borders(made.source[frame])
        motion, seen = case.true.chain(frame, 1)
        gradients = [gradient(picture) for picture in (made.pictures[frame], alone[frame])]
        energy += [each[band].sum() for each in gradients]
        inner += [each[band & ~outlines(motion)].sum() for each in gradients]
        there = fetched(alone[frame], case.true.truth(before).forward)
        own = change(plate(frame), plate(before), motion)
        step = change(made.pictures[frame], made.pictures[before], motion) - own
        one, off = kept(made, frame, 1, motion)
        fates = zip(_FATES, (band & one & ~off, band & one & off, band & ~one), strict=True)
        for name, where in (("step", band), ("elsewhere", ~band), *fates):
            steps[name].append(step[where & seen])
        steps["still"].append((change(alone[frame], there, motion) - own)[band & seen])
    found = {name: np.concatenate(values) for name, values in steps.items()}
    whole = max(found["step"].size, 1)
    return {
        "gradient": float(energy[0] / energy[1]),
        "on things": float(inner[0] / inner[1]),
        **{name: float(np.quantile(values, 0.95)) if values.size else 0.0 for name, values in found.items()},
        **{f"share {name}": found[name].size / whole for name in _FATES[1:]},
    }


def change(picture: Array, before: Array, motion: Array) -> Array:
    """Absolute change of luma (H, W) between sRGB pictures (3, H, W) along the motion (2, H, W) to the one before."""
    return np.abs(luma(picture) - fetched(luma(before)[None], motion, "bicubic")[0])


def gradient(picture: Array) -> Array:
    """Squared gradient of luma of an sRGB picture (3, H, W), as (H, W)."""
    value = luma(picture)
    return cv2.Sobel(value, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(value, cv2.CV_32F, 0, 1) ** 2


def luma(picture: Array) -> Array:
    """Luma of an sRGB picture (3, H, W), as (H, W)."""
    return np.tensordot(np.float32([0.299, 0.587, 0.114]), picture, 1)
