"""From a node's knobs to its wish."""

from __future__ import annotations

import nuke
from impasto.nuke import places, ranges
from impasto.nuke.errors import NodeError
from impasto.nuke.inside import knobs
from impasto.nuke.wishes import PASSES, Compute, Look, Shot, Wish

PREVIEW_SCALES = {"full": 1.0, "half": 0.5, "quarter": 0.25}

OWN = (
    "look", "style_file", "style_frame", "keys", "strength", "style_scale", "relight", "preserve_colour", "seed",
    "motion", "motion_file", "shot", "colour", "device",
    *(f"pass_{name}" for name in PASSES),
)  # fmt: skip
"""Knobs that decide a pixel, or whether it is there; a result is stale when one of them is changed."""


def wish(node: nuke.Node, frames: tuple[int, ...] = (), views: tuple[str, ...] = ()) -> Wish:
    """What a node asks for.

    Args:
        node: one of ours.
        frames: wanted; none takes what its knobs say.
        views: wanted; none takes what its knobs say.

    Raises:
        NodeError: it cannot be as asked; the sentence says what to change.
    """
    check(node)
    asked = _shot(node, frames, views)
    return _wish(node, asked, 0.0)


def preview_wish(node: nuke.Node) -> Wish:
    """What a preview of the current frame asks for: that frame painted alone, at preview size.

    Raises:
        NodeError: it cannot be as asked.
    """
    check(node)
    asked = _shot(node, (), ())
    frame = int(nuke.frame())
    return _wish(node, Shot((frame,), (frame,), asked.views), PREVIEW_SCALES[knobs.text(node, "preview_scale")])


def check(node: nuke.Node) -> None:
    """Refuse what cannot be rendered rightly.

    Raises:
        NodeError: no plate is connected, the node is disabled, or the script is in proxy mode.
    """
    name = node.fullName()
    if node.input(0) is None:
        raise NodeError(f"{name} has no plate; connect one to its first input.")
    if knobs.flag(node, "disable"):
        raise NodeError(f"{name} is disabled; enable it (D) before rendering it.")
    if nuke.root()["proxy"].value():
        raise NodeError("The script is in proxy mode, in which Impasto does not render; turn it off (Ctrl-P).")


def place(node: nuke.Node, many_views: bool) -> places.Place:
    """Where a node keeps its files.

    Raises:
        NodeError: the script was never saved and no directory is chosen, or the file name cannot be used.
    """
    directory = knobs.path(node, "directory")
    if not directory:
        directory = places.default_directory(script_path(), node.fullName())
    if not (directory.startswith("/") or directory[1:2] == ":"):
        raise NodeError(f"The output directory '{directory}' must be a whole path, such as /mnt/show/shot/paint.")
    return places.Place(directory, places.check_pattern(knobs.text(node, "pattern")), many_views)


def script_path() -> str:
    """Path of the script; empty while it was never saved."""
    name = nuke.root().name()
    return "" if name == "Root" else str(name)


def _wish(node: nuke.Node, shot: Shot, preview_scale: float) -> Wish:
    kind = knobs.kind(node)
    passes = tuple(name for name in PASSES if knobs.flag(node, f"pass_{name}"))
    return Wish(
        node=node.fullName(),
        kind=kind,
        shot=shot,
        look=_look(node) if kind == "StyleTransfer" else None,
        motion=knobs.text(node, "motion"),
        motion_file=knobs.path(node, "motion_file"),
        passes=passes,
        colour=colour(node),
        place=place(node, len(shot.views) > 1),
        compute=Compute(
            server=knobs.text(node, "server"),
            device=knobs.text(node, "device"),
            threads=int(knobs.number(node, "threads")),
            memory=knobs.text(node, "memory"),
        ),
        preview_scale=preview_scale,
    )


def _look(node: nuke.Node) -> Look:
    keys = knobs.text(node, "keys")
    return Look(
        look=knobs.text(node, "look"),
        style_file=knobs.path(node, "style_file"),
        style_frame=int(knobs.number(node, "style_frame")),
        keys=ranges.parse(keys) if keys else (),
        strength=knobs.number(node, "strength"),
        style_scale=knobs.number(node, "style_scale"),
        relight=knobs.number(node, "relight"),
        preserve_colour=knobs.flag(node, "preserve_colour"),
        seed=int(knobs.number(node, "seed")),
    )


def _shot(node: nuke.Node, frames: tuple[int, ...], views: tuple[str, ...]) -> Shot:
    plate = node.input(0)
    assert plate is not None  # check() has seen to it
    told = knobs.text(node, "shot")
    span = plate.frameRange()
    shot = ranges.parse(told) if told else tuple(range(int(span.first()), int(span.last()) + 1))
    wanted = frames or _frames(node, shot)
    outside = sorted(set(wanted) - set(shot))
    if outside:
        raise NodeError(
            f"The frames {ranges.write(outside)} lie outside the shot {ranges.write(shot)}; name a wider shot in"
            " the knob 'shot', or fewer frames."
        )
    known = tuple(nuke.views())
    asked = views or tuple(knobs.text(node, "views").replace(",", " ").split()) or known
    unknown = [view for view in asked if view not in known]
    if unknown:
        raise NodeError(f"The script has no view '{unknown[0]}'; it has: {', '.join(known)}.")
    return Shot(shot, wanted, asked)


def _frames(node: nuke.Node, shot: tuple[int, ...]) -> tuple[int, ...]:
    choice = knobs.text(node, "frame_range")
    if choice == "custom":
        told = knobs.text(node, "frames")
        if not told:
            raise NodeError(f"{node.fullName()} asks for custom frames and names none; write some, such as 1001-1012.")
        return ranges.parse(told)
    if choice == "global":
        root = nuke.root()
        inside = set(shot)
        found = tuple(frame for frame in range(root.firstFrame(), root.lastFrame() + 1) if frame in inside)
        if not found:
            raise NodeError(f"No frame of the script's range lies in the shot {ranges.write(shot)}; choose 'input'.")
        return found
    return shot


def colour(node: nuke.Node) -> str:
    """The colour space in which Nuke hands out pixels; empty where the files' own primaries say it."""
    told = knobs.text(node, "colour")
    if told and told != "auto":
        return told
    root = nuke.root()
    management, working = root.knob("colorManagement"), root.knob("workingSpaceLUT")
    if management is not None and working is not None and str(management.value()) == "OCIO":
        return str(working.value())
    return ""
