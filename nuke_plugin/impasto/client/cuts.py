"""The file of cuts: one cut a line, found by Impasto or written by hand, edited by its user."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from impasto.client.errors import BadRequestError
from impasto.v1 import job_pb2

_LINE = re.compile(r"(?P<veto>no\s+)?(?P<frame>-?\d{1,9})(?:\s*-\s*(?P<until>-?\d{1,9}))?(?:\s+.*)?", re.ASCII)

_HEAD = """\
# Cuts of {plate}, one a line: the new shot's first frame, or the frames in which both shots of a dissolve show.
# Change it and give it back with --cuts {name}. 'no' before a line keeps its shots together.
"""


def choose_cuts(plate: job_pb2.PlateSource, wish: str, vetoes: Iterable[int] = ()) -> None:
    """Write into a job how its range is parted into shots.

    Args:
        plate: of the job.
        wish: `detect`, `none`, or a file of cuts; empty means detect.
        vetoes: frames at which no new shot begins, whatever is detected.

    Raises:
        BadRequestError: the file cannot be read, or a line of it is not understood.
    """
    plate.vetoed_cuts.extend(sorted(set(vetoes)))
    if wish in ("", "detect", "none"):
        plate.cuts = wish
        return
    cuts, vetoed = read_cuts(Path(wish))
    if vetoed and not cuts:
        plate.cuts = "detect"
        plate.vetoed_cuts.extend(vetoed)
        return
    plate.cuts = "given"
    plate.given_cuts.extend(cuts)


def read_cuts(path: Path) -> tuple[list[job_pb2.Cut], list[int]]:
    """The cuts of a file in order, and the frames whose cuts were vetoed.

    Raises:
        BadRequestError: it cannot be read, or a line is not understood.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadRequestError(
            f"The file of cuts {path} cannot be read: {said}; --cuts takes detect, none or such a file.",
            reason="CUTS_INVALID",
        ) from error
    cuts: dict[int, job_pb2.Cut] = {}
    vetoed: list[int] = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise BadRequestError(
                f"Line {number} of {path} is not understood: '{text}'; write a frame such as 1031, or 1138-1150 for a"
                " dissolve, with 'no' before it for none.",
                reason="CUTS_INVALID",
            )
        frame = int(match["frame"])
        if match["veto"]:
            vetoed.append(frame)
        else:
            cuts[frame] = job_pb2.Cut(frame=frame, until=int(match["until"] or 0))
    return [cuts[frame] for frame in sorted(cuts)], vetoed


def written_cut(frame: int, until: int, found_by: str = "") -> str:
    """A cut as a line of the file."""
    return f"{frame}-{until} dissolve" if until else f"{frame} {found_by}".rstrip()


def store_cuts(path: Path, plate: str, lines: Sequence[str]) -> bool:
    """Write cuts that were found beside the frames; a file that says something else already is kept.

    Returns:
        Whether the file now says this.
    """
    text = _HEAD.format(plate=plate, name=path) + "".join(f"{line}\n" for line in lines)
    try:
        if path.exists():
            return path.read_text(encoding="utf-8") == text
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except (OSError, UnicodeDecodeError):
        return False
    return True
