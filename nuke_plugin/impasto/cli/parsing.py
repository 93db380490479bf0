"""What is written on the command line, read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from impasto.client import BadRequestError, Painting, Styling
from impasto.sequences import LESS_IS_WORSE, SequencePattern, Threshold

_SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_KEY_WORDS = {"weight", "hold", "mask"}
_STYLE_WORDS = ("mask", "frames", "fade")


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
        keys: each `FRAME=FILE`, then `,weight=W`, `,hold=R` and `,mask=M` as wished; a range in `hold` may hold commas.
        patterns: each stands for all its files on disk, by number, and may be followed by the same.

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
    return int(frame), _parse_painting(rest, f"--key {text}")


def _parse_painting(text: str, option: str) -> Painting:
    """`FILE`, then `,weight=W`, `,hold=R` and `,mask=M` as wished."""
    # A piece without "=" belongs to what stands before it: a comma in a file's name, or in the range of hold.
    file, *pieces = re.split(r",(?=[a-z]+=)", text)
    values = dict(piece.split("=", 1) for piece in pieces)
    unknown = sorted(set(values) - _KEY_WORDS)
    if unknown:
        raise BadRequestError(
            f"{option} holds '{unknown[0]}', which is not known; after the file there may be weight=, hold= and mask=.",
            reason="KEY_INVALID",
        )
    weight = _parse_weight(values.get("weight", "1"), option)
    return Painting(file, weight, values.get("hold", ""), values.get("mask", ""))


def _parse_weight(text: str, key: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise BadRequestError(
            f"{key} has the weight '{text}'; give a number above 0, such as weight=2.", reason="VALUE_INVALID"
        )
    return weight


def parse_styles(texts: Iterable[str]) -> list[Styling]:
    """Styles from `--style`: each `S`, then `=weight`, `,mask=M`, `,frames=R` and `,fade=N` as wished.

    Raises:
        BadRequestError: one cannot be read.
    """
    return [_parse_style(text) for text in texts]


def _parse_style(text: str) -> Styling:
    # A piece without "=" belongs to what stands before it: a comma in a file's name, or in a range.
    head, *pieces = re.split(r",(?=[a-z]+=)", text)
    values: dict[str, str] = {}
    for piece in pieces:
        word, value = piece.split("=", 1)
        if word not in _STYLE_WORDS or word in values or not value:
            raise BadRequestError(
                f"--style {text}: '{piece}' is not understood; after the style there may be =weight, mask=, frames= "
                "and fade=, each once.",
                reason="STYLE_INVALID",
            )
        values[word] = value
    name, weight = _weighted(head, text)
    fade = values.get("fade", "0")
    if not re.fullmatch(r"\d{1,6}", fade, re.ASCII):
        raise BadRequestError(f"--style {text} fades over '{fade}'; give a number of frames.", reason="STYLE_INVALID")
    return Styling(name, weight, values.get("mask", ""), values.get("frames", ""), int(fade))


def _weighted(head: str, text: str) -> tuple[str, float | None]:
    """A style and its weight: what follows the last `=`, unless the whole is a file."""
    name, sign, number = head.rpartition("=")
    if not sign or Path(head).is_file():
        return head, None
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not name or not (math.isfinite(weight) and weight >= 0):
        raise BadRequestError(
            f"--style {text} has the weight '{number}'; give a number of 0 or more, such as {name or 'S'}=0.7.",
            reason="STYLE_INVALID",
        )
    return name, weight


def parse_numbers(texts: Iterable[str]) -> dict[str, float]:
    """What is set of a look, from `--set NAME=VALUE`.

    Raises:
        BadRequestError: one cannot be read.
    """
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            found[name] = float(number)
        except ValueError:
            raise BadRequestError(
                f"--set {text} is not understood; write NAME=NUMBER, such as --set content=0.3.", reason="VALUE_INVALID"
            ) from None
    return found


def _find_keys(text: str) -> list[tuple[int, Painting]]:
    all_of_them = _parse_painting(text, f"--keys {text}")
    pattern = SequencePattern.parse(all_of_them.file)
    if not pattern.has_frames:
        raise BadRequestError(
            f"--keys {text} names one file; write --keys painted.####.png for all, or --key FRAME={text} for one.",
            reason="KEY_INVALID",
        )
    found = pattern.on_disk()
    if not found:
        raise BadRequestError(f"No file of --keys {text} is there; look at its folder and name.", reason="KEY_INVALID")
    return [(frame, replace(all_of_them, file=Path(path))) for (frame, _), path in found.items()]


def parse_thresholds(texts: Iterable[str]) -> list[Threshold]:
    """Thresholds from `NAME=YELLOW,RED`; either may be left out. Where red is the smaller, less is worse.

    Of a single number the direction is that of the figure: less is worse of what is carried, more of all else.

    Raises:
        BadRequestError: one cannot be read.
    """
    found = []
    for text in texts:
        name, sign, rest = text.partition("=")
        try:
            limits = [float(piece) if piece.strip() else None for piece in rest.split(",")]
        except ValueError:
            limits = []
        numbers = [limit for limit in limits if limit is not None]
        if not sign or not 1 <= len(limits) <= 2 or not numbers or not all(map(math.isfinite, numbers)):
            raise BadRequestError(
                f"--threshold {text} is not understood; write NAME=YELLOW,RED such as carried=0.5,0.2.",
                reason="VALUE_INVALID",
            )
        yellow, red = limits if len(limits) == 2 else (None, limits[0])
        below = yellow > red if yellow is not None and red is not None else name.strip() in LESS_IS_WORSE
        found.append(Threshold(name.strip(), yellow, red, below))
    return found


def parse_passes(texts: Iterable[str]) -> list[str]:
    """Passes named with commas, in one option or several."""
    return [name.strip() for text in texts for name in text.split(",")]
