"""What headers say of where one clip ends and another begins: size, clip name, timecode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from impasto.server.plates.header import Header

_NAMES = ("reelname", "clipname", "clip_name", "clip", "tapename", "sourceclip")
"""Last words of the attributes that name a clip, in lower case, spaces and dashes left out."""

_JUMP = 3
"""Frames by which timecode may stray from an even run: drop frames skip two."""

_DAY = 24 * 3600


def changes(headers: Sequence[tuple[int, Header]]) -> dict[int, str]:
    """Where a sequence goes over to another clip.

    Args:
        headers: frame numbers, ascending, with their headers.

    Returns:
        The first frame of each new clip, and what says so: `size` (another format or pixel aspect), `clip` (another
        name of clip or reel) or `timecode` (it jumps).
    """
    found: dict[int, str] = {}
    codes = [_timecode(header) for _, header in headers]
    rate = _rate([header for _, header in headers], codes)
    steps = [_step(headers[i][0] - headers[i - 1][0], codes[i - 1], codes[i], rate) for i in range(1, len(headers))]
    known = [step for step in steps if step is not None]
    usual = float(np.median(known)) if known else 0.0
    for place in range(1, len(headers)):
        frame, header = headers[place]
        gap, before, step = frame - headers[place - 1][0], headers[place - 1][1], steps[place - 1]
        if _format(header) != _format(before):
            found[frame] = "size"
        elif _names(header.attributes) != _names(before.attributes):
            found[frame] = "clip"
        elif step is not None and abs(step - usual) * gap > _JUMP:
            found[frame] = "timecode"
    return found


def _format(header: Header) -> tuple[Any, ...]:
    return header.display_window, round(float(header.attributes.get("pixelAspectRatio", 1.0)), 4)


def _names(attributes: Mapping[str, Any]) -> dict[str, str]:
    named = {}
    for name, value in attributes.items():
        last = name.lower().replace("/", ".").split(".")[-1].replace(" ", "").replace("-", "_")
        if last in _NAMES and isinstance(value, str | bytes):
            named[name] = str(value)
    return named


def _timecode(header: Header) -> tuple[int, int] | None:
    """Seconds of the day, and frames within the second."""
    code: Any = header.attributes.get("timeCode")
    try:
        return (code.hours * 60 + code.minutes) * 60 + code.seconds, int(code.frame)
    except AttributeError:
        return None


def _rate(headers: Sequence[Header], codes: Sequence[tuple[int, int] | None]) -> float:
    """Frames a second: as the header says, else the usual rate that has room for every frame seen."""
    for header in headers:
        stated = header.attributes.get("framesPerSecond")
        if stated is not None:
            try:
                return max(1.0, round(float(stated)))
            except (TypeError, ValueError):
                break
    most = max((code[1] for code in codes if code is not None), default=0)
    return next((rate for rate in (24.0, 25.0, 30.0, 48.0, 50.0, 60.0) if most < rate), 100.0)


def _step(gap: int, before: tuple[int, int] | None, here: tuple[int, int] | None, rate: float) -> float | None:
    """Frames of timecode a frame of the sequence, the shorter way round the clock; None where one is not known."""
    if before is None or here is None:
        return None
    seconds = (here[0] - before[0] + _DAY // 2) % _DAY - _DAY // 2
    return (seconds * rate + here[1] - before[1]) / gap
