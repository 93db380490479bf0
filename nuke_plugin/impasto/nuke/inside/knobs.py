"""A node's knobs and inner nodes, read and set with their types, and errors that say what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import nuke
from impasto.nuke import KNOBS_VERSION
from impasto.nuke.errors import NodeError

KIND, VERSION, IDENTITY = "impasto_kind", "impasto_version", "impasto_identity"
JOB, RESULT = "impasto_job", "impasto_result"
KINDS = ("StyleTransfer", "OpticalFlow", "OcclusionMatte", "FrameInterpolate", "KeyPicker", "STMapFromKey")


def kind(node: nuke.Node) -> str:
    """Which of our nodes it is; empty for any other."""
    found = node.knob(KIND)
    return str(found.value()) if found is not None else ""


def is_old(node: nuke.Node) -> bool:
    """Whether it is one of our nodes and holds the graph of an older Impasto."""
    return kind(node) in KINDS and int(number(node, VERSION)) < KNOBS_VERSION


def knob(node: nuke.Node, name: str) -> nuke.Knob:
    """A knob.

    Raises:
        NodeError: it is not there.
    """
    found = node.knob(name)
    if found is None:
        raise NodeError(
            f"{node.fullName()} has no knob '{name}', so another version of Impasto made it; make the node anew."
        )
    return found


def text(node: nuke.Node, name: str) -> str:
    """What a text, file or menu knob holds, blanks around it cut."""
    return str(knob(node, name).value()).strip()


def text_or(node: nuke.Node, name: str, default: str) -> str:
    """As `text`, or the default where an older node has no such knob."""
    return text(node, name) if node.knob(name) is not None else default


def number_or(node: nuke.Node, name: str, default: float) -> float:
    """As `number`, or the default where an older node has no such knob."""
    return number(node, name) if node.knob(name) is not None else default


def path(node: nuke.Node, name: str) -> str:
    """What a file knob holds, Tcl in it evaluated, frame numbers kept as they are, with forward slashes."""
    told = text(node, name)
    if "[" in told:
        told = nuke.tcl("subst", told)
    return told.replace("\\", "/")


def number(node: nuke.Node, name: str) -> float:
    """What a number knob holds, for a whole shot.

    Raises:
        NodeError: it is animated.
    """
    found = knob(node, name)
    if isinstance(found, nuke.Array_Knob) and found.isAnimated():
        raise NodeError(
            f"'{name}' of {node.fullName()} is animated, but counts for the whole shot; take its animation away."
            " What may be animated is mix."
        )
    return float(found.value())


def curve(node: nuke.Node, name: str, frames: Iterable[int]) -> tuple[tuple[int, float], ...]:
    """What a number knob holds at each of some frames."""
    found = knob(node, name)
    assert isinstance(found, nuke.Array_Knob)
    return tuple((frame, float(found.getValueAt(frame))) for frame in frames)


def flag(node: nuke.Node, name: str) -> bool:
    """Whether a box is ticked; False where the node has no such box."""
    found = node.knob(name)
    return bool(found.value()) if found is not None else False


def put(node: nuke.Node, name: str, value: object) -> None:
    """Set a knob, if it is another value: an equal one would mark the script as changed."""
    found = knob(node, name)
    if found.value() != value:
        found.setValue(value)


def inner(node: nuke.Node, name: str) -> nuke.Node:
    """A node inside one of ours.

    Raises:
        NodeError: it is not there.
    """
    found = node.node(name) if isinstance(node, nuke.Group) else None
    if found is None:
        raise NodeError(f"{node.fullName()} has lost its inner node {name}; make the node anew from the Impasto menu.")
    return found


def result(node: nuke.Node) -> dict[str, Any]:
    """What is kept of the last result; empty where there is none."""
    try:
        told = json.loads(text(node, RESULT) or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def put_result(node: nuke.Node, values: Mapping[str, Any]) -> None:
    """Keep what must be known of a result."""
    put(node, RESULT, json.dumps(values, sort_keys=True) if values else "")


def find(name: str) -> nuke.Node | None:
    """One of our nodes by its full name; None where it is gone."""
    found = nuke.toNode(name)
    return found if found is not None and kind(found) in KINDS else None


def all_nodes() -> list[nuke.Node]:
    """All our nodes of the script, those inside groups too."""
    return [node for node in every_node(nuke.root()) if kind(node) in KINDS]


def every_node(group: nuke.Group) -> Iterator[nuke.Node]:
    """All nodes in a group and the groups inside it, but for those inside our own."""
    for node in group.nodes():
        yield node
        if isinstance(node, nuke.Group) and kind(node) not in KINDS:
            yield from every_node(node)


@contextmanager
def one_step(name: str) -> Iterator[None]:
    """What is done inside is one step of undo."""
    nuke.Undo.begin(name)
    try:
        yield
    finally:
        nuke.Undo.end()


@contextmanager
def without_undo() -> Iterator[None]:
    """What is done inside leaves no trace in undo."""
    nuke.Undo.disable()
    try:
        yield
    finally:
        nuke.Undo.enable()
