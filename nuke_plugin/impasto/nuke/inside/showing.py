"""What a node shows of its result: its inner Read, its label and the colour of its tile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nuke
from impasto.nuke import places, ranges, staleness
from impasto.nuke.inside import knobs, upstream
from impasto.nuke.staleness import Judgement
from impasto.nuke.wishes import Wish

READY, WORKING, OLD, FAILED, PREVIEW, PLAIN = 0x3F6F4FFF, 0x4A6A9CFF, 0xB0762AFF, 0x9C3030FF, 0x6F5A8FFF, 0
"""Tile colours; the last is Nuke's own."""


def status(node: nuke.Node, words: str, colour: int) -> None:
    """Say in the node's label and colour how things stand; an equal saying changes nothing."""
    knobs.put(node, "status", words)
    knobs.put(node, "tile_color", colour)


def result(node: nuke.Node, values: Mapping[str, Any]) -> None:
    """Let the node show a result.

    Args:
        node: one of ours.
        values: as `made` gives them.
    """
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


def reload(node: nuke.Node) -> None:
    """Let the inner Reads look at the disk again."""
    for name in ("Result", "Preview"):
        found = node.node(name) if isinstance(node, nuke.Group) else None
        button = found.knob("reload") if found is not None else None
        if isinstance(button, nuke.Script_Knob):
            button.execute()


def made(node: nuke.Node, wish: Wish) -> dict[str, Any]:
    """What must be known of a result that is about to be made."""
    return {
        "pattern": wish.place.result(wish.preview),
        "frames": ranges.write(wish.shot.frames),
        "views": list(wish.shot.views),
        "preview": wish.preview,
        "scale": wish.preview_scale,
        "made_of": upstream.snapshot(node).values(),
    }


def judge(node: nuke.Node) -> Judgement:
    """Whether a node's result still is what it would render now."""
    kept = knobs.result(node)
    if not kept or not knobs.flag(node, "has_result"):
        return Judgement(staleness.NONE, "it was never rendered")
    return staleness.judge(kept.get("made_of"), upstream.snapshot(node))


def tell_judgement(node: nuke.Node, judged: Judgement) -> None:
    """Show a judgement in label and colour; while a job runs or failed, that stays."""
    if knobs.text(node, "status").startswith(("rendering", "failed", "cancelled", "preview")):
        return
    frames = knobs.result(node).get("frames", "")
    if judged.state == staleness.STALE:
        status(node, f"stale: {judged.because}", OLD)
    elif judged.state == staleness.UNVERIFIED:
        status(node, f"{frames} unverified: {judged.because}", READY)
    elif judged.state == staleness.FRESH:
        status(node, f"{frames} ready", READY)
    else:
        status(node, "not rendered", PLAIN)
