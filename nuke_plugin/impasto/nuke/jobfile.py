"""The job file of a wish: a `JobSpec` in JSON, as `impasto run` reads it. What is not set is left out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from impasto.nuke import places, ranges, wishes
from impasto.nuke.errors import NodeError
from impasto.nuke.wishes import (
    LOOK_FILE,
    LOOK_INPUT,
    MOTION_FILES,
    MOTION_PLATE,
    Key,
    KeyMap,
    Look,
    Picking,
    Retiming,
    Style,
    Wish,
)


def job(wish: Wish) -> dict[str, Any]:
    """The job of a wish; the node's inputs stand at the places that `Wish.place` names.

    Raises:
        NodeError: a look is asked for that nothing is given for, or a size is not understood.
    """
    spec: dict[str, Any] = {
        "plate": {
            "pattern": places.of_view(wish.place.input("plate", wish.alone), wish.view),
            "shot": ranges.write(wish.shot.shot),
            "frames": ranges.write(wish.shot.frames),
        },
        "output": {
            "pattern": places.of_view(wish.result, wish.view),
            "passes": [] if wish.preview else list(wish.passes),
        },
        "compute": {
            "device": wish.compute.device,
            "threads": wish.compute.threads,
            "memory_bytes": str(wishes.memory_bytes(wish.compute.memory)),
        },
        "colour": dict.fromkeys(("plate", "out"), wish.colour),
    }
    spec["plate"].update(_cuts(wish))
    if wish.motion.depth and not wish.alone:
        spec["plate"]["depth"] = wish.motion.depth
    if wish.motion.near == wishes.NEAR_HIGH and not wish.alone:
        spec["plate"]["depth_near"] = wishes.NEAR_HIGH
    if wish.mattes != wishes.Mattes():
        spec["mattes"] = asdict(wish.mattes)
    task = wish.task
    if isinstance(task, Look):
        spec["colour"]["key"] = wish.colour
        if any(style.look == LOOK_INPUT for style in task.styles):
            spec["colour"]["style"] = wish.colour
        spec["stylize"] = _stylize(wish, task)
    elif isinstance(task, Picking):
        spec["output"] = {"sheet": wish.sheet}
        spec["keys"] = _keys(wish, task)
    elif isinstance(task, KeyMap):
        spec["output"]["passes"] = []
        spec["stmap"] = {"motion": _motion(wish), "key": task.key}
    elif isinstance(task, Retiming):
        spec["output"]["passes"] = []
        spec["interpolate"] = _interpolate(wish, task)
    else:
        spec["motion"] = {"motion": _motion(wish)}
    return spec


def _cuts(wish: Wish) -> dict[str, Any]:
    cuts = wish.shot.cuts
    if cuts == wishes.CUTS_DETECT or wish.alone:
        return {}
    if cuts == wishes.CUTS_NONE:
        return {"cuts": cuts}
    return {"cuts": "given", "given_cuts": [{"frame": frame} for frame in ranges.parse(cuts)]}


def _keys(wish: Wish, task: Picking) -> dict[str, Any]:
    return {"motion": _motion(wish), "share": task.share, "most": task.most, "painted": task.painted}


def _interpolate(wish: Wish, task: Retiming) -> dict[str, Any]:
    told: dict[str, Any] = {"motion": _motion(wish), "model": task.model, "cuts": task.cuts, "repair": task.repair}
    if task.speed is not None:
        told["speed"] = task.speed
    if task.curve:
        told["curve"] = {"rows": [{"output_frame": out, "input_frame": time} for out, time in task.curve]}
    if task.first is not None:
        told["out_first"] = task.first
    if task.paint:
        told["paint"] = {"pattern": wish.place.input("paint")}
    return told


def _stylize(wish: Wish, look: Look) -> dict[str, Any]:
    # The shot of a frame painted alone is that frame; of a whole shot a key outside is an error, which the command
    # tells best.
    usable = [key for key in look.keys if not wish.alone or key.frame in wish.shot.shot]
    told: dict[str, Any] = {
        "styles": [_style(wish, style) for style in look.styles if not wish.alone or _paints_at(style, wish)],
        "keys": [_key(wish, key) for key in usable],
        "motion": _motion(wish),
        "strength": look.strength,
        "style_scale": look.style_scale,
        "relight": look.relight,
        "preserve_colour": look.preserve_colour,
        "seed": look.seed,
    }
    if look.every > 1 and not wish.alone:
        told["every"] = look.every
    if look.consistency != 1.0:
        told["consistency"] = look.consistency
    if usable and look.scale_keys:
        told["scale_keys"] = True
    if usable and look.fill != wishes.FILL_DEFAULT:
        told["fill"] = look.fill
        if look.fill == wishes.FILL_NET and look.fill_minutes != wishes.FILL_MINUTES:
            told["fill_minutes"] = look.fill_minutes
    if look.preserve_luminance:
        told["preserve_luminance"] = True
    if look.statistics != wishes.FROZEN:
        told["statistics"] = look.statistics
    if look.masks_guide:
        told["masks_guide"] = True
    if look.model:
        told["look"] = look.model
    if look.parameters:
        told["look_parameters"] = dict(look.parameters)
    if not look.styles and not look.keys:
        raise NodeError(f"{wish.node} has neither a style nor a key frame; choose a style, or add a key frame.")
    if wish.alone and look.keys and not told["keys"] and not told["styles"]:
        nearest = min(look.keys, key=lambda key: abs(key.frame - wish.shot.frames[0]))
        path = _key_file(wish, nearest)
        told["styles"] = [{"name": path, "file": {"path": path}}]
    return told


def _key(wish: Wish, key: Key) -> dict[str, Any]:
    told: dict[str, Any] = {"frame": key.frame, "file": {"path": _key_file(wish, key)}}
    if key.weight != 1.0:
        told["weight"] = key.weight
    if key.hold and not wish.alone:
        told["hold"] = key.hold
    if key.mask:
        told["mask"] = {"layer": key.mask}
    return told


def _key_file(wish: Wish, key: Key) -> str:
    return _input_file(wish, "keys", key.frame)


def _input_file(wish: Wish, name: str, frame: int) -> str:
    return places.path_of(wish.place.input(name, wish.alone), frame, wish.view or wish.shot.views[0])


def _style(wish: Wish, style: Style) -> dict[str, Any]:
    told: dict[str, Any] = {"name": style.look}
    if style.look == LOOK_INPUT:
        path = _input_file(wish, style.input, style.frame)
        told = {"name": path, "file": {"path": path}}
    elif style.look == LOOK_FILE:
        if not style.file:
            raise NodeError(f"{wish.node} asks for a style file and names none; choose one.")
        told = {"name": style.file, "file": {"path": style.file}}
    if style.weight != 1.0:
        told["weight"] = style.weight
    if style.mask:
        told["mask"] = {"layer": style.mask}
    if style.frames and not wish.alone:
        told["frames"] = style.frames
    if style.fade and not wish.alone:
        told["fade"] = style.fade
    return told


def _paints_at(style: Style, wish: Wish) -> bool:
    return not style.frames or wish.shot.frames[0] in ranges.parse(style.frames)


def _motion(wish: Wish) -> dict[str, Any]:
    if wish.motion.source == MOTION_PLATE:
        return {"plate": True}
    if wish.motion.source == MOTION_FILES:
        if not wish.motion.files:
            raise NodeError(f"{wish.node} asks for motion from files and names none; choose the vector files.")
        return {"files": {"pattern": wish.motion.files}}
    return {"model": wish.motion.source}
