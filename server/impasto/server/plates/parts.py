"""Many parts become one: names, windows and attributes of a multi-part EXR merged as Nuke's layers want them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from impasto.server.errors import PlateError
from impasto.server.plates.exr_header import FileHeader, PartHeader
from impasto.server.plates.plate import Window

_COLOUR_PARTS = ("", "rgba", "rgb")


@dataclass(frozen=True)
class Merged:
    """The one part many parts become.

    Attributes:
        names: for each part, its channels' names to the merged names.
        views: hero first; one empty name where there are none.
        data_window: around all parts' windows.
        display_window: shared by all parts.
    """

    names: tuple[dict[str, str], ...]
    views: tuple[str, ...]
    data_window: Window
    display_window: Window


def merge(header: FileHeader, multi_view: Sequence[str], source: str) -> Merged:
    """Decide the names and windows of the merged part.

    A channel of a part other than its view's main one (the first with an R, else the first) that has a short name, such
    as `Z` or `u`, gets the part's name in front, the view cut off it: part `depth_left` makes `left.depth.Z`.

    Args:
        header: all parts.
        multi_view: the `multiView` attribute, hero first, or nothing.
        source: path for messages.

    Raises:
        PlateError: the parts have differing display windows, or two channels get one name.
    """
    first = header.parts[0]
    for part in header.parts[1:]:
        if part.display_window != first.display_window:
            raise PlateError(
                f"{source}: its parts {first.name!r} and {part.name!r} have display windows of "
                f"{first.display_window.width}x{first.display_window.height} and {part.display_window.width}x"
                f"{part.display_window.height}; write each format to files of its own"
            )
    views = tuple(multi_view) or tuple(dict.fromkeys(part.view for part in header.parts if part.view)) or ("",)
    return Merged(
        names=_names(header.parts, views, source) if header.multipart else ({c.name: c.name for c in first.channels},),
        views=views,
        data_window=reduce(Window.union, (part.data_window for part in header.parts)),
        display_window=first.display_window,
    )


def _layer(part: PartHeader) -> str:
    """The layer a part's name stands for: the name without its view."""
    name = part.name
    if part.view:
        for mark in "._":
            name = name.removesuffix(mark + part.view).removeprefix(part.view + mark)
        name = "" if name == part.view else name
    return "" if name.lower() in _COLOUR_PARTS else name


def _names(parts: Sequence[PartHeader], views: Sequence[str], source: str) -> tuple[dict[str, str], ...]:
    main: dict[str, PartHeader] = {}
    for part in parts:
        main.setdefault(part.view, part)
    for part in reversed(parts):
        if any(channel.name == "R" for channel in part.channels):
            main[part.view] = part
    taken: set[str] = set()
    merged = []
    for part in parts:
        before = f"{part.view}." if part.view and part.view != views[0] else ""
        layer = "" if part is main[part.view] else _layer(part)
        names = {}
        for channel in part.channels:
            short = "." not in channel.name
            name = before + (f"{layer}.{channel.name}" if short and layer else channel.name)
            if name in taken:
                name = f"{before}{part.name}.{channel.name}"
            if name in taken:
                raise PlateError(f"{source}: two of its parts hold the channel {name}; rename one of them")
            taken.add(name)
            names[channel.name] = name
        merged.append(names)
    return tuple(merged)
