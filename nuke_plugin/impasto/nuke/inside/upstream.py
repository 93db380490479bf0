"""What a node's result depends on inside Nuke: its own knobs, the nodes above it, the files they read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

import nuke
from impasto.nuke import places, staleness
from impasto.nuke.inside import asking, knobs
from impasto.nuke.staleness import Snapshot
from impasto.nuke.wishes import LOOK_INPUT

_LOOKS = re.compile(
    r"^\s*(?:name|inputs|xpos|ypos|selected|tile_color|gl_color|note_font\w*|label|hide_input|bookmark|postage_stamp\w*|"
    r"dope_sheet|cached|indicators|panel|impasto_\w+|status|has_result|has_preview|show_preview|localizationPolicy)\s"
)
"""Knobs that never decide a pixel."""


def snapshot(node: nuke.Node) -> Snapshot:
    """All that a node's result depends on, as it is now."""
    views = tuple(nuke.views())
    above = nodes_above([node.input(index) for index in _inputs_of_job(node)])
    own = [f"{name}={knobs.knob(node, name).value()}" for name in asking.OWN if node.knob(name) is not None]
    return Snapshot(staleness.digest(own), staleness.digest(map(_text, above)), files(above, views))


def input_snapshot(source: nuke.Node) -> Snapshot:
    """All that one input depends on, as it is now."""
    above = nodes_above([source])
    return Snapshot("", staleness.digest(map(_text, above)), files(above, tuple(nuke.views())))


def nodes_above(starts: Iterable[nuke.Node | None]) -> list[nuke.Node]:
    """The nodes given and all that they depend on, also by expression, each once, in an order that is always the same.

    Nodes inside groups count; those inside our own do not, their knobs say enough.
    """
    found: dict[str, nuke.Node] = {}
    waiting = [node for node in starts if node is not None]
    while waiting:
        node = waiting.pop(0)
        name = node.fullName()
        if name in found:
            continue
        found[name] = node
        waiting.extend(node.dependencies(nuke.INPUTS | nuke.HIDDEN_INPUTS | nuke.EXPRESSIONS))
        if isinstance(node, nuke.Group) and not knobs.kind(node) and node.Class() != "Root":
            waiting.extend(node.nodes())
    return [node for node in found.values() if node.Class() not in ("Root", "Viewer")]


def files(above: Sequence[nuke.Node], views: Sequence[str]) -> dict[str, Sequence[int] | None]:
    """Size and time of the files that nodes read."""
    pairs = places.path_map(os.environ)
    found: dict[str, Sequence[int] | None] = {}
    for node in above:
        name = nuke.filename(node) if node.knob("file") is not None and "Write" not in node.Class() else None
        if not name:
            continue
        first, last = node.knob("first"), node.knob("last")
        span = (int(first.value()), int(last.value())) if first is not None and last is not None else (1, 1)
        found.update(staleness.look_at(name, *span, views, pairs))
    return found


def _text(node: nuke.Node) -> str:
    """A node's class and the knobs that were set, without what only changes its look."""
    told = node.writeKnobs(nuke.TO_SCRIPT | nuke.WRITE_NON_DEFAULT_ONLY)
    kept = [line for line in told.splitlines() if not _LOOKS.match(line)]
    return "\n".join([node.Class(), *kept])


def _inputs_of_job(node: nuke.Node) -> Sequence[int]:
    """The inputs whose pixels the job reads: not the mask, which acts on the result alone."""
    if knobs.kind(node) != "StyleTransfer":
        return (0,)
    style = (1,) if knobs.text(node, "look") == LOOK_INPUT else ()
    keys = (2,) if knobs.text(node, "keys") else ()
    return (0, *style, *keys)
