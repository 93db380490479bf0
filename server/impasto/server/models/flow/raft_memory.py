"""What RAFT holds at once, by calculation, and how a picture is cut so that it stays within the memory planned.

All of it follows from the picture's size and the memory planned for, never from what happens to be free, so that the
same job is always measured the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

from impasto.server.models.flow.raft import SMALLEST, STRIDE, Size
from impasto.server.ops import correlation

PAD = 128
"""Pixels a tile sees on every side beyond what it gives back."""

BLEND = 64
"""Pixels on either side of the border between tiles in which one goes over into the other."""

MARGIN = 128
"""Pixels of the second picture around where a tile's pixels are expected, beyond `PAD`."""

TILES = (2048, 1536, 1024, 768, 512, 256)
"""Sides of tiles to choose from; the smallest serves where none fits."""

_WIDTHS = {"small": (32, 128, 96, 196, 82, 0), "large": (64, 256, 128, 324, 128, 576)}
"""Channels of the stem, the features, the hidden state, one answer of the correlation, the motion and the mask."""


@dataclass(frozen=True)
class Arrangement:
    """How the motion of a picture is found.

    Attributes:
        reduce: motion is first found in the whole picture at this part of its size; 1 begins from none.
        tile: side of the tiles in which it is then found or refined, pixels; 0 takes the whole picture.
    """

    reduce: int = 1
    tile: int = 0


def padded(height: int, width: int) -> tuple[int, int]:
    """The size of a picture once its sides are whole cells and enough of them."""
    down, across = (max(SMALLEST, -(-side // STRIDE) * STRIDE) for side in (height, width))
    return down, across


def needed(size: Size, height: int, width: int, ways: int, memory: int, element: int = 4) -> int:
    """Bytes one pair takes at the most, from the layers' widths.

    The encoders hold up to five tensors of the stem's width at half size; an update holds features and their table, a
    chunk four times (gathered, turned, products, answer), both answers, gates and motion, and the volume where it is
    taken; the end of the large net its mask three times and the mixes.

    Args:
        size: of the net.
        height: of the picture, pixels.
        width: likewise.
        ways: directions that are computed at a time.
        memory: bytes planned for, see `impasto.server.ops.correlation.form`.
        element: bytes a number of the net.
    """
    stem, features, hidden, seen, motion, mask = _WIDTHS[size]
    height, width = padded(height, width)
    rows, columns = height // STRIDE, width // STRIDE
    cells = rows * columns
    encoding = 5 * stem * (height // 2) * (width // 2)
    looking = features * (cells + correlation.table_cells(rows, columns)) + 2 * seen * cells
    updating = (12 * hidden + 4 * motion) * cells
    enlarging = 3 * mask * cells + 4 * 2 * height * width
    one = 4 * max(encoding, looking + updating + enlarging)
    if correlation.form(rows, columns, memory, element) == "volume":
        one += correlation.volume_bytes(rows, columns, element)
    else:
        one += 4 * correlation.CHUNK
    return ways * one + 4 * 2 * (features * cells + 2 * 3 * height * width)


def held(height: int, width: int) -> int:
    """Bytes of both pictures, their padded copies, and motion to begin with and found, in both directions."""
    return 4 * (12 + 4 + 6) * height * width


def window(tile: int) -> int:
    """Side of what a tile sees of the second picture, at the most."""
    return tile + 2 * PAD + 2 * MARGIN


def arranged(
    size: Size, height: int, width: int, ways: int, memory: int, element: int = 4, tile: int = 0
) -> Arrangement:
    """How a picture of this size is measured within three quarters of the memory planned.

    Args:
        size: see `needed`, as all the others.
        tile: side of tiles asked for, a multiple of `STRIDE`; 0 takes tiles only where the whole would not fit, and the
            largest that do.
    """
    share = 3 * memory // 4

    def fits(tall: int, wide: int, room: int) -> bool:
        return needed(size, tall, wide, ways, memory, element) <= room

    if not tile and fits(height, width, share):
        return Arrangement()
    room = share - held(height, width)
    if not tile:
        tile = next((side for side in TILES if fits(window(side), window(side), room)), TILES[-1])
    if tile >= max(height, width):
        return Arrangement()
    room = max(room, needed(size, window(tile), window(tile), ways, memory, element))
    reduce = 2
    while min(height, width) // reduce > SMALLEST and not fits(-(-height // reduce), -(-width // reduce), room):
        reduce *= 2
    return Arrangement(reduce, tile)


def ways_at_once(device: str) -> int:
    """Directions computed at a time: on a card they follow each other."""
    return 2 if device == "cpu" else 1


def in_words(arrangement: Arrangement) -> str:
    """For people to read; nothing where the whole picture is measured at once."""
    if not arrangement.tile:
        return ""
    return f"in tiles of {arrangement.tile} pixels, begun at 1/{arrangement.reduce} of the size"
