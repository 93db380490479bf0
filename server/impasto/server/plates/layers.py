"""How views and layers are named within one part: after OpenEXR's multi-view rules and after Nuke.

A file of several views names its hero's channels `R`, `forward.u` and the others' `left.R`, `left.forward.u` (Nuke), or
puts the view before the last word: `forward.left.u`, `forward.right.u` (OpenEXR, "standard layer name format").
"""

from __future__ import annotations

from collections.abc import Collection, Sequence


def _standard(names: Collection[str], views: Sequence[str]) -> bool:
    return any(len(parts) > 2 and parts[-2] in views for parts in (name.split(".") for name in names))


def find(names: Collection[str], views: Sequence[str], view: str, name: str) -> str | None:
    """The channel `name` (`R`, `forward.u`) of a view under the name the file gives it, or None.

    Args:
        names: channels of the file.
        views: views of the file, hero first.
        view: the view; empty where there are none.
        name: without view.
    """
    layer, _, last = name.rpartition(".")
    tries = [f"{view}.{name}", f"{layer}.{view}.{last}"] if view else []
    if views[0] in ("", view):  # a file without views of its own is of the one asked for
        tries.append(name)
    return next((candidate for candidate in tries if candidate in names), None)


def compose(names: Collection[str], views: Sequence[str], view: str, name: str) -> str:
    """The name a channel of a view gets in this file, after the file's own fashion."""
    layer, _, last = name.rpartition(".")
    if view and layer and _standard(names, views):
        return f"{layer}.{view}.{last}"
    return name if views[0] in ("", view) else f"{view}.{name}"


def view_of(names: Collection[str], views: Sequence[str], name: str) -> str:
    """The view a channel belongs to; what names none is the hero's."""
    parts = name.split(".")
    named = [
        view for view in views if view and (parts[0] == view or (_standard(names, views) and parts[-2:-1] == [view]))
    ]
    return named[0] if named else views[0]


def has_layer(names: Collection[str], views: Sequence[str], view: str, layer: str) -> bool:
    """Whether the file has any channel in this layer of this view."""
    starts = [f"{view}.{layer}.", f"{layer}.{view}."] if view else []
    if views[0] in ("", view):  # a file without views of its own is of the one asked for
        others = tuple(f"{layer}.{other}." for other in views if other)
        if any(name.startswith(f"{layer}.") and not name.startswith(others) for name in names):
            return True
    return any(name.startswith(tuple(starts)) for name in names) if starts else False


def colour(names: Collection[str], views: Sequence[str], view: str) -> tuple[str, ...]:
    """The colour channels of a view: red, green and blue, or luminance alone, or nothing."""
    found = [find(names, views, view, channel) for channel in "RGB"]
    if all(found):
        return tuple(name for name in found if name)
    grey = find(names, views, view, "Y")
    return (grey,) if grey else ()
