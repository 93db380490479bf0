"""When paint dies: where it is hidden or outside, and where the motion breaks and another thing is seen."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.ops.lowpass import lowpass
from impasto.server.shots import mattes
from impasto.server.shots.provenance import Map, stretch

_TRUST = 0.47
"""Confidence below which motion counts as broken: where the forward/backward check of Sundaram et al. 2010 fails."""
_CERTAIN = 0.9
"""Probability from which hiding is certain: seen paint that dies costs more than hidden paint that stays."""
_LOOK = 0.12
"""Shaped difference to the relit birth plate from which another thing is seen."""
_NEAR = 2.0
"""Pixels over which that difference is averaged, so that grain and glints do not count."""
_STRETCH = 1.1
"""Logarithm of the stretch (a factor of 3) from which broken motion has torn the paint."""

_RIM = 1
"""Pixels beside a thing in which its outline, painted onto what lies behind it, must not stay."""
_TRACE = 0.08
"""Shaped difference to the relit birth plate from which a pixel held some of the thing that moved off."""
_LAYER = 0.5
"""Pixels by which motion differs from one thing to another."""

_HIDING = (mattes.OUTSIDE, mattes.HIDDEN, mattes.NO_NEIGHBOUR, mattes.DEPTH)


def hidden(occlusion: Tensor, cause: Tensor, measured: bool) -> Tensor:
    """Pixels that the neighbouring frame certainly did not show.

    Args:
        occlusion: (1, 1, H, W) 0..1 towards that frame.
        cause: (1, 1, H, W), the code of `mattes`.
        measured: whether motion was; then the matte is a probability, and only what is certain is proof.

    Returns:
        (1, 1, H, W) bool. Disagreement of motion alone is doubt, not proof.
    """
    proven = torch.zeros_like(cause, dtype=torch.bool)
    for code in _HIDING:
        proven |= cause == code
    return (occlusion > (_CERTAIN if measured else 0.5)) & proven


def deaths(carried: Map, gone: Tensor, confidence: Tensor, now: Tensor, then: Tensor) -> Tensor:
    """Where carried paint dies.

    Args:
        carried: the map as carried here.
        gone: (1, 1, H, W) bool, see `hidden`.
        confidence: (1, 1, H, W) 0..1, of the motion it was carried by.
        now: (1, 3, H, W), shaped base of the plate.
        then: (1, 3, H, W), that of the relit birth plate, fetched.

    Returns:
        (1, 1, H, W) bool; True also where there was no paint. Neither broken motion nor another look kills alone, and
        neither does any doubt of a few pixels' size.
    """
    lost = gone | ~carried.alive
    broken = confidence < _TRUST
    difference = (now - then).abs().amax(1, keepdim=True)
    unlike = lowpass(difference, _NEAR) > _LOOK
    doubted = broken & (unlike | (stretch(carried) > _STRETCH))
    return lost | _opened(doubted & ~lost)


def rim(gone: Tensor, motion: Tensor, now: Tensor, then: Tensor, measured: bool) -> Tensor:
    """What lies around uncovered pixels on the same thing: whatever hid them may have left its outline there.

    Args:
        gone: (1, 1, H, W) bool, see `hidden`.
        motion: (1, 2, H, W) towards the frame in which they were hidden.
        now: (1, 3, H, W), shaped base of the plate.
        then: (1, 3, H, W), that of the relit birth plate, fetched.
        measured: whether motion was. Measured borders err by a pixel and all beside them goes; beside those of given
            motion only what holds a trace in its birth plate.

    Returns:
        (1, 1, H, W) bool, with `gone`. The thing that moved off has another motion and keeps its paint.
    """
    height, width = gone.shape[-2:]
    grown = gone
    for _ in range(_RIM):
        around = F.pad(grown.float(), (1, 1, 1, 1)) > 0
        there = F.pad(motion, (1, 1, 1, 1), mode="replicate")
        for across, down in ((0, 1), (2, 1), (1, 0), (1, 2)):
            crop = (..., slice(down, down + height), slice(across, across + width))
            apart = (there[crop] - motion).abs().amax(1, keepdim=True)
            grown = grown | (around[crop] & (apart < _LAYER))
    if measured:
        return grown
    return gone | (grown & ((now - then).abs().amax(1, keepdim=True) > _TRACE))


def specks(here: Map, confidence: Tensor, measured: bool) -> Tensor:
    """Doubted paint thinner than three pixels: amid what is newborn it would only be dirt.

    Args:
        here: a frame's map.
        confidence: (1, 1, H, W) 0..1, of the motion it was carried by.
        measured: whether motion was. By given motion ground between blades of grass is thin too, and certain.

    Returns:
        (1, 1, H, W) bool.
    """
    thin = here.alive & ~_opened(here.alive)
    return thin if measured else thin & (confidence < _TRUST)


def _opened(mask: Tensor) -> Tensor:
    """A mask without what is thinner than three pixels (opening by a 3x3 square)."""
    value = F.pad(mask.float(), (2, 2, 2, 2), mode="replicate")
    eroded = -F.max_pool2d(-value, 3, 1)
    return (F.max_pool2d(eroded, 3, 1) > 0.5) & mask
