"""What a node shows of its result: its inner Read, its label and the colour of its tile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nuke
from impasto.nuke import places, ranges, staleness
from impasto.nuke.errors import NodeError
from impasto.nuke.events import Event
from impasto.nuke.inside import asking, knobs, turns, upstream
from impasto.nuke.inside.turns import Steps
from impasto.nuke.staleness import Judgement
from impasto.nuke.wishes import Picking, Wish

_judging: dict[str, object] = {}
"""The judging begun last, by the node's full name; touched on the main thread alone."""

OLDER = " (older node: see the Impasto menu)"
"""What the label of a node says besides that holds the graph of an older Impasto."""

READY, WORKING, OLD, FAILED, PREVIEW, PLAIN = 0x3F6F4FFF, 0x4A6A9CFF, 0xB0762AFF, 0x9C3030FF, 0x6F5A8FFF, 0
"""Tile colours; the last is Nuke's own."""


def status(node: nuke.Node, words: str, colour: int) -> None:
    """Say in the node's label and colour how things stand; an equal saying changes nothing."""
    older = OLDER if knobs.is_old(node) and not words.endswith(OLDER) else ""
    knobs.put(node, "status", words + older)
    knobs.put(node, "tile_color", colour)


def result(node: nuke.Node, values: Mapping[str, Any]) -> None:
    """Let the node show a result.

    Args:
        node: one of ours.
        values: as `made` gives them.
    """
    if not values["frames"]:  # which frames a timing gives is known once the job is planned
        return
    preview = bool(values.get("preview"))
    reader = knobs.inner(node, "Preview" if preview else "Result")
    frames = ranges.parse(values["frames"])
    knobs.put(reader, "file", places.for_nuke(str(values["pattern"])))
    for name, frame in (("first", frames[0]), ("last", frames[-1])):
        knobs.put(reader, name, frame if preview else (-1000000 if name == "first" else 1000000))
    if preview:
        knobs.put(knobs.inner(node, "PreviewSize"), "scale", 1.0 / float(values["scale"]))
        knobs.put(node, "has_preview", True)
        knobs.put(node, "show_preview", True)
    else:
        span = knobs.inner(node, "Span")
        knobs.put(span, "first_frame", frames[0])
        knobs.put(span, "last_frame", frames[-1])
        knobs.put(node, "has_result", True)
        knobs.put(node, "show_preview", False)
        knobs.put_result(node, values)
    reload(node)


def picked(node: nuke.Node, event: Event, values: Mapping[str, Any]) -> None:
    """Let a KeyPicker show what was picked.

    Args:
        node: a KeyPicker.
        event: the command's `keys_picked`.
        values: as `made` gives them.
    """
    knobs.put(node, "picked", str(event["frames"]))
    knobs.put(node, "coverage", _coverage(event))
    knobs.put(knobs.inner(node, "Result"), "file", str(values["pattern"]))
    knobs.put(node, "has_result", True)
    knobs.put_result(node, values)
    reload(node)


def _coverage(event: Event) -> str:
    """Such as `97 % of 95 % wanted: 1006 88 %, 1010 97 %`."""
    steps = ", ".join(f"{key['frame']} {_per_cent(key['together'])}" for key in event.get("keys", ()))
    return f"{_per_cent(event.get('share', 0.0))} of {_per_cent(event.get('wanted', 0.0))} wanted: {steps}"


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %"


def reload(node: nuke.Node) -> None:
    """Let the inner Reads look at the disk again."""
    for name in ("Result", "Preview"):
        found = node.node(name) if isinstance(node, nuke.Group) else None
        button = found.knob("reload") if found is not None else None
        if isinstance(button, nuke.Script_Knob):
            button.execute()


def made(node: nuke.Node, wish: Wish, seen: upstream.Seen = None) -> Steps[dict[str, Any]]:
    """What must be known of a result that is about to be made."""
    snapshot = yield from upstream.snapshot(node, seen)
    return {
        "node": wish.node,
        "pattern": wish.sheet if isinstance(wish.task, Picking) else wish.result,
        "frames": ranges.write(wish.shot.frames),
        "views": list(wish.shot.views),
        "preview": wish.aim if wish.preview else "",
        "scale": wish.input_scale,
        "motion": asking.motion_digest(wish),
        "made_of": snapshot.values(),
    }


def judge(node: nuke.Node) -> Steps[Judgement]:
    """Whether a node's result still is what it would render now; the nearest reason first."""
    kept = knobs.result(node)
    if not kept or not knobs.flag(node, "has_result"):
        return Judgement(staleness.NONE, "it was never rendered")
    if kept.get("made_of", {}).get("knobs") != upstream.own_digest(node):
        return staleness.OF_KNOBS
    yield _let_go  # the knob's own turn ends here; the walk through the script has turns of its own
    snapshot = yield from upstream.snapshot(node)
    return staleness.judge(kept.get("made_of"), snapshot)


def _let_go() -> None:
    """Nothing to do beside."""


def judge_beside(node: nuke.Node) -> None:
    """Judge a node's result, in turns, and show the judgement; the judging begun last counts."""
    name = node.fullName()
    mine = _judging[name] = object()

    def judged(judgement: Judgement | None, error: NodeError | None) -> None:
        found = knobs.find(name)
        if judgement is not None and found is not None and _judging.get(name) is mine:
            with knobs.without_undo():
                tell_judgement(found, judgement)

    turns.in_turns(judge(node), judged)


def tell_judgement(node: nuke.Node, judged: Judgement) -> None:
    """Show a judgement in label and colour; while a job runs or failed, that stays."""
    if knobs.text(node, "status").startswith(("rendering", "failed", "cancelled", "preview", "left")):
        return
    frames = knobs.result(node).get("frames", "")
    if judged.state == staleness.STALE:
        status(node, f"stale: {judged.because}", OLD)
    elif judged.state == staleness.UNVERIFIED:
        status(node, f"{frames} unverified: {judged.because}", READY)
    elif judged.state == staleness.FRESH:
        words = f"picked {knobs.text(node, 'picked')}" if node.knob("picked") is not None else f"{frames} ready"
        status(node, words, READY)
    else:
        status(node, "not rendered", PLAIN)
