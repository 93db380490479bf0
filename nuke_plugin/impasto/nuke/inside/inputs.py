"""A node's inputs, written to EXR by its inner Writes. On the main thread: this is Nuke's own render."""

from __future__ import annotations

import json
import os.path
from collections.abc import Mapping
from functools import partial
from typing import Any

import nuke
from impasto.nuke import aside, places, ranges
from impasto.nuke.errors import CANCELLED, FAILED, NodeError
from impasto.nuke.inside import asking, knobs, upstream
from impasto.nuke.inside.turns import Steps
from impasto.nuke.wishes import Read, Wish


def record_of(wish: Wish) -> str:
    """The file, in the output directory, that says of what the inputs on disk were made."""
    return wish.place.file("inputs.json")


def write(node: nuke.Node, wish: Wish, seen: upstream.Seen = None) -> Steps[None]:
    """Write the inputs that the wish reads, as far as they are not on disk as they are now.

    Raises:
        NodeError: an input is missing, Nuke cannot render it, or the artist cancelled.
    """
    owner = places.Owner(asking.script_path(), knobs.text(node, knobs.IDENTITY), wish.node)
    yield lambda: places.claim(wish.place.directory, owner)
    record = yield partial(aside.read_record, record_of(wish))
    for read in wish.reads:
        source = _source(node, wish, read)
        made_of = yield from _made_of(source, wish, seen)
        missing = yield partial(_missing, wish, read, record.get(_pattern(wish, read)) == made_of)
        if missing:
            written = aside.pattern_beside(_pattern(wish, read))
            try:
                _execute(node, wish, read, missing, written)
            except NodeError:
                yield partial(aside.let_go, written)
                raise
            views = _views(wish, read)
            yield partial(aside.put_in_place, written, _pattern(wish, read), missing, views, record_of(wish), made_of)


def are_there(node: nuke.Node, wish: Wish) -> Steps[bool]:
    """Whether all that the wish reads is on disk as it is now, so that Nuke would have nothing to render."""
    record = yield partial(aside.read_record, record_of(wish))
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


def _execute(node: nuke.Node, wish: Wish, read: Read, frames: tuple[int, ...], into: str) -> None:
    writer, scaler = knobs.inner(node, f"Write_{read.name}"), knobs.inner(node, f"Scale_{read.name}")
    was_changed = nuke.root().modified()
    with knobs.without_undo():
        writer["file"].setValue(places.for_nuke(into))
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
