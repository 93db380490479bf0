"""A node's inputs, written to EXR by its inner Writes. On the main thread: this is Nuke's own render."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nuke
from impasto.nuke import places, ranges
from impasto.nuke.errors import CANCELLED, FAILED, NodeError
from impasto.nuke.inside import asking, knobs, upstream
from impasto.nuke.wishes import Wish

_RECORD = "inputs.json"
"""In the output directory: of what the inputs on disk were made."""


def write(node: nuke.Node, wish: Wish) -> None:
    """Write plate, style and keys as far as the wish reads them and they are not on disk as they are now.

    Raises:
        NodeError: an input is missing, Nuke cannot render it, or the artist cancelled.
    """
    places.claim(wish.place.directory, asking.script_path(), wish.node)
    wanted = {"plate": (0, wish.shot.shot)}
    if wish.reads_style and wish.look is not None:
        wanted["style"] = (1, (wish.look.style_frame,))
    if wish.look is not None and wish.look.keys:
        wanted["keys"] = (2, wish.look.keys)
    for name, (index, frames) in wanted.items():
        source = node.input(index)
        if source is None:
            raise NodeError(f"{wish.node} reads its {name} input, but nothing is connected to it; connect it.")
        _write_one(node, wish, name, source, frames)


def _write_one(node: nuke.Node, wish: Wish, name: str, source: nuke.Node, frames: tuple[int, ...]) -> None:
    pattern = wish.place.input(name, wish.preview)
    views = wish.shot.views if name == "plate" or wish.place.many_views else wish.shot.views[:1]
    made_of = json.loads(json.dumps({**upstream.input_snapshot(source).values(), "scale": wish.preview_scale}))
    record = _read_record(wish)
    missing = frames
    if record.get(pattern) == made_of:
        missing = tuple(f for f in frames if not all(map(_there, places.files_of(pattern, (f,), views))))
    if not missing:
        return
    if record.pop(pattern, None) is not None:
        places.write_json(wish.place.file(_RECORD), record)
    _execute(node, wish, name, pattern, missing, views)
    record[pattern] = made_of
    places.write_json(wish.place.file(_RECORD), record)


def _execute(
    node: nuke.Node, wish: Wish, name: str, pattern: str, frames: tuple[int, ...], views: tuple[str, ...]
) -> None:
    writer, scaler = knobs.inner(node, f"Write_{name}"), knobs.inner(node, f"Scale_{name}")
    was_changed = nuke.root().modified()
    with knobs.without_undo():
        writer["file"].setValue(places.for_nuke(pattern))
        writer["disable"].setValue(False)
        scaler["disable"].setValue(not wish.preview or wish.preview_scale == 1.0)
        if wish.preview:
            scaler["scale"].setValue(wish.preview_scale)
        try:
            for first, last in ranges.runs(frames):
                nuke.execute(writer, first, last, 1, list(views))
        except RuntimeError as error:
            if "cancel" in str(error).lower():
                raise NodeError(f"Cancelled while {wish.node} read its {name}.", CANCELLED, "CANCELLED") from error
            raise NodeError(f"Nuke could not render the {name} of {wish.node}: {error}", FAILED, "INPUT") from error
        finally:
            writer["disable"].setValue(True)
            scaler["disable"].setValue(True)
            if not was_changed:
                nuke.root().setModified(False)


def _read_record(wish: Wish) -> dict[str, Any]:
    try:
        told = json.loads(Path(wish.place.file(_RECORD)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _there(path: str) -> bool:
    return Path(path).is_file()
