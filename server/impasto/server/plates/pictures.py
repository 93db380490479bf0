"""PNG, TIFF and JPEG to plates through OpenCV, for whoever has no EXR.

Integer values are taken as sRGB and decoded: a plate's channels are always scene-linear and premultiplied. Float TIFF
is taken as scene-linear as it is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.server.errors import PlateError
from impasto.server.plates import srgb
from impasto.server.plates.header import Header
from impasto.server.plates.limits import Limits
from impasto.server.plates.plate import Channel, Plate, Window

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
TIFF = (b"II*\0", b"MM\0*")
_FLOAT = np.dtype(np.float32)


@dataclass(frozen=True)
class Shape:
    """What a picture file says of itself: colours 1 or 3, alpha, bits of a value, float values."""

    width: int
    height: int
    alpha: bool = False
    floating: bool = False
    associated: bool = False


def knows(start: bytes) -> bool:
    """Whether a file that begins so is one of ours."""
    return start.startswith((PNG, JPEG, *TIFF))


def read_header(path: Path, limits: Limits) -> Header:
    """Read a picture's header; see `impasto.server.plates.read_header`."""
    return _header(path, _shape(path.read_bytes(), str(path)), limits)


def read(path: Path, limits: Limits) -> Plate:
    """Read a picture; see `impasto.server.plates.read`."""
    source = str(path)
    data = path.read_bytes()
    shape = _shape(data, source)
    header = _header(path, shape, limits)
    # Only for JPEG does OpenCV turn the picture upright and CMYK into RGB, and only where asked for colour.
    flags = cv2.IMREAD_COLOR if data.startswith(JPEG) else cv2.IMREAD_UNCHANGED
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise damaged(source)
    return plate_of(pixels, header, associated=shape.associated)


def damaged(source: str) -> PlateError:
    """The error for a picture that cannot be decoded."""
    return PlateError(f"{source} is damaged or of a kind that is not read; save it again as EXR, PNG, TIFF or JPEG")


def _header(path: Path, shape: Shape, limits: Limits) -> Header:
    window = Window(0, 0, shape.width, shape.height)
    channels = dict.fromkeys("RGBA" if shape.alpha else "RGB", _FLOAT)
    limits.check(str(path), window, list(channels.values()))
    return Header(
        channels=channels,
        data_window=window,
        display_window=window,
        encoding="scene_linear" if shape.floating else "srgb",
        source=str(path),
    )


def plate_of(pixels: NDArray[np.generic], header: Header, *, associated: bool = False) -> Plate:
    """A plate of decoded pixels.

    Args:
        pixels: (H, W) grey or (H, W, 3 or 4) blue, green, red, alpha; uint8 or uint16 as sRGB, float32 scene-linear.
        header: of the file.
        associated: whether colour is already multiplied by alpha.

    Raises:
        PlateError: the pixels are of another kind.
    """
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.shape[2] == 2 or pixels.dtype not in (np.uint8, np.uint16, np.float32):
        raise damaged(header.source)
    bgr, alpha = pixels[:, :, :3], pixels[:, :, 3] if pixels.shape[2] == 4 else None
    largest = {1: 255, 2: 65535}.get(pixels.dtype.itemsize, 1)
    colour = srgb.table(largest)[bgr] if pixels.dtype != np.float32 else bgr.astype(np.float32)
    planes = [np.ascontiguousarray(colour[:, :, min(i, colour.shape[2] - 1)]) for i in (2, 1, 0)]
    channels: dict[str, Channel] = dict(zip("RGB", planes, strict=True))
    if alpha is not None:
        opacity = alpha.astype(np.float32) / np.float32(largest)
        if not associated:
            channels = {name: plane * opacity for name, plane in channels.items()}
        channels["A"] = opacity
    window = Window(0, 0, pixels.shape[1], pixels.shape[0])
    return Plate(channels, window, window, header.attributes, encoding=header.encoding, source=header.source)


def _shape(data: bytes, source: str) -> Shape:
    """What a picture says of itself, read by ourselves before its pixels are; also finds a file cut off."""
    try:
        if data.startswith(PNG):
            return _png(data)
        if data.startswith(JPEG):
            return _jpeg(data)
        return _tiff(data, source)
    except (struct.error, IndexError, KeyError, ValueError):
        raise damaged(source) from None


def _png(data: bytes) -> Shape:
    width, height, _, kind = struct.unpack(">IIBB", data[16:26])
    at, transparent = 8, False
    while True:
        length, name = struct.unpack(">I4s", data[at : at + 8])
        transparent |= name == b"tRNS"
        at += 12 + length
        if name == b"IEND":
            break
    if not width or not height or at > len(data):
        raise ValueError
    return Shape(width, height, alpha=kind in (4, 6) or transparent)


def _jpeg(data: bytes) -> Shape:
    at, size = 2, (0, 0)
    turned = False
    while True:
        if data[at] != 0xFF:
            raise ValueError
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        if marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            turned = _tags(data[at + 10 : at + 2 + length]).get(0x112, (1,))[0] in (5, 6, 7, 8)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            size = (height, width) if turned else (width, height)
        at += 2 + length
        if marker == 0xDA:
            break
    if not all(size) or data.find(b"\xff\xd9", at) < 0:
        raise ValueError
    return Shape(*size)


def _tags(data: bytes) -> dict[int, tuple[int, ...]]:
    """The whole-number tags of a TIFF's first directory."""
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    (start,) = struct.unpack(order + "I", data[4:8])
    (count,) = struct.unpack(order + "H", data[start : start + 2])
    found = {}
    for entry in range(count):
        at = start + 2 + 12 * entry
        tag, kind, number = struct.unpack(order + "HHI", data[at : at + 8])
        letter = {1: "B", 3: "H", 4: "I"}.get(kind)
        if letter is None or number > 1 << 20:
            continue
        size = struct.calcsize(letter) * number
        place = at + 8 if size <= 4 else struct.unpack(order + "I", data[at + 8 : at + 12])[0]
        found[tag] = struct.unpack(f"{order}{number}{letter}", data[place : place + size])
    return found


def _tiff(data: bytes, source: str) -> Shape:
    tags = _tags(data)
    width, height = tags[256][0], tags[257][0]
    samples = tags.get(277, (1,))[0]
    for starts, lengths in ((273, 279), (324, 325)):
        if starts in tags and max(map(sum, zip(tags[starts], tags[lengths], strict=True))) > len(data):
            raise ValueError
    if not width or not height:
        raise ValueError
    if tags.get(262, (2,))[0] == 5:
        raise PlateError(f"{source} is a CMYK TIFF, whose inks are not read; save it as RGB", reason="PLATE_UNREADABLE")
    extra = tags.get(338, (0,))[0]
    return Shape(width, height, samples == 4, tags.get(339, (1,))[0] == 3, associated=samples == 4 and extra == 1)
