"""What a node's knobs ask for, as values without Nuke, and the job file made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from impasto.nuke import places, ranges
from impasto.nuke.errors import NodeError

LOOK_INPUT, LOOK_FILE, LOOK_KEYS = "style input", "style file", "keys only"
"""Looks that are no preset; every other entry of the knob is a preset's name."""
MOTION_PLATE, MOTION_FILES = "plate layers", "vector files"
"""Motion that no model measures; every other entry of the knob is a model's id."""

PASSES = ("motion", "occlusion", "confidence", "source", "cause")


@dataclass(frozen=True)
class Shot:
    """Frames and views.

    Attributes:
        shot: all frames that are bound together; every one is read.
        frames: those of them that are wanted.
        views: to render.
    """

    shot: tuple[int, ...]
    frames: tuple[int, ...]
    views: tuple[str, ...]


@dataclass(frozen=True)
class Look:
    """How a shot is painted.

    Attributes:
        look: one of `LOOK_INPUT`, `LOOK_FILE`, `LOOK_KEYS`, or a preset's name.
        style_file: path, for `LOOK_FILE`.
        style_frame: frame of the style input that is read.
        keys: frames of the keys input that are read.
        strength: 0 is the plate, 1 the paint.
        style_scale: brush size.
        relight: how far paint follows the light, 0..1.
        preserve_colour: whether the plate keeps its hues.
        seed: of every random draw.
    """

    look: str
    style_file: str
    style_frame: int
    keys: tuple[int, ...]
    strength: float
    style_scale: float
    relight: float
    preserve_colour: bool
    seed: int


@dataclass(frozen=True)
class Compute:
    """Where it is computed.

    Attributes:
        server: `HOST:PORT`; empty takes the environment's, else a server of the user's own.
        device: auto, cpu or cuda:N.
        threads: worker threads; 0 takes what the process may use.
        memory: such as `8G`; empty takes the server's default.
    """

    server: str
    device: str
    threads: int
    memory: str


@dataclass(frozen=True)
class Wish:
    """All a node asks for.

    Attributes:
        node: its full name.
        kind: StyleTransfer, OpticalFlow or OcclusionMatte.
        shot: frames and views.
        look: how it is painted; None where only motion is measured.
        motion: a model's id, `MOTION_PLATE` or `MOTION_FILES`.
        motion_file: pattern, for `MOTION_FILES`.
        passes: of `PASSES`.
        colour: working colour space by its OpenColorIO name; empty lets the server find out.
        place: where files are kept.
        compute: where it is computed.
        preview_scale: of a preview's picture, 1 is full size; 0 where this is no preview.
    """

    node: str
    kind: str
    shot: Shot
    look: Look | None
    motion: str
    motion_file: str
    passes: tuple[str, ...]
    colour: str
    place: places.Place
    compute: Compute
    preview_scale: float = 0.0

    @property
    def preview(self) -> bool:
        """Whether one frame is painted alone."""
        return self.preview_scale > 0

    @property
    def reads_style(self) -> bool:
        """Whether the style input is read."""
        return self.look is not None and self.look.look == LOOK_INPUT


def job(wish: Wish) -> dict[str, Any]:
    """The job file of a wish: a `JobSpec` in JSON, as `impasto run` reads it.

    The node's inputs stand at the places that `Wish.place` names.

    Raises:
        NodeError: a look is asked for that nothing is given for, or a size is not understood.
    """
    place, preview = wish.place, wish.preview
    spec: dict[str, Any] = {
        "plate": {
            "pattern": place.input("plate", preview),
            "shot": ranges.write(wish.shot.shot),
            "frames": ranges.write(wish.shot.frames),
        },
        "output": {"pattern": place.result(preview), "passes": [] if preview else list(wish.passes)},
        "compute": {
            "device": wish.compute.device,
            "threads": wish.compute.threads,
            "memory_bytes": str(memory_bytes(wish.compute.memory)),
        },
        "colour": dict.fromkeys(("plate", "out"), wish.colour),
    }
    if wish.look is None:
        spec["motion"] = {"motion": _motion(wish)}
        return spec
    spec["colour"]["key"] = wish.colour
    if wish.reads_style:
        spec["colour"]["style"] = wish.colour
    spec["stylize"] = _stylize(wish, wish.look)
    return spec


def _stylize(wish: Wish, look: Look) -> dict[str, Any]:
    # A preview's shot is one frame; of a whole shot a key outside is an error, which the command tells best.
    usable = [frame for frame in look.keys if not wish.preview or frame in wish.shot.shot]
    told: dict[str, Any] = {
        "styles": [_style(wish, look)] if look.look != LOOK_KEYS else [],
        "keys": [{"frame": frame, "file": {"path": _key(wish, frame)}} for frame in usable],
        "motion": _motion(wish),
        "strength": look.strength,
        "style_scale": look.style_scale,
        "relight": look.relight,
        "preserve_colour": look.preserve_colour,
        "seed": look.seed,
    }
    if look.look == LOOK_KEYS and not look.keys:
        raise NodeError(f"{wish.node} has neither a style nor a key frame; choose a style, or add a key frame.")
    if wish.preview and look.keys and not told["keys"] and not told["styles"]:
        nearest = min(look.keys, key=lambda key: abs(key - wish.shot.frames[0]))
        path = _key(wish, nearest)
        told["styles"] = [{"name": path, "file": {"path": path}}]
    return told


def _key(wish: Wish, frame: int) -> str:
    return places.path_of(wish.place.input("keys", wish.preview), frame, wish.shot.views[0])


def _style(wish: Wish, look: Look) -> dict[str, Any]:
    if look.look == LOOK_INPUT:
        path = places.path_of(wish.place.input("style", wish.preview), look.style_frame, wish.shot.views[0])
    elif look.look == LOOK_FILE:
        path = look.style_file
        if not path:
            raise NodeError(f"{wish.node} asks for a style file and names none; choose one.")
    else:
        return {"name": look.look}
    return {"name": path, "file": {"path": path}}


def _motion(wish: Wish) -> dict[str, Any]:
    if wish.motion == MOTION_PLATE:
        return {"plate": True}
    if wish.motion == MOTION_FILES:
        if not wish.motion_file:
            raise NodeError(f"{wish.node} asks for motion from files and names none; choose the vector files.")
        return {"files": {"pattern": wish.motion_file}}
    return {"model": wish.motion}


def memory_bytes(text: str) -> int:
    """Bytes: `8G`, `512M`; 0 for nothing.

    Raises:
        NodeError: anything else.
    """
    if not text.strip():
        return 0
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE | re.ASCII)
    if match is None:
        raise NodeError(f"'{text}' is no size of memory; write it such as 8G or 512M.")
    return int(float(match[1]) * {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}[match[2].upper()])
