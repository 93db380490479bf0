"""The Plate: one picture of a shot with everything its file held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

Channel = NDArray[Any]


@dataclass(frozen=True, order=True)
class Window:
    """A rectangle of pixels; x to the right, y down, `x1` and `y1` just past the last pixel."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """Rows."""
        return self.y1 - self.y0

    def union(self, other: Window) -> Window:
        """The smallest window around both."""
        return Window(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))

    def within(self, outer: Window) -> tuple[slice, slice]:
        """Rows and columns of this window in an array that covers `outer`."""
        return (
            slice(self.y0 - outer.y0, self.y1 - outer.y0),
            slice(self.x0 - outer.x0, self.x1 - outer.x0),
        )


@dataclass(frozen=True, eq=False)
class Plate:
    """One picture as its file held it, merged into one part.

    Attributes:
        channels: name as in the file (`R`, `forward.u`, `left.R`) to a (height, width) array over `data_window`,
            float16, float32 or uint32 as stored; scene-linear where colour, never clamped; row 0 on top.
        data_window: the pixels that are there.
        display_window: the format.
        attributes: every header attribute but channels, windows, compression and type, as OpenEXR gave it.
        compression: OpenEXR's name in lower case: none, rle, zips, zip, piz, pxr24, b44, b44a, dwaa, dwab ...
        views: names of the views, hero first; one empty name where there are none.
        encoding: `scene_linear` for EXR and float TIFF; `srgb` for integer pictures and video, whose channels are
            decoded from sRGB to scene-linear float32 and multiplied by their alpha.
        source: path of the file, for messages.
        notes: what its user should know about the reading, one sentence each.
    """

    channels: Mapping[str, Channel]
    data_window: Window
    display_window: Window
    attributes: Mapping[str, Any] = field(default_factory=dict)
    compression: str = "zips"
    views: tuple[str, ...] = ("",)
    encoding: str = "scene_linear"
    source: str = ""
    notes: tuple[str, ...] = ()


def moved(plate: Plate, dx: int, dy: int) -> Plate:
    """The plate with both windows moved, so that another's format lies on its own."""
    if dx == dy == 0:
        return plate

    def move(window: Window) -> Window:
        return Window(window.x0 + dx, window.y0 + dy, window.x1 + dx, window.y1 + dy)

    return replace(plate, data_window=move(plate.data_window), display_window=move(plate.display_window))
