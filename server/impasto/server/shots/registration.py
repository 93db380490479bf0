"""Registration: carried paint is drawn back onto its birth plate, so that a map many frames old is still true.

A map put together from motion frame by frame drifts. The plate the paint was laid on, fetched through the map, shows by
how much: what is left of motion between it and the plate of now.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch
from torch import Tensor

from impasto.server.models.flow.candidates import Array, mean, moved
from impasto.server.models.flow.planes import doubled, flat, halved, registered
from impasto.server.shots.provenance import Map, carry

_RADIUS = 12
"""Pixels around each in which the two plates are laid over each other."""

_GAIN = 0.5
"""Share of the drift that is taken back in one frame: grain makes the rest tremble."""

_FARTHEST = 1.0
"""Pixels of drift; what seems to be farther off is another thing."""

_LOOK = 4
"""Radius over which the plates must have become more alike."""

_HELPS = 0.85
"""What must be left of the difference, at most: a true map under grain is not to follow the grain."""

_UNLIKE = 0.1
"""Difference that halves what a pixel counts."""

_SMALLEST = 16
_LUMA = torch.tensor([0.2126, 0.7152, 0.0722])[:, None, None]


def register(here: Map, now: Tensor, then: Tensor) -> Map:
    """Take back some of a map's drift.

    Args:
        here: a frame's map, as carried.
        now: (1, 3, H, W) float32, shaped base of the frame's plate.
        then: the same of the relit birth plate, fetched through the map; anything where there is no paint.

    Returns:
        The map with its places moved, by less than `_FARTHEST` pixels, where that brings the plates together. Births,
        doubt and what is alive stay. Frames under 16 pixels a side are left as they are.
    """
    if min(now.shape[-2:]) < _SMALLEST:
        return here
    alive = here.alive[0, 0].numpy()
    drift = _drift(_luma(now), np.where(alive, _luma(then), _luma(now)), alive.astype(np.float32))
    pulled = carry(here, torch.from_numpy(np.ascontiguousarray(drift.transpose(2, 0, 1)))[None])
    apart = torch.maximum((pulled.x - here.x).abs(), (pulled.y - here.y).abs())
    taken = here.alive & (pulled.born == here.born) & (apart < 2 * _FARTHEST)
    return replace(here, x=torch.where(taken, pulled.x, here.x), y=torch.where(taken, pulled.y, here.y))


def _drift(now: Array, then: Array, alive: Array) -> Array:
    """(H, W, 2) by which the map is to be fetched anew; 0 where that does not help."""
    height, width = now.shape
    even = (slice(0, height - height % 2), slice(0, width - width % 2))
    small_now, small_then, weight = (halved(np.ascontiguousarray(values[even])) for values in (now, then, alive))
    weight = weight / (1 + ((small_now - small_then) / np.float32(_UNLIKE)) ** 2)
    still = flat(np.zeros((*small_now.shape, 2), np.float32))
    planes = registered(small_now, small_then, still, weight, _RADIUS // 2, rounds=2)
    drift = np.zeros((height, width, 2), np.float32)
    drift[even] = doubled(planes)
    before, after = (mean(np.abs(there - now) * alive, _LOOK) for there in (then, moved(then, drift)))
    helps = ((after < _HELPS * before) & (cv2.magnitude(drift[..., 0], drift[..., 1]) < _FARTHEST)).astype(np.float32)
    return np.asarray(drift * (_GAIN * helps * cv2.GaussianBlur(helps, (0, 0), 1.5))[..., None], np.float32)


def _luma(picture: Tensor) -> Array:
    weighted: Array = np.ascontiguousarray((picture * _LUMA).sum(1)[0].numpy())
    return weighted
