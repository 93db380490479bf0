"""What is written on the command line, read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

from impasto.client import BadRequestError, Painting
from impasto.sequences import SequencePattern

_SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_KEY_WORDS = {"weight", "hold"}


def parse_memory(text: str) -> int:
    """Bytes: `8G`, `512M`, `2.5GiB`, or a plain number; 0 for nothing.

    Raises:
        BadRequestError: anything else.
    """
    if not text:
        return 0
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE | re.ASCII)
    if match is None or not 0 < (size := float(match[1]) * _SIZES[match[2].upper()]) < 2**63:
        raise BadRequestError(f"--memory {text} is no size; write it such as 8G or 512M.", reason="VALUE_INVALID")
    return int(size)


def parse_keys(keys: Iterable[str], patterns: Iterable[str]) -> dict[int, Painting]:
    """Painted frames from `--key` and `--keys`.

    Args:
        keys: each `FRAME=FILE`, then `,weight=W` and `,hold=R` as wished; a range in `hold` may hold commas.
        patterns: each stands for all its files on disk, by number.

    Raises:
        BadRequestError: one cannot be read, no file is there, or a frame has two keys.
        SequenceError: a pattern cannot be read.
    """
    found: dict[int, Painting] = {}
    entries = [_parse_key(text) for text in keys]
    entries += [entry for text in patterns for entry in _find_keys(text)]
    for frame, painting in entries:
        if frame in found:
            raise BadRequestError(
                f"Frame {frame} has two keys, {found[frame].file} and {painting.file}; give one.", reason="FRAME_TWICE"
            )
        found[frame] = painting
    return found


def _parse_key(text: str) -> tuple[int, Painting]:
    frame, sign, rest = text.partition("=")
    if not sign or not re.fullmatch(r"-?\d{1,9}", frame.strip(), re.ASCII) or not rest:
        raise BadRequestError(
            f"--key {text} is not understood; write FRAME=FILE, such as --key 1006=painted.1006.png.",
            reason="KEY_INVALID",
        )
    # A piece without "=" belongs to what stands before it: a comma in a file's name, or in the range of hold.
    file, *pieces = re.split(r",(?=(?:weight|hold|mask|[a-z]+)=)", rest)
    values = dict(piece.split("=", 1) for piece in pieces)
    unknown = sorted(set(values) - _KEY_WORDS)
    if unknown:
        raise BadRequestError(
            f"--key {text} holds '{unknown[0]}', which is not known; after the file there may be weight= and hold=.",
            reason="KEY_INVALID",
        )
    return int(frame), Painting(file, _parse_weight(values.get("weight", "1"), text), values.get("hold", ""))


def _parse_weight(text: str, key: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise BadRequestError(
            f"--key {key} has the weight '{text}'; give a number above 0, such as weight=2.", reason="VALUE_INVALID"
        )
    return weight


def _find_keys(text: str) -> list[tuple[int, Painting]]:
    pattern = SequencePattern.parse(text)
    if not pattern.has_frames:
        raise BadRequestError(
            f"--keys {text} names one file; write --keys painted.####.png for all, or --key FRAME={text} for one.",
            reason="KEY_INVALID",
        )
    found = pattern.on_disk()
    if not found:
        raise BadRequestError(f"No file of --keys {text} is there; look at its folder and name.", reason="KEY_INVALID")
    return [(frame, Painting(Path(path))) for (frame, _), path in found.items()]


def parse_passes(texts: Iterable[str]) -> list[str]:
    """Passes named with commas, in one option or several."""
    return [name.strip() for text in texts for name in text.split(",")]
