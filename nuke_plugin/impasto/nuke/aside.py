"""Inputs that Nuke writes aside, and their places: chunks of a farm begin at once and each writes what is not there.

Whoever is first with all frames puts them in their places and says of what they were made. The others then leave those
as they are, because the command of the first may be reading them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.nuke import places
from impasto.nuke.errors import FAILED, NodeError

LEFT = 24 * 3600.0
"""Seconds after which a folder aside is one that a killed Nuke left."""
_NAME = ".writing-"


def pattern_beside(pattern: str) -> str:
    """Where a sequence is written before it is put in its place: a folder of its own, on the same disk."""
    folder, _, name = pattern.rpartition("/")
    return f"{folder}/{_NAME}{uuid.uuid4().hex}/{name}"


def read_record(path: str) -> dict[str, Any]:
    """Of what each input was made, by its pattern."""
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def put_in_place(
    written: str, pattern: str, frames: Sequence[int], views: Sequence[str], record: str, made_of: Mapping[str, Any]
) -> None:
    """Put frames that were written aside in their places, but those that another Nuke made of the same meanwhile.

    Args:
        written: the pattern they were written to; its folder goes.
        pattern: that of their places.
        frames: that were written.
        views: of files; they count where the pattern names them.
        record: the file that says of what inputs were made.
        made_of: of what these were.

    Raises:
        NodeError: a file cannot be put in its place.
    """
    told = read_record(record)
    if told.get(pattern, made_of) != made_of:
        del told[pattern]
        places.write_json(record, told)
    try:
        for path, place in zip(places.files_of(written, frames, views), places.files_of(pattern, frames, views)):
            if not (Path(place).is_file() and read_record(record).get(pattern) == made_of):
                os.replace(path, place)  # noqa: PTH105 - both are text
    except OSError as error:
        raise NodeError(
            f"The input {pattern} cannot be put in its place: {error.strerror}; press Render again.",
            FAILED,
            reason="INPUT",
        ) from error
    let_go(written)
    places.write_json(record, {**read_record(record), pattern: made_of})


def let_go(written: str) -> None:
    """Remove the folder aside, and those that were left long ago by a Nuke that was killed."""
    own = Path(written).parent
    shutil.rmtree(own, ignore_errors=True)
    with contextlib.suppress(OSError):
        for folder in own.parent.glob(f"{_NAME}*"):
            if time.time() - folder.stat().st_mtime > LEFT:
                shutil.rmtree(folder, ignore_errors=True)
