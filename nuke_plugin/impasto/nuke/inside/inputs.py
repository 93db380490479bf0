"""A node's inputs, written to EXR by its inner Writes. On the main thread: this is Nuke's own render."""

from __future__ import annotations

import json
import os.path
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import nuke
from impasto.nuke import places, ranges
from impasto.nuke.errors import CANCELLED, FAILED, NodeError
from impasto.nuke.inside import asking, knobs, upstream
from impasto.nuke.inside.turns import Steps
from impasto.nuke.wishes import Read, Wish

_RECORD = "inputs.json"
"""In the output directory: of what the inputs on disk were made."""


def write(node: nuke.Node, wish: Wish, seen: upstream.Seen = None) -> Steps[None]:
    """Write the inputs that the wish reads, as far as they are not on disk as they are now.

    Raises:
        NodeError: an input is missing, Nuke cannot render it, or the artist cancelled.
    """
    owner = places.Owner(asking.script_path(), knobs.text(node, knobs.IDENTITY), wish.node)
    yield lambda: places.claim(wish.place.directory, owner)
    record = yield lambda: _read_record(wish)
    for read in wish.reads:
        source = _source(node, wish, read)
        made_of = yield from _made_of(source, wish, seen)
        missing = yield partial(_missing, wish, read, record.get(_pattern(wish, read)) == made_of)
        if missing:
            pattern = _pattern(wish, read)
            if record.pop(pattern, None) is not None:
                yield lambda: places.write_json(wish.place.file(_RECORD), record)
            _execute(node, wish, read, missing)
            record[pattern] = made_of
            yield lambda: places.write_json(wish.place.file(_RECORD), record)


def are_there(node: nuke.Node, wish: Wish) -> Steps[bool]:
    """Whether all that the wish reads is on disk as it is now, so that Nuke would have nothing to render."""
    record = yield lambda: _read_record(wish)
    for read in wish.reads:
        made_of = yield from _made_of(_source(node, wish, read), wish)
        if record.get(_pattern(wish, read)) != made_of:
            return False
        missing = yield partial(_missing, wish, read, known=True)
        if missing:
            return False
    return True


def _source(node: nuke.Node, wish: Wish, read: Read) -> nuke.Node:
    source = node.input(read.pipe)
    if source is None:
        raise NodeError(f"{wish.node} reads its {read.name} input, but nothing is connected to it; connect it.")
    return source


def _made_of(source: nuke.Node, wish: Wish, seen: upstream.Seen = None) -> Steps[Mapping[str, Any]]:
    now = yield from upstream.input_snapshot(source, seen)
    told: Mapping[str, Any] = json.loads(json.dumps({**now.values(), "scale": wish.input_scale}))
    return told


def _pattern(wish: Wish, read: Read) -> str:
    return wish.place.input(read.name, wish.alone)


def _views(wish: Wish, read: Read) -> tuple[str, ...]:
    return wish.shot.views if read.name == "plate" or wish.place.many_views else wish.shot.views[:1]


def _missing(wish: Wish, read: Read, known: bool) -> tuple[int, ...]:
    """Frames that Nuke has to write: all, where what is on disk was made of something else."""
    if not known:
        return read.frames
    pattern, views = _pattern(wish, read), _views(wish, read)
    there = os.path.isfile
    return tuple(f for f in read.frames if not all(map(there, places.files_of(pattern, (f,), views))))


def _execute(node: nuke.Node, wish: Wish, read: Read, frames: tuple[int, ...]) -> None:
    writer, scaler = knobs.inner(node, f"Write_{read.name}"), knobs.inner(node, f"Scale_{read.name}")
    was_changed = nuke.root().modified()
    with knobs.without_undo():
        writer["file"].setValue(places.for_nuke(_pattern(wish, read)))
        writer["disable"].setValue(False)
        scaler["disable"].setValue(wish.input_scale == 1.0)
        if wish.input_scale != 1.0:
            scaler["scale"].setValue(wish.input_scale)
        try:
            for first, last in ranges.runs(frames):
                nuke.execute(writer, first, last, 1, list(_views(wish, read)))
        except RuntimeError as error:
            if "cancel" in str(error).lower():
                raise NodeError(
                    f"Cancelled while {wish.node} read its {read.name}.", CANCELLED, reason="CANCELLED"
                ) from error
            raise NodeError(
                f"Nuke could not render the {read.name} of {wish.node}: {error}", FAILED, reason="INPUT"
            ) from error
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
