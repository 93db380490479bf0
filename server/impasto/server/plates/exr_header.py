"""The header of an EXR file, read by ourselves: OpenEXR's own reader gives no pixel types and trusts what it is told.

Layout after https://openexr.com/en/latest/OpenEXRFileLayout.html. Nothing here takes memory by what a file promises.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from impasto.server.errors import PlateError
from impasto.server.plates.header import Dtype
from impasto.server.plates.plate import Window

MAGIC = b"\x76\x2f\x31\x01"
# number in the file: name, rows in one chunk
COMPRESSIONS: dict[int, tuple[str, int]] = {
    0: ("none", 1),
    1: ("rle", 1),
    2: ("zips", 1),
    3: ("zip", 16),
    4: ("piz", 32),
    5: ("pxr24", 16),
    6: ("b44", 32),
    7: ("b44a", 32),
    8: ("dwaa", 32),
    9: ("dwab", 256),
    10: ("htj2k256", 256),
    11: ("htj2k32", 32),
    12: ("lj2k", 256),
    13: ("zstd", 1),
}
_TYPES: dict[int, Dtype] = {0: np.dtype(np.uint32), 1: np.dtype(np.float16), 2: np.dtype(np.float32)}
_TILED, _DEEP, _MULTIPART, _KNOWN_FLAGS = 0x200, 0x800, 0x1000, 0x1E00
_LARGEST_COORDINATE = 1 << 30
_FIRST_READ, _LARGEST_HEADER, _MOST_PARTS = 1 << 18, 1 << 28, 1024


class _ShortError(Exception):
    """The header goes on beyond the bytes read so far."""


@dataclass(frozen=True)
class Channel:
    """One channel as a part declares it."""

    name: str
    dtype: Dtype
    sampling: tuple[int, int]


@dataclass(frozen=True)
class PartHeader:
    """One part of an EXR file.

    Attributes:
        name: of the part; empty in most single-part files.
        view: its `view` attribute, or empty.
        channels: in the order of the file.
        compression: name in lower case.
        data_window: the pixels that are there.
        display_window: the format.
        deep: whether its pixels hold any number of samples.
        tile: tile width, tile height, level mode and rounding mode, or None for scanlines.
        raw: every attribute: name to type name and bytes.
    """

    name: str
    view: str
    channels: tuple[Channel, ...]
    compression: int
    data_window: Window
    display_window: Window
    deep: bool
    tile: tuple[int, int, int, int] | None
    raw: Mapping[str, tuple[str, bytes]]


@dataclass(frozen=True)
class FileHeader:
    """All parts of an EXR file, and where its chunk tables begin."""

    parts: tuple[PartHeader, ...]
    multipart: bool
    size: int
    places: Mapping[tuple[int, str], int]
    """Where an attribute's type name begins in the file, by part and attribute name."""


def damaged(source: str, why: str) -> PlateError:
    """The error for a file that cannot be what its name says."""
    return PlateError(f"{source} is damaged or no EXR file ({why}); render or copy it again")


def parse(path: Path, whole: bool = True) -> FileHeader:
    """Read and check the header of an EXR file, and that all its chunks are there.

    Args:
        path: the file.
        whole: whether all of it should be there; a file that is still arriving is not looked at behind its header.

    Raises:
        PlateError: the file is missing, damaged, cut off or of a kind unknown to us.
    """
    source = str(path)
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        wanted = _FIRST_READ
        while True:
            stream.seek(0)
            data = stream.read(wanted)
            try:
                header, end = _Parser(data, source, size).file()
                break
            except _ShortError:
                if len(data) >= size or wanted >= _LARGEST_HEADER:
                    raise damaged(source, "its header is cut off") from None
                wanted *= 4
        if whole and not any(part.deep for part in header.parts):
            _check_chunks(stream, header, end, source)
    return header


class _Parser:
    def __init__(self, data: bytes, source: str, size: int) -> None:
        self.data, self.source, self.size, self.at = data, source, size, 0
        self.places: dict[tuple[int, str], int] = {}

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > self.size:
            raise damaged(self.source, "its header is cut off")
        if self.at + count > len(self.data):
            raise _ShortError
        piece = self.data[self.at : self.at + count]
        self.at += count
        return piece

    def text(self) -> str:
        end = self.data.find(b"\0", self.at, self.at + 256)
        if end < 0:
            if self.at + 256 > len(self.data):
                raise _ShortError
            raise damaged(self.source, "a name in its header has no end")
        piece = self.data[self.at : end]
        self.at = end + 1
        try:
            return piece.decode()
        except UnicodeDecodeError:
            raise damaged(self.source, "a name in its header is not text") from None

    def file(self) -> tuple[FileHeader, int]:
        if self.take(4) != MAGIC:
            raise damaged(self.source, "it does not begin like one")
        version, flags = self.take(1)[0], int.from_bytes(self.take(3), "little") << 8
        if version != 2 or flags & ~_KNOWN_FLAGS:
            raise damaged(self.source, f"version {version} with flags {flags:#x} is unknown")
        parts: list[PartHeader] = []
        multipart = bool(flags & _MULTIPART)
        while True:
            raw = self.attributes(len(parts))
            if not raw and multipart:
                break
            parts.append(_part(raw, flags, self.source))
            if not multipart:
                break
            if len(parts) > _MOST_PARTS:
                raise damaged(self.source, "it has no end of parts")
        if not parts:
            raise damaged(self.source, "it has no parts")
        return FileHeader(tuple(parts), multipart, self.size, self.places), self.at

    def attributes(self, part: int) -> dict[str, tuple[str, bytes]]:
        found: dict[str, tuple[str, bytes]] = {}
        while name := self.text():
            self.places[part, name] = self.at
            kind = self.text()
            (length,) = struct.unpack("<i", self.take(4))
            found[name] = (kind, self.take(length))
        return found


def _value(raw: Mapping[str, tuple[str, bytes]], name: str, kind: str, layout: str, source: str) -> tuple[int, ...]:
    if name not in raw:
        raise damaged(source, f"its header has no {name}")
    if raw[name][0] != kind or len(raw[name][1]) != struct.calcsize(layout):
        raise damaged(source, f"its {name} is malformed")
    return struct.unpack(layout, raw[name][1])


def _window(raw: Mapping[str, tuple[str, bytes]], name: str, source: str) -> Window:
    x0, y0, x1, y1 = _value(raw, name, "box2i", "<4i", source)
    if x1 < x0 or y1 < y0 or max(map(abs, (x0, y0, x1, y1))) > _LARGEST_COORDINATE:
        raise damaged(source, f"its {name} runs from {x0},{y0} to {x1},{y1}")
    return Window(x0, y0, x1 + 1, y1 + 1)


def _string(raw: Mapping[str, tuple[str, bytes]], name: str, source: str) -> str:
    if name not in raw:
        return ""
    if raw[name][0] != "string":
        raise damaged(source, f"its {name} is malformed")
    try:
        return raw[name][1].decode()
    except UnicodeDecodeError:
        raise damaged(source, f"its {name} is not text") from None


def _part(raw: dict[str, tuple[str, bytes]], flags: int, source: str) -> PartHeader:
    kind = _string(raw, "type", source)
    tiled = kind in ("tiledimage", "deeptile") if kind else bool(flags & _TILED)
    (compression,) = _value(raw, "compression", "compression", "<B", source)
    if compression not in COMPRESSIONS:
        raise damaged(source, f"its compression {compression} is unknown")
    tile = None
    if tiled:
        width, height, mode = _value(raw, "tiles", "tiledesc", "<IIB", source)
        if not (0 < width <= _LARGEST_COORDINATE and 0 < height <= _LARGEST_COORDINATE and (mode & 15) < 3):
            raise damaged(source, "its tiles are malformed")
        tile = (width, height, mode & 15, mode >> 4)
    return PartHeader(
        name=_string(raw, "name", source),
        view=_string(raw, "view", source),
        channels=_channels(raw, source),
        compression=compression,
        data_window=_window(raw, "dataWindow", source),
        display_window=_window(raw, "displayWindow", source),
        deep=kind.startswith("deep") or bool(flags & _DEEP and not flags & _MULTIPART),
        tile=tile,
        raw=raw,
    )


def _channels(raw: Mapping[str, tuple[str, bytes]], source: str) -> tuple[Channel, ...]:
    if raw.get("channels", ("", b""))[0] != "chlist":
        raise damaged(source, "its header has no channels")
    data = raw["channels"][1]
    found, at = [], 0
    while at < len(data) and data[at]:
        end = data.find(b"\0", at)
        if end < 0 or end + 17 > len(data):
            raise damaged(source, "its list of channels is cut off")
        kind, across, down = struct.unpack("<i4xii", data[end + 1 : end + 17])
        try:
            name = data[at:end].decode()
        except UnicodeDecodeError:
            raise damaged(source, "a channel's name is not text") from None
        if kind not in _TYPES or across < 1 or down < 1:
            raise damaged(source, f"its channel {name} is malformed")
        found.append(Channel(name, _TYPES[kind], (across, down)))
        at = end + 17
    if not found:
        raise damaged(source, "it has no channels")
    if len({channel.name for channel in found}) < len(found):
        raise damaged(source, "two of its channels have one name")
    return tuple(found)


def _levels(size: int, up: bool) -> int:
    return (size - 1).bit_length() + 1 if up else size.bit_length()


def _tiles(size: int, level: int, tile: int, up: bool) -> int:
    extent = max(1, -(-size >> level) if up else size >> level)
    return -(-extent // tile)


def _chunk_count(part: PartHeader) -> int:
    window = part.data_window
    if part.tile is None:
        return -(-window.height // COMPRESSIONS[part.compression][1])
    width, height, mode, rounding = part.tile
    up = rounding == 1
    if mode == 0:
        return _tiles(window.width, 0, width, up) * _tiles(window.height, 0, height, up)
    if mode == 1:
        return sum(
            _tiles(window.width, level, width, up) * _tiles(window.height, level, height, up)
            for level in range(_levels(max(window.width, window.height), up))
        )
    across = sum(_tiles(window.width, level, width, up) for level in range(_levels(window.width, up)))
    down = sum(_tiles(window.height, level, height, up) for level in range(_levels(window.height, up)))
    return across * down


def _check_chunks(stream: BinaryIO, header: FileHeader, table: int, source: str) -> None:
    """Check that every chunk a part promises lies whole within the file: a truncated file is found here."""
    counts = [_chunk_count(part) for part in header.parts]
    if table + 8 * sum(counts) > header.size:
        raise damaged(source, "it ends before its pixels do")
    stream.seek(table)
    offsets = np.frombuffer(stream.read(8 * sum(counts)), "<u8")
    if not offsets.all():
        raise damaged(source, "its writing was never finished")
    first = 0
    for part, count in zip(header.parts, counts, strict=True):
        lead = (4 if header.multipart else 0) + (16 if part.tile else 4)
        for offset in offsets[first : first + count].tolist():
            if offset + lead + 4 > header.size:
                raise damaged(source, "it ends before its pixels do")
            stream.seek(offset + lead)
            (packed,) = struct.unpack("<i", stream.read(4))
            if packed < 0 or offset + lead + 4 + packed > header.size:
                raise damaged(source, "it ends before its pixels do")
        first += count
