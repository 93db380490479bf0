"""Frame ranges as artists write them: `1001-1100`, `1001-1100x2`, `1001,1005`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fileseq import FrameSet, framesToFrameRange

from impasto.sequences.errors import SequenceError

LARGEST = 1_000_000
"""Frames one range may name."""

_PIECE = re.compile(r"(?P<first>-?\d{1,9})(?:-(?P<last>-?\d{1,9})(?:x(?P<step>\d{1,9}))?)?", re.ASCII)


def parse_frames(text: str) -> tuple[int, ...]:
    """Read a frame range.

    Args:
        text: pieces parted by commas, each one frame (`1105`), a range (`1001-1100`) or every nth frame of a range
            (`1001-1100x2`). Frames may be negative (`-10--5`); pieces may overlap.

    Returns:
        The frames, each once, ascending.

    Raises:
        SequenceError: for anything else; `:` and `y`, which other programs know, are refused by name.
    """
    pieces = [piece.strip() for piece in text.split(",")]
    frames: set[int] = set()
    for piece in pieces:
        _check_piece(piece, text)
        frames.update(FrameSet(piece))
        if len(frames) > LARGEST:
            raise SequenceError(f"The frame range '{text}' names more than {LARGEST:,} frames; ask for fewer at once.")
    return tuple(sorted(frames))


def format_frames(frames: Iterable[int]) -> str:
    """Write frames as a range that `parse_frames` reads back; empty for no frames."""
    return str(framesToFrameRange(sorted(set(frames))))


def _check_piece(piece: str, text: str) -> None:
    if ":" in piece or "y" in piece:
        sign = ":" if ":" in piece else "y"
        raise SequenceError(
            f"The frame range '{text}' holds '{sign}', which Impasto does not use; write 1001-1100 for a range"
            " and 1001-1100x2 for every second frame."
        )
    match = _PIECE.fullmatch(piece)
    if match is None:
        what = f"holds '{piece}', which is no frame or range" if piece else "is empty or has an empty piece"
        raise SequenceError(f"The frame range '{text}' {what}; write 1001-1100, 1001-1100x2 or 1001,1005.")
    first, last = int(match["first"]), int(match["last"] or match["first"])
    if last < first:
        raise SequenceError(f"The frame range '{text}' ends before it begins; write {last}-{first}.")
    if match["step"] is not None and int(match["step"]) == 0:
        raise SequenceError(f"The frame range '{text}' has a step of 0; the smallest step is 1.")
    if last - first >= LARGEST:
        raise SequenceError(f"The frame range '{text}' names more than {LARGEST:,} frames; ask for fewer at once.")
