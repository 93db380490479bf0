"""Pictures too large for one pass, in tiles that meet exactly.

The grid depends on the picture's size and the tile's alone, never on free memory or on what else runs, so that the
same picture is always cut the same way. Each tile sees `pad` pixels around what it gives back; where `pad` is at least
the reach of the function and nothing else binds pixels together, tiles equal the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tile:
    """One tile: rows and columns it sees, and those it gives back, as half-open ranges of the picture.

    Attributes:
        seen: (top, bottom, left, right) of what the function is shown.
        kept: (top, bottom, left, right) of what is kept of its answer.
    """

    seen: tuple[int, int, int, int]
    kept: tuple[int, int, int, int]


def _spans(length: int, tile: int, pad: int, stride: int) -> list[tuple[int, int, int, int]]:
    """Seen and kept ranges along one axis; what is seen begins on a multiple of `stride`."""
    spans = []
    for start in range(0, length, tile):
        stop = min(start + tile, length)
        spans.append((max(0, start - pad) // stride * stride, min(length, stop + pad), start, stop))
    return spans


def grid(height: int, width: int, tile: int, pad: int, stride: int = 1) -> list[Tile]:
    """The tiles of a picture, row by row.

    Args:
        height: of the picture, pixels; a multiple of `stride`.
        width: likewise.
        tile: side of what a tile gives back; a multiple of `stride`.
        pad: pixels seen on every side beyond that, where the picture has them; a multiple of `stride`.
        stride: the function's own grid: every tile begins and ends on a multiple of it.

    Raises:
        ValueError: a length that is no multiple of `stride`, or a tile of no size.
    """
    for name, value in (("height", height), ("width", width), ("tile", tile), ("pad", pad)):
        if value % stride or value < (0 if name == "pad" else 1):
            raise ValueError(f"The {name} of a tiled picture is {value}; it must be a multiple of {stride}.")
    columns = _spans(width, tile, pad, stride)
    return [
        Tile((top, bottom, left, right), (first, last, start, stop))
        for top, bottom, first, last in _spans(height, tile, pad, stride)
        for left, right, start, stop in columns
    ]


def blending(piece: Tile, height: int, width: int, blend: int) -> Tensor:
    """How much each pixel a tile sees weighs, where tiles go over into each other.

    Args:
        piece: of a `grid` with a pad of `blend` at least.
        height: of the picture.
        width: likewise.
        blend: pixels on either side of the border between two tiles in which one gives way to the other, evenly.

    Returns:
        (1, 1, h, w) float32 over what is seen, 0..1; the weights of all tiles add up to more than 0 in every pixel, and
        to 1 where no tile gives back less than twice `blend`. Whoever sums up divides by that.
    """
    top, bottom, left, right = piece.seen
    first, last, start, stop = piece.kept
    down = _ramp(top, bottom, first, last, height, blend)
    return (down[:, None] * _ramp(left, right, start, stop, width, blend))[None, None]


def _ramp(low: int, high: int, start: int, stop: int, length: int, blend: int) -> Tensor:
    """Weights of the places `low` to `high` of an axis of this length, of a tile that gives back `start` to `stop`."""
    place = torch.arange(low, high, dtype=torch.float32) + 0.5
    weight = torch.ones_like(place)
    if start > 0:
        weight = weight.minimum((place - (start - blend)) / (2 * blend))
    if stop < length:
        weight = weight.minimum(((stop + blend) - place) / (2 * blend))
    return weight.clamp_(0.0, 1.0)


def tiled(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    tile: int,
    pad: int,
    stride: int = 1,
    check: Callable[[], None] = lambda: None,
) -> Tensor:
    """`function(x)` by tiles; see `grid`.

    Args:
        function: from (B, C, h, w) to (B, D, h, w), for any h and w that are multiples of `stride`.
        x: (B, C, H, W), H and W multiples of `stride`.
        tile: see `grid`.
        pad: see `grid`.
        stride: see `grid`.
        check: called before every tile; raises to stop.

    Returns:
        (B, D, H, W).
    """
    height, width = x.shape[-2:]
    out: Tensor | None = None
    for piece in grid(height, width, tile, pad, stride):
        check()
        top, bottom, left, right = piece.seen
        part = function(x[..., top:bottom, left:right])
        first, last, start, stop = piece.kept
        if out is None:
            out = part.new_empty((*part.shape[:-2], height, width))
        out[..., first:last, start:stop] = part[..., first - top : last - top, start - left : stop - left]
    assert out is not None
    return out
