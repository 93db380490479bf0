"""What a node's result depends on inside Nuke: its own knobs, the nodes above it, the files they read."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Optional

import nuke
from impasto.nuke import catalogue, places, staleness
from impasto.nuke.inside import asking, knobs, turns
from impasto.nuke.inside.turns import Steps
from impasto.nuke.staleness import Snapshot
from impasto.nuke.wishes import KEYS_PIPE, LOOK_INPUT, PAINT_PIPE, STYLE_PIPES

_LOOKS = re.compile(
    r"^\s*(?:name|inputs|xpos|ypos|selected|tile_color|gl_color|note_font\w*|label|hide_input|bookmark|postage_stamp\w*|"
    r"dope_sheet|cached|indicators|panel|impasto_\w+|status|has_result|has_preview|show_preview|localizationPolicy)\s"
)
"""Knobs that never decide a pixel."""


Seen = Optional[dict[str, staleness.Facts]]
"""Files looked at before in the same go: a slow server is asked once."""


def snapshot(node: nuke.Node, seen: Seen = None) -> Steps[Snapshot]:
    """All that a node's result depends on, as it is now."""
    above = yield from _walk([node.input(index) for index in inputs_of_job(node)])
    return (yield from _looked_at(above, own_digest(node), seen))


def input_snapshot(source: nuke.Node, seen: Seen = None) -> Steps[Snapshot]:
    """All that one input depends on, as it is now."""
    above = yield from _walk([source])
    return (yield from _looked_at(above, "", seen))


def own_digest(node: nuke.Node) -> str:
    """Digest of a node's own knobs that decide a pixel."""
    names = [*asking.OWN, *sorted(name for name in node.knobs() if name.startswith(catalogue.PARAMETER))]
    own = [f"{name}={knobs.knob(node, name).toScript()}" for name in names if node.knob(name) is not None]
    own.append(f"working={asking.colour(node)}")
    return staleness.digest(own)


def nodes_above(starts: Iterable[nuke.Node | None]) -> list[nuke.Node]:
    """The nodes given and all that they depend on, also by expression, each once, in an order that is always the same.

    Nodes inside groups count; those inside our own do not, their knobs say enough.
    """
    return turns.at_once(_walk(starts))


def _walk(starts: Iterable[nuke.Node | None]) -> Steps[list[nuke.Node]]:
    found: dict[str, nuke.Node] = {}
    waiting = deque(node for node in starts if node is not None)
    while waiting:
        node = waiting.popleft()
        name = node.fullName()
        if name in found:
            continue
        found[name] = node
        waiting.extend(node.dependencies(nuke.INPUTS | nuke.HIDDEN_INPUTS | nuke.EXPRESSIONS))
        if isinstance(node, nuke.Group) and not knobs.kind(node) and node.Class() != "Root":
            waiting.extend(node.nodes())
        yield turns.BREATHE
    return [node for node in found.values() if node.Class() not in ("Root", "Viewer")]


def _looked_at(above: Sequence[nuke.Node], own: str, seen: Seen) -> Steps[Snapshot]:
    views, pairs = tuple(nuke.views()), places.path_map(os.environ)
    texts, sequences = [], []
    for node in above:
        texts.append(_text(node))
        sequences += _read_by(node)
        yield turns.BREATHE
    files = yield lambda: staleness.look_at(sequences, views, pairs, seen)
    return Snapshot(own, staleness.digest(texts), files)


def _read_by(node: nuke.Node) -> list[staleness.Files]:
    """The files that a node reads; none for a node that reads none."""
    name = nuke.filename(node) if node.knob("file") is not None and "Write" not in node.Class() else None
    if not name:
        return []
    first, last = node.knob("first"), node.knob("last")
    span = (int(first.value()), int(last.value())) if first is not None and last is not None else (1, 1)
    return [(name, *span)]


def _text(node: nuke.Node) -> str:
    """A node's class and the knobs that were set, without what only changes its look."""
    told = node.writeKnobs(nuke.TO_SCRIPT | nuke.WRITE_NON_DEFAULT_ONLY)
    kept = [line for line in told.splitlines() if not _LOOKS.match(line)]
    return "\n".join([node.Class(), *kept])


def inputs_of_job(node: nuke.Node) -> Sequence[int]:
    """The inputs whose pixels the job reads: not those that act on the result alone, such as the mask."""
    kind = knobs.kind(node)
    if kind == "FrameInterpolate":
        return (0, PAINT_PIPE) if node.input(PAINT_PIPE) is not None else (0,)
    if kind != "StyleTransfer":
        return (0,)
    looks = ("look", *(f"look{number}" for number in range(2, len(STYLE_PIPES) + 1)))
    read = [
        pipe
        for look, pipe in zip(looks, STYLE_PIPES)
        if node.knob(look) is not None and knobs.text(node, look) == LOOK_INPUT
    ]
    return (0, *read, *((KEYS_PIPE,) if knobs.text(node, "keys") else ()))
