"""From a node's knobs to its wish."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable

import nuke
from impasto.nuke import catalogue, places, ranges, staleness, wishes
from impasto.nuke.errors import NodeError
from impasto.nuke.inside import knobs
from impasto.nuke.wishes import (
    ALONE,
    IN_SHOT,
    PASSES,
    RENDER,
    TIMING_FRAME,
    TIMING_REPAIR,
    TIMING_SPEED,
    Compute,
    Key,
    KeyMap,
    Look,
    Mattes,
    Measuring,
    Motion,
    Picking,
    Retiming,
    Shot,
    Style,
    Wish,
)

PREVIEW_SCALES = {"full": 1.0, "half": 0.5, "quarter": 0.25}

MATTES = ("soft", "erode", "blur", "gain")
"""Knobs of the mattes, behind `matte_`."""

_STYLE = ("look", "style_file", "style_frame", "weight", "style_mask", "style_frames", "style_fade")
"""Knobs of a style; those of the second to fourth have its number behind their name."""

OWN = (
    *_STYLE, *(f"{name}{number}" for number in range(2, wishes.STYLES + 1) for name in _STYLE),
    "keys", "key_mask", "key_options", "scale_keys", "fill", "fill_minutes", "strength", "style_scale", "relight",
    "consistency", "preserve_colour", "seed", "premultiplied", "preserve_luminance", "statistics", "masks_guide",
    "look_model", "every", "share", "most", "painted", "key_frame", "timing", "speed", "timing_frame", "out_first",
    "model", "cuts", "repair", "motion", "motion_file", "depth", "depth_near", "shot", "shot_cuts", "colour", "device",
    *(f"pass_{name}" for name in PASSES), *(f"matte_{name}" for name in MATTES),
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
    return _wish(node, _shot(node, frames, views), RENDER)


def wish_alone(node: nuke.Node) -> Wish:
    """What a preview of the current frame asks for: that frame painted alone, at preview size.

    Raises:
        NodeError: it cannot be as asked.
    """
    check(node)
    asked = _shot(node, (), ())
    frame = int(nuke.frame())
    return _wish(node, Shot((frame,), (frame,), asked.views), ALONE)


def wish_in_shot(node: nuke.Node, frame: int) -> Wish | None:
    """What the frame asks for as it is in the shot; None where the node has rendered no result with the same motion.

    Raises:
        NodeError: it cannot be as asked.
    """
    kept = knobs.result(node)
    asked = _shot(node, (), ())
    if not kept or frame not in asked.shot:
        return None
    found = _wish(node, Shot(asked.shot, (frame,), asked.views, asked.cuts), IN_SHOT)
    return found if kept.get("motion") == motion_digest(found) else None


def motion_digest(asked: Wish) -> str:
    """Digest of what decides the shot's motion, the plate's pixels apart."""
    shot = asked.shot
    pieces = (
        asked.motion.source,
        asked.motion.files,
        asked.motion.depth,
        asked.motion.near,
        ranges.write(shot.shot),
        shot.cuts,
        *shot.views,
        asked.compute.device,
    )
    return staleness.digest(pieces)


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


def _wish(node: nuke.Node, shot: Shot, aim: str) -> Wish:
    kind = knobs.kind(node)
    alone = aim == ALONE
    return Wish(
        node=node.fullName(),
        kind=kind,
        shot=shot,
        task=_TASKS[kind](node, shot),
        motion=_motion(node),
        passes=tuple(name for name in PASSES if knobs.flag(node, f"pass_{name}")),
        colour=colour(node),
        place=place(node, len(shot.views) > 1),
        compute=Compute(
            server=knobs.text(node, "server"),
            device=knobs.text(node, "device"),
            threads=int(knobs.number(node, "threads")),
            memory=knobs.text(node, "memory"),
        ),
        aim=aim,
        preview_scale=PREVIEW_SCALES[knobs.text(node, "preview_scale")] if alone else 1.0,
        mattes=_mattes(node) if aim == RENDER else Mattes(),
    )


def _motion(node: nuke.Node) -> Motion:
    return Motion(
        knobs.text(node, "motion"),
        knobs.path(node, "motion_file"),
        knobs.text_or(node, "depth", ""),
        knobs.text_or(node, "depth_near", wishes.NEAR[0]),
    )


def _mattes(node: nuke.Node) -> Mattes:
    plain = Mattes()
    return Mattes(*(knobs.number_or(node, f"matte_{name}", getattr(plain, name)) for name in MATTES))


def _measuring(node: nuke.Node, shot: Shot) -> Measuring:
    return Measuring()


def _picking(node: nuke.Node, shot: Shot) -> Picking:
    painted = knobs.text(node, "painted")
    return Picking(
        share=knobs.number(node, "share"),
        most=int(knobs.number(node, "most")),
        painted=ranges.write(ranges.parse(painted)) if painted else "",
    )


def _mapping(node: nuke.Node, shot: Shot) -> KeyMap:
    key = int(knobs.number(node, "key_frame"))
    if key not in shot.shot:
        raise NodeError(
            f"The key frame {key} of {node.fullName()} lies outside the shot {ranges.write(shot.shot)}; go to the frame"
            " you paint and press 'take current'."
        )
    return KeyMap(key)


def _retiming(node: nuke.Node, shot: Shot) -> Retiming:
    timing, first = knobs.text(node, "timing"), knobs.text(node, "out_first")
    curve: tuple[tuple[int, float], ...] = ()
    if timing == TIMING_FRAME:
        if len(shot.frames) < 2:
            raise NodeError(
                f"{node.fullName()} takes its timing from the knob 'frame'; set 'frame range' to global or custom, with"
                " two frames or more, so that it is known which output frames to make."
            )
        curve = knobs.curve(node, "timing_frame", range(shot.frames[0], shot.frames[-1] + 1))
    return Retiming(
        speed=knobs.number(node, "speed") if timing == TIMING_SPEED else None,
        curve=curve,
        first=_whole(node, "out_first", first) if first and not curve else None,
        model=knobs.text(node, "model"),
        cuts=knobs.text(node, "cuts"),
        repair=timing == TIMING_REPAIR or knobs.flag(node, "repair"),
        paint=node.input(wishes.PAINT_PIPE) is not None,
    )


def _whole(node: nuke.Node, name: str, told: str) -> int:
    try:
        return int(told)
    except ValueError as error:
        raise NodeError(f"'{told}' in {name} of {node.fullName()} is no frame number; write such as 1001.") from error


def _look(node: nuke.Node, shot: Shot) -> Look:
    model = knobs.text_or(node, "look_model", catalogue.MODEL_DEFAULT)
    named = "" if model == catalogue.MODEL_DEFAULT else model
    numbers = range(1, wishes.STYLES + 1) if node.knob("look2") is not None else (1,)  # nodes of version 1 have one
    found = [_style(node, number) for number in numbers]
    return Look(
        styles=tuple(style for style in found if style.look not in (wishes.LOOK_NONE, wishes.LOOK_KEYS)),
        keys=_keys(node),
        strength=knobs.number(node, "strength"),
        style_scale=knobs.number(node, "style_scale"),
        relight=knobs.number(node, "relight"),
        preserve_colour=knobs.flag(node, "preserve_colour"),
        seed=int(knobs.number(node, "seed")),
        consistency=knobs.number_or(node, "consistency", 1.0),
        every=int(knobs.number_or(node, "every", 1)),
        masks_guide=knobs.flag(node, "masks_guide"),
        scale_keys=knobs.flag(node, "scale_keys"),
        fill=knobs.text_or(node, "fill", wishes.FILL_DEFAULT),
        fill_minutes=knobs.number_or(node, "fill_minutes", wishes.FILL_MINUTES),
        preserve_luminance=knobs.flag(node, "preserve_luminance"),
        statistics=knobs.text_or(node, "statistics", wishes.FROZEN),
        model=named,
        parameters=_parameters(node, named) if named else None,
    )


_TASKS: dict[str, Callable[[nuke.Node, Shot], Look | Measuring | Picking | KeyMap | Retiming]] = {
    "StyleTransfer": _look,
    "OpticalFlow": _measuring,
    "OcclusionMatte": _measuring,
    "FrameInterpolate": _retiming,
    "KeyPicker": _picking,
    "STMapFromKey": _mapping,
}


def _style(node: nuke.Node, number: int) -> Style:
    behind = "" if number == 1 else str(number)
    look, file, frame, weight, mask, frames, fade = (f"{name}{behind}" for name in _STYLE)
    told = knobs.text_or(node, frames, "")
    return Style(
        number=number,
        look=knobs.text(node, look),
        file=knobs.path(node, file),
        frame=int(knobs.number(node, frame)),
        weight=knobs.number_or(node, weight, 1.0),
        mask=knobs.text_or(node, mask, ""),
        frames=ranges.write(ranges.parse(told)) if told else "",
        fade=int(knobs.number_or(node, fade, 0)),
    )


def _parameters(node: nuke.Node, model: str) -> dict[str, float]:
    """What is set of a model."""
    start = catalogue.parameter_knob(model, "")
    return {name[len(start) :]: knobs.number(node, name) for name in node.knobs() if name.startswith(start)}


def _keys(node: nuke.Node) -> tuple[Key, ...]:
    told = knobs.text(node, "keys")
    options = wishes.key_options(knobs.text_or(node, "key_options", ""))
    frames = ranges.parse(told) if told else ()
    unknown = sorted(set(options) - set(frames))
    if unknown:
        raise NodeError(
            f"The key options name frame {unknown[0]}, which is no key frame; add it to the key frames, or take it"
            " out there."
        )
    mask = knobs.text_or(node, "key_mask", "")
    found = (options.get(frame, Key(frame)) for frame in frames)
    return tuple(replace(key, mask=key.mask or mask) for key in found)


def _shot(node: nuke.Node, frames: tuple[int, ...], views: tuple[str, ...]) -> Shot:
    plate = node.input(0)
    assert plate is not None  # check() has seen to it
    told = knobs.text(node, "shot")
    span = plate.frameRange()
    shot = ranges.parse(told) if told else tuple(range(int(span.first()), int(span.last()) + 1))
    wanted = frames or _frames(node, shot)
    outside = sorted(set(wanted) - set(shot))
    if outside and knobs.kind(node) != "FrameInterpolate":  # its frames are those of the output
        raise NodeError(
            f"The frames {ranges.write(outside)} lie outside the shot {ranges.write(shot)}; name a wider shot in"
            " the knob 'shot', or fewer frames."
        )
    known = tuple(nuke.views())
    asked = views or tuple(knobs.text(node, "views").replace(",", " ").split()) or known
    unknown = [view for view in asked if view not in known]
    if unknown:
        raise NodeError(f"The script has no view '{unknown[0]}'; it has: {', '.join(known)}.")
    return Shot(shot, wanted, asked, _cuts(node))


def _cuts(node: nuke.Node) -> str:
    told = knobs.text_or(node, "shot_cuts", "")
    if told in ("", wishes.CUTS_DETECT, wishes.CUTS_NONE):
        return told or wishes.CUTS_DETECT
    return ranges.write(ranges.parse(told))


def _frames(node: nuke.Node, shot: tuple[int, ...]) -> tuple[int, ...]:
    choice = knobs.text(node, "frame_range")
    if choice == "custom":
        told = knobs.text(node, "frames")
        if not told:
            raise NodeError(f"{node.fullName()} asks for custom frames and names none; write some, such as 1001-1012.")
        return ranges.parse(told)
    if choice == "global":
        root = nuke.root()
        span = range(root.firstFrame(), root.lastFrame() + 1)
        if knobs.kind(node) == "FrameInterpolate":
            return tuple(span)
        inside = set(shot)
        found = tuple(frame for frame in span if frame in inside)
        if not found:
            raise NodeError(f"No frame of the script's range lies in the shot {ranges.write(shot)}; choose 'input'.")
        return found
    return () if knobs.kind(node) == "FrameInterpolate" else shot  # all that its timing gives


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
