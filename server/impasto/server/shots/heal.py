"""Healing: hairline gaps in carried paint are closed by the paint beside them, where the plate bears it out.

Along the borders of things a pixel shows a little of both sides, and its history breaks for want of a neighbour, not
for want of paint. Painted anew it would be a speck.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.provenance import NOWHERE, Map, borrowed
from impasto.server.shots.recall import Recall
from impasto.server.shots.relight import relit_plate

_WIDTH = 2
"""Gaps this many pixels wide, or narrower, are hairlines."""
_LOOK = 0.1
"""Shaped difference to the relit birth plate up to which the paint beside a gap belongs into it."""
_AROUND = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1))


def heal(here: Map, now: Tensor, ratio: Tensor, recall: Recall, shaper: Shaper) -> Map:
    """Close hairline gaps.

    Every gap pixel tries the displacement of its eight neighbours, and takes the one whose birth plate, relit, looks
    most like the plate; none where none looks alike.

    Args:
        here: a frame's map.
        now: (1, 3, H, W), shaped base of the plate.
        ratio: (1, 1, H, W), change of light since birth, see `relight.change`.
        recall: gives the plates of births.
        shaper: the shot's.

    Returns:
        The map, with paint in its hairlines.
    """
    missing = ~here.alive
    place = hairlines(missing).flatten().nonzero()[:, 0]
    if len(place) == 0 or bool(missing.all()):
        return here
    height, width = missing.shape[-2:]
    column, row = place % width, torch.div(place, width, rounding_mode="floor")
    seen, gain = (value.flatten(2)[..., place][:, :, None] for value in (now, ratio))
    best = torch.full((len(place),), _LOOK)
    found = borrowed(here, place, torch.zeros_like(column), torch.zeros_like(row))
    for across, down in _AROUND:
        beside_x, beside_y = (column + across).clamp(0, width - 1), (row + down).clamp(0, height - 1)
        candidate = borrowed(here, beside_y * width + beside_x, beside_x - column, beside_y - row)
        difference = (relit_plate(recall(candidate), gain, shaper) - seen).abs().amax(1).flatten()
        better = candidate.alive.flatten() & (difference < best)
        best = torch.where(better, difference, best)
        found = Map(
            *(
                torch.where(better, new, old)
                for new, old in zip(vars(candidate).values(), vars(found).values(), strict=True)
            )
        )
    return _put(here, place, found)


def hairlines(missing: Tensor) -> Tensor:
    """The part of a mask, (1, 1, H, W) bool, that is at most two pixels wide."""
    value = F.pad(missing.float(), (_WIDTH,) * 4, mode="replicate")
    size = _WIDTH + 1
    eroded = -F.max_pool2d(-value, size, 1)
    wide = F.max_pool2d(eroded, size, 1) > 0.5
    return missing & ~wide


def _put(here: Map, place: Tensor, found: Map) -> Map:
    healed = place[(found.born != NOWHERE).flatten()]
    which = (found.born != NOWHERE).flatten()
    parts = []
    for old, new in zip(vars(here).values(), vars(found).values(), strict=True):
        flat = old.flatten().clone()
        flat[healed] = new.flatten()[which]
        parts.append(flat.reshape(old.shape))
    return Map(*parts)
