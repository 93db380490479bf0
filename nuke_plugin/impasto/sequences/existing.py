"""What already stands where a frame is to be written.

The client decides this before any work and has no OpenEXR, so the header is read here with the standard library.
Layout: https://openexr.com/en/latest/OpenEXRFileLayout.html
"""

from __future__ import annotations

import enum
import io
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from impasto.sequences.errors import SequenceError

JOB_ATTRIBUTE = "impasto/job"
"""The string attribute of our frames that holds the digest of their job."""

_MAGIC = 20000630
_MULTI_PART_OR_DEEP = 0x1000 | 0x0800 | 0x0200
_LARGEST_HEADER = 64 << 20
_ROWS_PER_CHUNK = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}


class Standing(enum.Enum):
    """What stands at the path of an output."""

    ABSENT = "absent"
    SAME = "same"
    """A whole frame of the same job: need not be made again."""
    OURS = "ours"
    """A frame of another job of ours, or a broken one of this job: may be replaced."""
    FOREIGN = "foreign"
    """Anything else: replaced only where its user says so."""


def standing(path: Path, digest: str) -> Standing:
    """Find out what stands at `path`, for a job of this digest.

    Raises:
        SequenceError: where the path cannot be looked at, or is a folder.
    """
    try:
        if path.is_dir():
            raise SequenceError(f"{path} is a folder; name a file to write the frame to.")
        if path.exists() and not path.is_file():
            return Standing.FOREIGN  # a pipe or device, which would be waited for for ever
        with path.open("rb") as file:
            header = _read_header(file)
            job = header.get(JOB_ATTRIBUTE, b"").decode("utf-8", "replace")
            if not job:
                return Standing.FOREIGN
            return Standing.SAME if job == digest and _is_whole(file, header) else Standing.OURS
    except (FileNotFoundError, NotADirectoryError):
        # A link to nowhere counts as a file that is not ours: writing through it would surprise its owner.
        return Standing.FOREIGN if path.is_symlink() else Standing.ABSENT
    except OSError as error:
        raise SequenceError(f"{path} cannot be looked at: {error.strerror or error}.") from error


def read_figures(path: Path, digest: str) -> dict[str, float] | None:
    """The numbers a frame of ours holds: its `impasto/*` attributes that are floats, by name without `impasto/`.

    Args:
        path: of the frame.
        digest: of the job it must be of.

    Returns:
        None where there is no such frame of this job.
    """
    try:
        with path.open("rb") as file:
            kinds: dict[str, str] = {}
            header = _read_header(file, kinds)
    except OSError:
        return None
    if header.get(JOB_ATTRIBUTE, b"").decode("utf-8", "replace") != digest:
        return None
    form = {"float": "<f", "double": "<d"}
    return {
        name.removeprefix("impasto/"): float(struct.unpack(form[kind], header[name])[0])
        for name, kind in kinds.items()
        if name.startswith("impasto/") and kind in form
    }


def refuse_inputs(outputs: Iterable[Path], inputs: Mapping[Path, str]) -> None:
    """Refuse to write onto what is read.

    Args:
        outputs: files to be written.
        inputs: files to be read, each with the word for it, such as "plate" or "key".

    Raises:
        SequenceError: where an output is an input, also by another name, a symbolic or a hard link.
    """
    by_path: dict[str, tuple[Path, str]] = {}
    by_node: dict[tuple[int, int], tuple[Path, str]] = {}
    for path, word in inputs.items():
        by_path[os.path.realpath(path)] = path, word
        if (node := _node(path)) is not None:
            by_node[node] = path, word
    for output in outputs:
        node = _node(output)
        found = by_path.get(os.path.realpath(output)) or (by_node.get(node) if node else None)
        if found is not None:
            path, word = found
            same = "" if path == output else f" (the same file as {path})"
            raise SequenceError(f"The output {output} is the job's own {word}{same}; choose another name with --out.")


def _node(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _read_header(file: BinaryIO, kinds: dict[str, str] | None = None) -> dict[str, bytes]:
    """The first part's attributes by name, undecoded; `\\0end` is where the header ends; empty if this is no EXR.

    `kinds` is given their types by name.
    """
    try:
        magic, version = struct.unpack("<iI", file.read(8))
        if magic != _MAGIC:
            return {}
        attributes = dict(_attributes(file, {} if kinds is None else kinds))
    except (struct.error, EOFError):
        return {}
    if version & _MULTI_PART_OR_DEEP:
        attributes["\0parts"] = b"1"
    attributes["\0end"] = struct.pack("<Q", file.tell())
    return attributes


def _attributes(file: BinaryIO, kinds: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    while name := _read_name(file):
        kinds[name] = _read_name(file)
        (size,) = struct.unpack("<i", file.read(4))
        if size < 0 or file.tell() + size > _LARGEST_HEADER:
            raise EOFError
        if size > 1 << 16:
            file.seek(size, io.SEEK_CUR)  # a thumbnail, say
            continue
        value = file.read(size)
        if len(value) != size:
            raise EOFError
        yield name, value


def _read_name(file: BinaryIO) -> str:
    name = bytearray()
    while (byte := file.read(1)) != b"\0":
        if not byte or len(name) >= 255:
            raise EOFError
        name += byte
    return name.decode("utf-8", "replace")


def _is_whole(file: BinaryIO, header: Mapping[str, bytes]) -> bool:
    """Whether a single-part file of scanlines, as all of ours are, reaches to the end of its last chunk."""
    try:
        if "\0parts" in header:
            return False
        rows_per_chunk = _ROWS_PER_CHUNK[header["compression"][0]]
        _, top, _, bottom = struct.unpack("<4i", header["dataWindow"])
        count = -(-(bottom - top + 1) // rows_per_chunk)
        end = os.fstat(file.fileno()).st_size
        (begin,) = struct.unpack("<Q", header["\0end"])
        if count <= 0 or begin + 8 * count > end:
            return False
        file.seek(begin)
        offsets = struct.unpack(f"<{count}Q", file.read(8 * count))
        if min(offsets) < begin + 8 * count or max(offsets) + 8 > end:
            return False
        file.seek(max(offsets) + 4)
        (size,) = struct.unpack("<i", file.read(4))
    except (KeyError, IndexError, struct.error):
        return False
    return bool(size >= 0 and max(offsets) + 8 + size <= end)
