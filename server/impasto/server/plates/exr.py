"""EXR files to plates and back through OpenEXR, losing nothing.

OpenEXR 3.5's Python binding has traps, each held off here: it writes non-contiguous arrays wrong without a word,
answers a broken file with no parts and a line on stdout, changes the dicts it is given, works on no threads unless
told, leaves half a file when a write fails, does not notice a full disk under a small file unless it writes to a
stream of ours, cannot hold a `string` attribute that is not UTF-8, and cannot write an empty list.
"""

from __future__ import annotations

import errno
import functools
import io
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

from impasto.server.errors import NoRoom, PlateError
from impasto.server.plates import exr_header
from impasto.server.plates.exr_header import COMPRESSIONS, FileHeader
from impasto.server.plates.header import Header
from impasto.server.plates.limits import Limits
from impasto.server.plates.parts import Merged, merge
from impasto.server.plates.plate import Channel, Plate

# Of the storage, not of the picture: merged away or decided anew on writing.
_STRUCTURE = frozenset(
    ("channels", "compression", "dataWindow", "displayWindow", "type", "tiles", "lineOrder", "chunkCount", "version")
)
_OF_PARTS = frozenset(("name", "view", "multiView"))
_DTYPES = (np.float16, np.float32, np.uint32)
_LARGEST_INT = 2**31
# A type name of the same length that OpenEXR does not know: it then keeps the bytes as they are.
_MASKS = {"string": b"strinG", "stringvector": b"stringvectoR", "deepImageState": b"deepImageStatE"}


MOST_THREADS = 8


@functools.cache
def _start_threads() -> None:
    use_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)


def use_threads(count: int) -> None:
    """Compress and uncompress with so many threads, at most 8, in the whole process; changes no bit of a file."""
    OpenEXR.set_global_thread_count(max(1, min(MOST_THREADS, count)))


def read_header(path: Path, limits: Limits, whole: bool = True) -> Header:
    """Read an EXR file's header; see `impasto.server.plates.read_header` and, where not `whole`, `read_head`."""
    parsed, merged, attributes, _ = _open(path, limits, header_only=True, whole=whole)
    return Header(
        channels={
            names[channel.name]: channel.dtype
            for part, names in zip(parsed.parts, merged.names, strict=True)
            for channel in part.channels
        },
        data_window=merged.data_window,
        display_window=merged.display_window,
        attributes=attributes,
        compression=COMPRESSIONS[parsed.parts[0].compression][0],
        views=merged.views,
        source=str(path),
        notes=_notes(parsed),
    )


def read(path: Path, limits: Limits) -> Plate:
    """Read an EXR file; see `impasto.server.plates.read`."""
    parsed, merged, attributes, file = _open(path, limits, header_only=False)
    channels: dict[str, Channel] = {}
    for index, (part, names) in enumerate(zip(parsed.parts, merged.names, strict=True)):
        stored = file.channels(index)
        for channel in part.channels:
            pixels = stored[channel.name].pixels
            window = part.data_window
            if pixels is None or pixels.shape != (window.height, window.width) or pixels.dtype != channel.dtype:
                raise exr_header.damaged(str(path), f"its channel {channel.name} cannot be decoded")
            if window != merged.data_window:
                whole = np.zeros((merged.data_window.height, merged.data_window.width), channel.dtype)
                whole[window.within(merged.data_window)] = pixels
                pixels = whole
            channels[names[channel.name]] = pixels
    return Plate(
        channels=channels,
        data_window=merged.data_window,
        display_window=merged.display_window,
        attributes=attributes,
        compression=COMPRESSIONS[parsed.parts[0].compression][0],
        views=merged.views,
        source=str(path),
        notes=_notes(parsed),
    )


def _notes(parsed: FileHeader) -> tuple[str, ...]:
    return (
        ("of the mip or rip levels only the finest is kept",) if any(p.tile and p.tile[2] for p in parsed.parts) else ()
    )


def _open(
    path: Path, limits: Limits, *, header_only: bool, whole: bool = True
) -> tuple[FileHeader, Merged, dict[str, Any], Any]:
    source = str(path)
    parsed = exr_header.parse(path, whole)
    _refuse(parsed, source)
    try:
        merged = merge(parsed, _multi_view(parsed), source)
        dtypes = [channel.dtype for part in parsed.parts for channel in part.channels]
        limits.check(source, merged.data_window, dtypes)
        _start_threads()
        file = OpenEXR.File(_stream(path, parsed), separate_channels=True, header_only=header_only)
        if len(file.parts) != len(parsed.parts):
            raise exr_header.damaged(source, "its pixels cannot be decoded")
        headers = [dict(file.header(index)) for index in range(len(file.parts))]
    except MemoryError:
        raise NoRoom(f"{source} does not fit into memory; crop the picture or drop channels", path=path) from None
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError) as error:
        raise exr_header.damaged(source, str(error).splitlines()[0] if str(error) else "OpenEXR refused it") from error
    attributes = _attributes(parsed, headers)
    if len(merged.views) > 1:
        attributes["multiView"] = list(merged.views)
    return parsed, merged, attributes, file


def _refuse(parsed: FileHeader, source: str) -> None:
    for part in parsed.parts:
        named = f"its part {part.name!r}" if parsed.multipart else "it"
        if part.deep:
            raise PlateError(f"{source}: {named} holds deep pixels; flatten them to a plain EXR (DeepToImage)")
        thin = [channel.name for channel in part.channels if channel.sampling != (1, 1)]
        if thin:
            kind = " as luminance and chroma" if {"RY", "BY"} & set(thin) else ""
            raise PlateError(f"{source}: {named} stores {', '.join(thin)} subsampled{kind}; write it as full RGB")


def _strings(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at + 4 <= len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        found.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def _multi_view(parsed: FileHeader) -> tuple[str, ...]:
    kind, data = parsed.parts[0].raw.get("multiView", ("", b""))
    views = [view.decode(errors="replace") for view in _strings(data)] if kind == "stringvector" else []
    return tuple(dict.fromkeys(view for view in views if view))


def _hostile(parsed: FileHeader) -> list[tuple[int, str]]:
    """Attributes OpenEXR's binding fails on though the file is sound: by part and name."""
    found = []
    for index, part in enumerate(parsed.parts):
        for name, (kind, data) in part.raw.items():
            if kind == "deepImageState" or (kind in ("string", "stringvector") and not _is_text(data, kind)):
                found.append((index, name))
    return found


def _is_text(data: bytes, kind: str) -> bool:
    try:
        for text in [data] if kind == "string" else _strings(data):
            text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _stream(path: Path, parsed: FileHeader) -> Any:
    hostile = _hostile(parsed)
    if not hostile:
        return str(path)
    data = bytearray(path.read_bytes())
    for index, name in hostile:
        mask = _MASKS[parsed.parts[index].raw[name][0]]
        place = parsed.places[index, name]
        data[place : place + len(mask)] = mask
    return io.BytesIO(bytes(data))


def _attributes(parsed: FileHeader, headers: list[dict[str, Any]]) -> dict[str, Any]:
    """All attributes of all parts; where a later part differs from the first its own is kept as `part.attribute`."""
    merged: dict[str, Any] = {}
    raws: dict[str, tuple[str, bytes]] = {}
    for part, header in zip(parsed.parts, headers, strict=True):
        for name, value in header.items():
            kind, data = part.raw.get(name, ("", b""))
            if name in _STRUCTURE or (parsed.multipart and name in _OF_PARTS and name != "multiView") or not kind:
                continue
            known = name if raws.get(name, (kind, data)) == (kind, data) else f"{part.name}.{name}"
            raws[known] = (kind, data)
            merged[known] = _kept(kind, data, value)
    return merged


def _kept(kind: str, data: bytes, value: Any) -> Any:
    if kind == "string":
        return data.decode(errors="surrogateescape")
    if isinstance(value, OpenEXR.OpaqueAttribute) or (isinstance(value, list) and not value):
        return OpenEXR.OpaqueAttribute(data, kind)
    return value


def write(path: Path, plate: Plate) -> None:
    """Write a plate as a single-part scanline EXR, beside its place and then renamed: never a partial file.

    Args:
        path: the file; one that is there is replaced only when the new one is whole.
        plate: channels of half, float or uint32, written as they are with the plate's compression. Text with surrogate
            escapes is written as the bytes it came from; whole numbers beyond 32 bits become text.

    Raises:
        NoRoom: the disk or quota is full.
        PlateError: the folder is missing or cannot be written to; reason `PLATE_UNWRITABLE`.
        ValueError: a channel has another type or size than the data window.
    """
    header, masked = _header_to_write(plate)
    shape = (plate.data_window.height, plate.data_window.width)
    channels = {}
    for name, pixels in plate.channels.items():
        if pixels.shape != shape or pixels.dtype.type not in _DTYPES:
            raise ValueError(
                f"channel {name} is {pixels.dtype} {pixels.shape}; half, float or uint32 {shape} is needed"
            )
        channels[name] = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))
    _start_threads()
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as stream:
            OpenEXR.File(header, channels).write(stream)
            stream.flush()
            if masked:
                _unmask(stream, temporary, masked)
            # A network disk may tell only now that it is full.
            os.fsync(stream.fileno())
        temporary.replace(path)
    except (RuntimeError, OSError) as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _unmask(stream: Any, temporary: Path, masked: list[str]) -> None:
    places = exr_header.parse(temporary).places
    for name in masked:
        stream.seek(places[0, name])
        stream.write(b"string")
    stream.flush()


def _unwritable(path: Path, error: Exception) -> Exception:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return NoRoom(f"{path} could not be written: the disk or quota is full; make room and run again", path=path)
    why = (error.strerror if isinstance(error, OSError) else str(error)) or "OpenEXR failed"
    return PlateError(
        f"{path} could not be written ({why.splitlines()[0]}); choose a folder that is there and can be written to",
        reason="PLATE_UNWRITABLE",
    )


def _header_to_write(plate: Plate) -> tuple[dict[str, Any], list[str]]:
    """The header as OpenEXR takes it, and the names of the attributes whose type is masked in it."""
    header: dict[str, Any] = {}
    masked = []
    for name, value in plate.attributes.items():
        if name in _STRUCTURE:
            continue
        if isinstance(value, str) and not _encodable(value):
            masked.append(name)
            value = OpenEXR.OpaqueAttribute(value.encode(errors="surrogateescape"), _MASKS["string"].decode())
        elif isinstance(value, bool | np.generic):
            value = value.item() if isinstance(value, np.generic) else int(value)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LARGEST_INT:
            value = str(value)
        header[name] = value
    if len(plate.views) > 1:
        header["multiView"] = list(plate.views)
    elif plate.views[0]:
        header.setdefault("view", plate.views[0])
    header["compression"] = _COMPRESSION_VALUES[plate.compression]
    header["type"] = OpenEXR.scanlineimage
    for name, window in (("dataWindow", plate.data_window), ("displayWindow", plate.display_window)):
        header[name] = (
            np.array([window.x0, window.y0], np.int32),
            np.array([window.x1 - 1, window.y1 - 1], np.int32),
        )
    return header, masked


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_COMPRESSION_VALUES: Mapping[str, Any] = {
    name: OpenEXR.Compression(number) for number, (name, _) in COMPRESSIONS.items()
}
