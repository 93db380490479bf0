"""Nodes of an older Impasto brought to today's graph: a step that the artist asks for, and that one undo takes back.

A script keeps the graph with which a node was made; it works as it did. Bringing it up to date makes a new node of
today's gizmo beside the old one, moves over all that belongs to the old one (values, animation, the artist's own knobs,
connections on both sides, the result) and takes the old one's place and name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import nuke
from impasto.nuke.errors import NodeError
from impasto.nuke.inside import knobs, rendering, saying, turns, upstream
from impasto.nuke.inside.turns import Steps

_ITS_OWN = frozenset({"name", "help", "onCreate", "knobChanged", "inputs", "selected", knobs.VERSION})
"""Knobs in which the new node differs from the old one."""
_NO_VALUE = ("Tab_Knob", "Text_Knob", "PyScript_Knob", "Script_Knob", "BeginTabGroup_Knob", "EndTabGroup_Knob")
"""Classes of knobs that hold nothing of the artist's."""
_LAST = ("has_result",)
"""Knobs whose change makes a node look at its result: they come when all else is there."""
_INNER = {
    "Result": ("file", "first", "last"),
    "Preview": ("file", "first", "last"),
    "Span": ("first_frame", "last_frame"),
    "PreviewSize": ("scale",),
    "MaskPick": ("from0",),
}
"""Knobs of inner nodes that hold a result or what the artist chose."""


def update(node: nuke.Node) -> nuke.Node:
    """Bring a node to today's graph: one step of undo.

    Returns:
        The node of the same name that stands in its place.

    Raises:
        NodeError: it is none of ours, a clone, or being rendered.
    """
    name = node.fullName()
    if knobs.kind(node) not in knobs.KINDS:
        raise NodeError(f"{name} is no node of Impasto.")
    if rendering.is_running(name):
        raise NodeError(f"{name} is rendering; wait, or press Cancel, before it is brought up to date.")
    if node.clones():
        raise NodeError(f"{name} is a clone; declone it (Alt-Shift-K) before it is brought up to date.")
    was_own = knobs.result(node).get("made_of", {}).get("knobs") == upstream.own_digest(node)
    with knobs.one_step(f"Update {node.name()}"), _in_group_of(node):
        fresh = nuke.createNode(f"Impasto_{knobs.kind(node)}", "", False)
        _bring_own_knobs(node, fresh)
        _bring_values(node, fresh)
        if was_own:  # knobs that are new stand at what was done before there were any
            kept = knobs.result(fresh)
            kept["made_of"]["knobs"] = upstream.own_digest(fresh)
            knobs.put_result(fresh, kept)
        _connect(node, fresh)
        own_name = node.name()
        nuke.delete(node)
        fresh.setName(own_name)
    saying.say(f"{name} is up to date.")
    return fresh


def update_older_nodes() -> None:
    """Bring the older nodes that are selected up to date, or all of the script where none is."""

    def steps() -> Steps[str]:
        every = yield from turns.listed(knobs.every_node(nuke.root()))
        old = yield from turns.listed(node for node in every if knobs.is_old(node))
        chosen = [node for node in old if node.isSelected()] or old
        names = [node.fullName() for node in chosen]
        for name in names:
            found = knobs.find(name)
            if found is not None:
                update(found)
            yield turns.BREATHE
        return f"Brought up to date: {', '.join(names)}." if names else "No node of this script is of an older Impasto."

    def ended(words: str | None, error: NodeError | None) -> None:
        saying.tell_ended(None, error)
        if words is not None:
            saying.tell_words(words)

    turns.begin(steps(), ended)


@contextmanager
def _in_group_of(node: nuke.Node) -> Iterator[None]:
    """Within, new nodes are made in the group that holds a node, connected to nothing; what was selected stays so."""
    parent = node.parent()
    group = parent if isinstance(parent, nuke.Group) else nuke.root()
    selected = [other.name() for other in group.selectedNodes()]
    for other in group.selectedNodes():
        other.setSelected(False)
    group.begin()
    try:
        yield
    finally:
        group.end()
        for other in group.selectedNodes():
            other.setSelected(False)
        for other in filter(None, map(group.node, selected)):
            other.setSelected(True)


def _bring_own_knobs(node: nuke.Node, fresh: nuke.Node) -> None:
    """Give the new node the knobs that the old one has besides: the artist's own, those of models that came later."""
    told = node.writeKnobs(nuke.TO_SCRIPT | nuke.WRITE_USER_KNOB_DEFS | nuke.WRITE_NON_DEFAULT_ONLY)
    for line in told.splitlines():
        words = line.strip().replace("{", " ", 1).split(None, 3)
        if len(words) > 2 and words[0] == "addUserKnob" and fresh.knob(words[2].rstrip("}")) is None:
            fresh.readKnobs(line.strip())


def _bring_values(node: nuke.Node, fresh: nuke.Node) -> None:
    names = [name for name in node.knobs() if name not in _ITS_OWN and name not in _LAST]
    for name in [*names, *_LAST]:
        _bring(node.knob(name), fresh.knob(name))
    assert isinstance(node, nuke.Group)
    assert isinstance(fresh, nuke.Group)
    for inner, inner_names in _INNER.items():
        old, new = node.node(inner), fresh.node(inner)
        if old is not None and new is not None:
            for name in inner_names:
                _bring(old.knob(name), new.knob(name))


def _bring(old: nuke.Knob | None, new: nuke.Knob | None) -> None:
    """Let a knob hold what another one holds, animation and expressions too."""
    if old is None or new is None or old.Class() in _NO_VALUE or new.Class() in _NO_VALUE:
        return
    told = old.toScript()
    if told == new.toScript():
        return
    if isinstance(new, nuke.Enumeration_Knob) and str(old.value()) not in new.values():
        new.setValues([*new.values(), str(old.value())])
    new.fromScript(told)


def _connect(node: nuke.Node, fresh: nuke.Node) -> None:
    """Connect the new node where the old one is connected, above and below."""
    name = node.fullName()
    for index in range(node.inputs()):
        fresh.setInput(index, node.input(index))
    for below in node.dependent(nuke.INPUTS | nuke.HIDDEN_INPUTS):
        for index in range(below.inputs()):
            above = below.input(index)
            if above is not None and above.fullName() == name:
                below.setInput(index, fresh)
