"""Hand-made EXR files: what no library would write for us."""

import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from impasto.server.plates import Plate, Window

Attribute = tuple[str, str, bytes]


def attribute(name: str, kind: str, data: bytes) -> bytes:
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(data)) + data


def exr_bytes(
    extra: Sequence[Attribute] = (),
    *,
    width: int = 4,
    height: int = 3,
    promised: tuple[int, int, int, int] | None = None,
    flags: int = 2,
    channels: bytes | None = None,
) -> bytes:
    """An uncompressed single-part EXR of one half channel R holding 0, 1, 2 ... on each row."""
    chlist = channels or b"R\0" + struct.pack("<iB3xii", 1, 0, 1, 1)
    window = promised or (0, 0, width - 1, height - 1)
    out = struct.pack("<II", 20000630, flags) + attribute("channels", "chlist", chlist + b"\0")
    out += attribute("compression", "compression", b"\0")
    for name in ("dataWindow", "displayWindow"):
        out += attribute(name, "box2i", struct.pack("<4i", *window))
    out += attribute("lineOrder", "lineOrder", b"\0")
    out += attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
    out += attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0))
    out += attribute("screenWindowWidth", "float", struct.pack("<f", 1))
    out += b"".join(attribute(*one) for one in extra) + b"\0"
    first = len(out) + 8 * height
    row = np.arange(width, dtype="<f2").tobytes()
    table = b"".join(struct.pack("<Q", first + y * (8 + len(row))) for y in range(height))
    return out + table + b"".join(struct.pack("<ii", y, len(row)) + row for y in range(height))


@pytest.fixture
def handmade(tmp_path: Path) -> Callable[..., Path]:
    def make(*args: object, **kwargs: object) -> Path:
        path = tmp_path / "handmade.exr"
        path.write_bytes(exr_bytes(*args, **kwargs))  # type: ignore[arg-type]
        return path

    return make


@pytest.fixture
def plate() -> Callable[..., Plate]:
    def make(channels: Mapping[str, np.ndarray] | None = None, **changes: object) -> Plate:
        rng = np.random.default_rng(7)
        channels = channels or {
            name: rng.random((6, 8), dtype=np.float32).astype(np.float16) for name in ("R", "G", "B", "A")
        }
        height, width = next(iter(channels.values())).shape
        window = Window(0, 0, width, height)
        given: dict[str, object] = {"data_window": window, "display_window": window, "source": "plate.exr"} | changes
        return Plate(channels=channels, **given)  # type: ignore[arg-type]

    return make
