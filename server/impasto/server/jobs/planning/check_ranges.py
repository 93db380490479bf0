"""Frame numbers as a job names them, and what is refused of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from impasto.sequences import SequenceError, parse_frames
from impasto.server.errors import BadRequest
from impasto.v1.job_pb2 import JobSpec
from impasto.v1.plate_pb2 import FrameFile

MAX_FRAMES = 100_000


@dataclass(frozen=True)
class Frames:
    """The ranges of a job, read.

    Attributes:
        shot: all frames of the shot, ascending.
        wanted: the frames wanted, ascending: of the shot, or of the output where times are changed.
    """

    shot: tuple[int, ...]
    wanted: tuple[int, ...]


def read_frames(text: str, what: str) -> tuple[int, ...]:
    """The frames of a range that must name some; `what` is the word for it (`BadRequest`)."""
    if not text:
        raise BadRequest(f"The job names no {what}; give a range such as 1001-1100.", reason="FRAMES_MISSING")
    frames = read_range(text, what)
    if len(frames) > MAX_FRAMES:
        raise BadRequest(
            f"The {what} are {len(frames)} frames and at most {MAX_FRAMES} are taken; cut the shot.",
            reason="FRAMES_TOO_MANY",
        )
    return frames


def read_range(text: str, what: str) -> tuple[int, ...]:
    """The frames of a range; `what` is the word for it (`RANGE_INVALID`)."""
    try:
        return parse_frames(text)
    except SequenceError as error:
        raise BadRequest(f"The range of the {what} is not understood: {error}", reason="RANGE_INVALID") from error


def refuse_doubles(files: Sequence[FrameFile], what: str) -> None:
    """Refuse two files for one frame of one view (`FRAME_TWICE`); `what` names the sequence."""
    seen: set[tuple[int, str]] = set()
    for entry in files:
        if (entry.frame, entry.view) in seen:
            raise BadRequest(
                f"The {what} names two files for frame {entry.frame}{f' of {entry.view}' if entry.view else ''}; "
                "name one.",
                reason="FRAME_TWICE",
                frame=entry.frame,
            )
        seen.add((entry.frame, entry.view))


def refuse_outside_shot(key: int, spec: JobSpec, frames: Frames) -> None:
    """Refuse a key, by its frame, that is not of the shot (`KEY_OUTSIDE_SHOT`)."""
    if key not in frames.shot:
        raise BadRequest(
            f"The key of frame {key} is not in the shot {spec.plate.shot}; widen --shot or leave it out.",
            reason="KEY_OUTSIDE_SHOT",
            frame=key,
        )
