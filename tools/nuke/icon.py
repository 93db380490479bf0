"""Write gizmos/Impasto.png, the icon of the nodes in Nuke's menus: one loaded stroke on a dark ground, 24 x 24."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

TARGET = Path(__file__).parents[2] / "gizmos/Impasto.png"
SIZE, FINE = 24, 4
"""Pixels, and samples along each side of one."""
GROUND, PAINT, RIDGE = (43, 43, 43), (224, 160, 64), (255, 214, 140)


def png() -> bytes:
    """The icon as a PNG file."""
    rows = b"".join(b"\0" + b"".join(_pixel(x, y) for x in range(SIZE)) for y in range(SIZE))
    head = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pixel(x: int, y: int) -> bytes:
    steps = [(step + 0.5) / FINE for step in range(FINE)]
    samples = [_sample(x + dx, y + dy) for dy in steps for dx in steps]
    opaque = [colour for colour in samples if colour is not None]
    if not opaque:
        return b"\0\0\0\0"
    mean = [round(sum(colour[channel] for colour in opaque) / len(opaque)) for channel in range(3)]
    return bytes([*mean, round(255 * len(opaque) / len(samples))])


def _sample(x: float, y: float) -> tuple[int, int, int] | None:
    """Colour at a place; None outside the rounded square."""
    inset = 5.0
    dx, dy = max(inset - x, x - (SIZE - inset), 0.0), max(inset - y, y - (SIZE - inset), 0.0)
    if math.hypot(dx, dy) > inset:
        return None
    along = (x - 4.0) / 16.0  # the stroke goes from left to right in a wave, and thins out
    if 0.0 <= along <= 1.0:
        off = y - (12.0 - 4.5 * math.sin(2.2 * math.pi * along - 0.6))
        wide = 4.2 * math.sqrt(1.0 - 0.85 * along) * min(1.0, along / 0.08)
        if abs(off) < wide:
            return RIDGE if -0.75 < off / wide < -0.25 else PAINT
    return GROUND


if __name__ == "__main__":
    TARGET.write_bytes(png())
    print(TARGET.name)
