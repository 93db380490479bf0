"""Consistency: how much of a frame's own painting comes back through the paint that was carried there.

Carried paint is what it was at birth, lit anew. Some want it to live: to follow what the look would make of the plate
as it is now. Broad colour can do that without a stroke leaving its place, so it comes first; strokes come last.
"""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.server.ops.lowpass import broad
from impasto.server.shots.keyed import Coat
from impasto.server.shots.provenance import identity


def renewed(coat: Coat, own: Tensor, frame: int, consistency: float) -> Coat:
    """Carried paint with the frame's own painting showing through.

    Each of the two bands is a straight mix of carried and own, the same for every frame, so what is seen of a pixel
    depends neither on its age nor on other frames. Strokes half there are two paintings over each other.

    Args:
        coat: carried paint, under the light of now.
        own: (1, 3, H, W) float32, shaped base of the frame painted alone.
        frame: its number.
        consistency: 0..1. 1 leaves the paint as it is; down to 0.5 the broad colour turns into the frame's own, strokes
            staying where they were laid; from there to 0 the strokes do too. 0 is the frame painted alone.
    """
    colour, strokes = min(1.0, 2 * (1 - consistency)), max(0.0, 1 - 2 * consistency)
    if colour == 0:
        return coat
    if strokes == 1:
        mixed, match = own, torch.ones_like(coat.match)
    else:
        difference = own - coat.base
        low = broad(difference, _sigma(own))
        mixed = coat.base + low * colour + (difference - low) * strokes
        match = coat.match + (1 - coat.match) * strokes
    if strokes <= 0.5:
        return Coat(mixed, match, coat.cover, coat.x, coat.y, coat.born)
    here = identity(frame, torch.ones_like(coat.cover, dtype=torch.bool))
    return Coat(mixed, match, coat.cover, here.x, here.y, here.born)


def _sigma(picture: Tensor) -> float:
    """What counts as broad: 8 pixels at 640 columns, wider than strokes."""
    return max(3.0, 8.0 * picture.shape[-1] / 640)
