"""Which moment of a shot every frame of a retimed output shows; the same for client and server."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from impasto.sequences.errors import SequenceError
from impasto.sequences.ranges import LARGEST
from impasto.v1.job_pb2 import InterpolateSpec

FINEST = 1_000_000
"""Times are kept as fractions of this denominator at most, so that 0.1 frames ten times over are one frame."""


def output_times(wish: InterpolateSpec, shot: Sequence[int]) -> dict[int, Fraction]:
    """Time of every output frame, in frame numbers of the plate.

    Speed and factor go from the shot's first frame (backwards: from its last) to the other end. Times that are not the
    plate's own whole frames fall between them. Single times are numbered in their order.

    Args:
        wish: the timing asked for.
        shot: frames of the plate, ascending.

    Returns:
        Time by output frame, ascending by frame.

    Raises:
        SequenceError: the shot is one frame, a number is not finite or outside what it may be, a time lies outside the
            shot, or a curve does not go on; one sentence each.
    """
    first, last = shot[0], shot[-1]
    if len(shot) < 2:
        raise SequenceError(
            f"The shot is the single frame {first}; there is nothing between frames before there are two, so widen "
            "--shot."
        )
    kind = wish.WhichOneof("timing")
    if kind == "curve":
        times = _along_curve([(row.output_frame, row.input_frame) for row in wish.curve.rows])
        if wish.HasField("out_first"):
            shift = wish.out_first - min(times)
            times = {frame + shift: time for frame, time in times.items()}
    else:
        start = wish.out_first if wish.HasField("out_first") else first
        listed = _listed(wish, kind, shot)
        times = {start + place: time for place, time in enumerate(listed)}
    for frame, time in times.items():
        if not first <= time <= last:
            raise SequenceError(
                f"Output frame {frame} asks for time {float(time):g}, which lies outside the shot {first}-{last}; "
                "change the timing, or widen --shot."
            )
    return times


def _listed(wish: InterpolateSpec, kind: str | None, shot: Sequence[int]) -> list[Fraction]:
    first, last = Fraction(shot[0]), Fraction(shot[-1])
    if kind == "at":
        if not wish.at.times:
            raise SequenceError("No time is named; write --at 1001.25,1001.5.")
        return [_number(time, "A time") for time in wish.at.times]
    if kind == "factor":
        if not 2 <= wish.factor <= 1000:
            raise SequenceError(f"The factor is {wish.factor}; it lies between 2 and 1000 frames to a frame.")
        speed = Fraction(1, wish.factor)
    elif kind == "speed":
        speed = _number(wish.speed, "The speed")
        if not Fraction(1, 1000) <= abs(speed) <= 1000:
            raise SequenceError(
                f"The speed is {wish.speed:g}; it lies between 0.001 and 1000, or below 0 to go backwards."
            )
    else:
        return [Fraction(frame) for frame in shot]
    count = int((last - first) / abs(speed)) + 1
    _check_count(count)
    start = first if speed > 0 else last
    return [start + speed * place for place in range(count)]


def _along_curve(rows: Sequence[tuple[float, float]]) -> dict[int, Fraction]:
    """Times of the whole output frames that a curve spans, linear between its rows."""
    if len(rows) < 2:
        raise SequenceError("The timing curve has fewer than two rows; give one for its start and one for its end.")
    knots = [(_number(out, "An output frame of the curve"), _number(at, "A time of the curve")) for out, at in rows]
    for (before, _), (after, _) in pairwise(knots):
        if after <= before:
            raise SequenceError(
                f"The timing curve names output frame {float(after):g} after {float(before):g}; output frames must "
                "ascend, though the times may go back and forth."
            )
    start, end = math.ceil(knots[0][0]), math.floor(knots[-1][0])
    _check_count(end - start + 1)
    if end < start:
        raise SequenceError("The timing curve spans no whole output frame; let its rows lie further apart.")
    times: dict[int, Fraction] = {}
    place = 0
    for frame in range(start, end + 1):
        while knots[place + 1][0] < frame:
            place += 1
        (out, at), (next_out, next_at) = knots[place], knots[place + 1]
        times[frame] = (at + (next_at - at) * (frame - out) / (next_out - out)).limit_denominator(FINEST)
    return times


def _number(value: float, what: str) -> Fraction:
    if not math.isfinite(value) or abs(value) > 1e9:
        raise SequenceError(f"{what} is {value:g}, which is no number that can be used; write it out.")
    return Fraction(value).limit_denominator(FINEST)


def _check_count(count: int) -> None:
    if count > LARGEST:
        raise SequenceError(f"The timing makes {count:,} frames and at most {LARGEST:,} are taken; ask for fewer.")


def read_curve(path: Path) -> list[tuple[float, float]]:
    """Rows of a timing curve from a CSV file: `output_frame,input_frame`, with or without that heading.

    Raises:
        SequenceError: the file cannot be read, or a row is not two numbers.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else "it is no CSV text"
        raise SequenceError(f"The timing curve {path} cannot be read: {said}.") from error
    if rows and [cell.strip() for cell in rows[0]] == ["output_frame", "input_frame"]:
        rows = rows[1:]
    return [_row(row, path) for row in rows]


def _row(row: Sequence[str], path: Path) -> tuple[float, float]:
    try:
        output, time = (float(cell) for cell in row)
    except ValueError:
        raise SequenceError(
            f"The timing curve {path} holds the row '{','.join(row)}'; a row is output_frame,input_frame, two numbers."
        ) from None
    return output, time


def whole_shot(frames: Iterable[int]) -> tuple[int, ...]:
    """All frames of a shot from those on disk: with the numbers that lack where the others go on evenly.

    1001, 1002, 1004 lacks 1003; 1001, 1003, 1005 lacks nothing.
    """
    there = sorted(set(frames))
    if len(there) < 3:
        return tuple(there)
    step = math.gcd(*(after - before for before, after in pairwise(there)))
    return tuple(range(there[0], there[-1] + 1, step))
