"""What happens by itself: when a node is made, when a knob changes, when a Write is about to render."""

from __future__ import annotations

import nuke
from impasto.nuke import KNOBS_VERSION, catalogue, staleness, wishes
from impasto.nuke.errors import FAILED, NodeError
from impasto.nuke.inside import asking, knobs, rendering, saying, showing, turns, upstream

_SHOWN_WITH = {
    **{f"style_file{number}": (f"look{number}", ("style file",)) for number in ("", 2, 3, 4)},
    **{f"style_frame{number}": (f"look{number}", ("style input",)) for number in ("", 2, 3, 4)},
    "motion_file": ("motion", ("vector files",)),
    "frames": ("frame_range", ("custom",)),
    "fill_minutes": ("fill", (wishes.FILL_NET,)),
    "speed": ("timing", (wishes.TIMING_SPEED,)),
    "timing_frame": ("timing", (wishes.TIMING_FRAME,)),
    "out_first": ("timing", (wishes.TIMING_SPEED, wishes.TIMING_REPAIR)),
}
"""Knobs that matter only with some choices of another one."""


def created() -> None:
    """A node of ours was made, pasted or loaded. An older one gets what it needs to be rendered; it keeps its graph."""
    node = nuke.thisNode()
    if knobs.kind(node) not in knobs.KINDS:
        return
    made_with = int(knobs.number(node, knobs.VERSION))
    if made_with > KNOBS_VERSION:
        saying.say(f"{node.fullName()} was made by a newer Impasto; its frames show, rendering it may not work.")
    if knobs.is_old(node):
        _give_identity(node)
        saying.say(
            f"{node.fullName()} was made by an older Impasto and works as it did; 'Update Older Nodes' in the Impasto"
            " menu brings it to today's graph."
        )


def changed() -> None:
    """A knob of a node of ours was changed, or its panel was opened."""
    node, name = nuke.thisNode(), nuke.thisKnob().name()
    if knobs.kind(node) not in knobs.KINDS:
        return
    if name in ("showPanel", *(choice for choice, _ in _SHOWN_WITH.values())):
        for other, (choice, values) in _SHOWN_WITH.items():
            found = node.knob(other)
            if found is not None and node.knob(choice) is not None:
                found.setEnabled(knobs.text(node, choice) in values)
    if name in ("showPanel", "look_model"):
        _show_parameters(node)
    if name == "showPanel":
        _tell_of_a_job_left(node)
    decides = name in ("showPanel", "inputChange", *asking.OWN) or name.startswith(catalogue.PARAMETER)
    if decides and knobs.flag(node, "has_result"):
        _judge(node)


def _tell_of_a_job_left(node: nuke.Node) -> None:
    """A node whose job was begun by another Nuke, or before this script was opened, does not seem to be at work."""
    left = knobs.text(node, knobs.JOB) and not rendering.is_running(node.fullName())
    if left and knobs.text(node, "status").startswith("rendering"):
        with knobs.without_undo():
            showing.status(node, "left while rendering: press Re-attach", showing.OLD)


def _show_parameters(node: nuke.Node) -> None:
    """Show the parameters of the model chosen, and of no other."""
    chosen = node.knob("look_model")
    start = catalogue.parameter_knob(str(chosen.value()), "") if chosen is not None else ""
    for name, knob in node.knobs().items():
        if name.startswith(catalogue.PARAMETER):
            knob.setVisible(name.startswith(start))


def _judge(node: nuke.Node) -> None:
    if nuke.GUI:
        showing.judge_beside(node)
    else:
        showing.tell_judgement(node, turns.at_once(showing.judge(node)))


def before_render() -> None:
    """A Write is about to render: no result of ours above it may be missing or, unless its node says so, stale.

    Raises:
        NodeError: (a RuntimeError, which ends the render) one is; the sentence names the node and the cure.
    """
    ours = knobs.all_nodes()
    if not ours:
        return
    writer = nuke.thisNode()
    names = {node.fullName() for node in upstream.nodes_above(_sources(writer))}
    for node in ours:
        name = node.fullName()
        above = name in names or any(name.startswith(f"{group}.") for group in names)
        if above and _shows_result(node):
            _refuse_unusable(node)


def _sources(writer: nuke.Node) -> list[nuke.Node | None]:
    """What a Write renders; for one inside a node of ours, that node's inputs."""
    parent = writer.parent()
    if parent is not None and knobs.kind(parent):
        return [parent.input(index) for index in range(parent.inputs())]
    return [writer.input(0)]


def _shows_result(node: nuke.Node) -> bool:
    """Whether what a node shows was rendered; without it, it hands out its input."""
    if knobs.flag(node, "disable"):
        return False
    if knobs.kind(node) == "KeyPicker":
        return knobs.text(node, "output") != "plate"
    source = node.knob("matte_source")
    return source is None or str(source.value()) == "this node"


def _refuse_unusable(node: nuke.Node) -> None:
    if knobs.flag(node, "show_preview"):
        raise NodeError(
            f"{node.fullName()} shows a preview of one frame painted alone; untick 'show preview' first.",
            FAILED,
        )
    judged = turns.at_once(showing.judge(node))
    if judged.state == staleness.NONE:
        raise NodeError(
            f"{node.fullName()} has no result yet; press its Render button first.", FAILED, reason="CACHE_MISSING"
        )
    if judged.state == staleness.STALE:
        words = f"{node.fullName()} is stale, because {judged.because}"
        choice = knobs.text(node, "when_stale")
        if choice == "error":
            raise NodeError(
                f"{words}; render it again, or set 'when stale' to warn or use.", FAILED, reason="CACHE_STALE"
            )
        if choice == "warn":
            saying.say(f"{words}; its old frames are used.")


def _give_identity(node: nuke.Node) -> None:
    """Nodes of version 1 were known by their names."""
    if node.knob(knobs.IDENTITY) is None:
        identity = nuke.String_Knob(knobs.IDENTITY)
        identity.setFlag(nuke.INVISIBLE)
        node.addKnob(identity)
