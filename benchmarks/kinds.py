"""Kinds of pixels that motion finds hard, told by the truth: borders, thin things, what turns, what is faint.

Every visible pixel is of one kind, the first of these that fits:

* thin: on a thing narrower than 7 pixels, by depth: a closing of that size lifts it by more than 4 %;
* border: within 3 pixels of where neighbours' true motion differs by more than 1 pixel, or of what is hidden;
* faint: texture is weaker than what the plate's grain and aliasing differ by along the true motion;
* turning: the surface turns, shears or stretches by more than 3 % from frame to frame;
* rest.
"""

from __future__ import annotations

import cv2
import numpy as np
from truth import Array, TruthShot, endpoint_error, fetched, read, srgb

NAMES = ("thin", "border", "faint", "turning", "rest")
NEAR, APART = 3, 1.0
WIDTH, LIFT = 7, 0.04
TURN = 0.03
WINDOW = 9


def kinds(shot: TruthShot, frame: int, forward: bool = True) -> dict[str, Array]:
    """Masks (H, W) by kind, and `visible`, which they share out.

    Args:
        shot: the shot.
        frame: one of its frames.
        forward: whether motion to the next frame is meant, else to the previous.
    """
    truth = shot.truth(frame)
    motion, hidden = (truth.forward, truth.hidden_next) if forward else (truth.backward, truth.hidden_previous)
    visible = truth.valid & ~hidden
    left = visible.copy()
    masks = {"visible": visible}
    for name, where in (
        ("thin", thin(shot, frame)),
        ("border", border(motion, hidden, truth.valid)),
        ("faint", faint(shot, frame, frame + (1 if forward else -1), motion)),
        ("turning", turning(motion)),
        ("rest", visible),
    ):
        masks[name] = left & where
        left &= ~where
    return masks


def border(motion: Array, hidden: Array, valid: Array) -> Array:
    """Pixels near a break of true motion or near what is hidden, (H, W) bool."""
    breaks = hidden.astype(np.uint8)
    for axis in (1, 2):
        apart = np.hypot(*np.diff(motion, axis=axis)) > APART
        edge = np.diff(valid, axis=axis - 1) | apart
        one, other = (slice(1, None), slice(None, -1))
        for side in (one, other):
            breaks[(slice(None), side) if axis == 2 else side] |= edge
    return cv2.dilate(breaks, np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8)) > 0


def thin(shot: TruthShot, frame: int) -> Array:
    """Pixels of things that stand narrow before what lies behind them, (H, W) bool."""
    channels = read(shot.folder / f"truth.{frame}.exr")
    depth = channels["depth.Z"].astype(np.float32)
    depth = np.where(channels["valid.a"] > 0.5, depth, depth[channels["valid.a"] > 0.5].max())
    closed = cv2.morphologyEx(depth, cv2.MORPH_CLOSE, np.ones((WIDTH, WIDTH), np.uint8))
    return closed > (1 + LIFT) * depth


def turning(motion: Array) -> Array:
    """Pixels whose surroundings turn, shear or stretch, (H, W) bool."""
    slopes = [cv2.Sobel(part, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=0.125) for part in motion for dx in (1, 0)]
    return np.sqrt(sum(slope**2 for slope in slopes)) > TURN


def faint(shot: TruthShot, frame: int, other: int, motion: Array) -> Array:
    """Pixels around which the lesser slope is weaker than what differs along the true motion, (H, W) bool."""
    here, there = (srgb(shot.plate(number)) for number in (frame, other))
    luma = np.float32([0.2126, 0.7152, 0.0722])
    one, two = (np.tensordot(luma, picture, 1) for picture in (here, fetched(there, motion)))
    x, y = (cv2.Sobel((one + two) / 2, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=0.125) for dx in (1, 0))
    noise, xx, xy, yy = (cv2.blur(value, (WINDOW, WINDOW)) for value in ((one - two) ** 2, x * x, x * y, y * y))
    least = (xx + yy) / 2 - np.hypot((xx - yy) / 2, xy)
    return least < 0.2 * noise


def shared(error: Array, masks: dict[str, Array]) -> dict[str, tuple[float, float, float]]:
    """By kind: share of the visible pixels, mean error, share of the whole error."""
    visible = masks["visible"]
    count, whole = visible.sum(), error[visible].sum()
    parts = {name: error[masks[name]] for name in NAMES}
    return {
        name: (len(part) / count, float(part.mean()) if len(part) else 0.0, float(part.sum() / whole))
        for name, part in parts.items()
    }


def jitter(shot: TruthShot, frame: int, now: Array, following: Array) -> float:
    """How much the error trembles from one pair to the next.

    Args:
        shot: the shot.
        frame: whose motion forward `now` (2, H, W) is.
        now: measured motion.
        following: that of the next frame.

    Returns:
        The mean length of the change of the error vector along the true motion, over pixels seen in all three frames
        whose error is under 1 px both times; divided by the root of 2, so that errors that know nothing of each other
        give their own mean.
    """
    here, there = shot.truth(frame), shot.truth(frame + 1)
    off = fetched(following - there.forward, here.forward, "bilinear")
    lost = fetched((there.hidden_next | ~there.valid)[None].astype(np.float32), here.forward, "bilinear")[0] > 0.01
    close = (endpoint_error(now, here.forward) < 1) & (np.hypot(*off) < 1)
    seen = here.valid & ~here.hidden_next & ~lost & close
    return float(np.hypot(*(now - here.forward - off))[seen].mean() / np.sqrt(2))
