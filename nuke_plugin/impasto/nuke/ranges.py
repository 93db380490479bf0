"""Frame ranges as the nodes' knobs and the job file hold them: `1001-1100`, `1001-1100x2`, `1001,1005`, `-10--5`.

The command has the same in `impasto.sequences`, which cannot be imported inside Nuke.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from impasto.nuke.errors import NodeError

LARGEST = 100_000
"""Frames one range may name."""

_PIECE = re.compile(r"(-?\d{1,9})(?:-(-?\d{1,9})(?:x(\d{1,9}))?)?", re.ASCII)


def parse(text: str) -> tuple[int, ...]:
    """Read a range; pieces are parted by commas or blanks.

    Returns:
        The frames, each once, ascending.

    Raises:
        NodeError: it is no range.
    """
    frames: set[int] = set()
    for piece in re.split(r"[,\s]+", text.strip()):
        match = _PIECE.fullmatch(piece)
        if match is None:
            raise NodeError(f"The frame range '{text}' is not understood; write 1001-1100, 1001-1100x2 or 1001,1005.")
        first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        if last < first or step == 0:
            raise NodeError(f"The frame range '{text}' ends before it begins or has a step of 0; write {last}-{first}.")
        if last - first >= LARGEST or len(frames) > LARGEST:
            raise NodeError(f"The frame range '{text}' names more than {LARGEST} frames; ask for fewer at once.")
        frames.update(range(first, last + 1, step))
    return tuple(sorted(frames))


def write(frames: Iterable[int]) -> str:
    """Write frames as a range: `1001-1003,1007`; empty for none."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs(frames))


def runs(frames: Iterable[int]) -> list[tuple[int, int]]:
    """Frames as first and last of each unbroken run, ascending."""
    found: list[tuple[int, int]] = []
    for frame in sorted(set(frames)):
        if found and frame == found[-1][1] + 1:
            found[-1] = (found[-1][0], frame)
        else:
            found.append((frame, frame))
    return found
