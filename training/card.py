"""Writes the card that goes with bundled weights: what they are, what they learned from, and how far they got."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write(
    path: Path, weights: Path, facts: Mapping[str, Any], curve: Sequence[Mapping[str, float]], points: int = 40
) -> None:
    """Write a card as JSON.

    Args:
        path: where it goes.
        weights: the file it is about.
        facts: whatever else is to be said, first.
        curve: rows of losses over the iterations, thinned to `points` rows evenly.
        points: see `curve`.
    """
    data = weights.read_bytes()
    step = max(1, len(curve) // points)
    rows = list(curve[::step])
    if curve and rows[-1] is not curve[-1]:
        rows.append(curve[-1])
    card = {
        **facts,
        "file": weights.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "curve": rows,
    }
    path.write_text(json.dumps(card, indent=1) + "\n")
