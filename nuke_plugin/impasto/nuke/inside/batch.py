"""Rendering where nobody watches: in `nuke -t`, on a farm, from a script."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import nuke
from impasto.nuke import events, following, places, ranges
from impasto.nuke.errors import NodeError
from impasto.nuke.events import Event
from impasto.nuke.following import Course
from impasto.nuke.inside import asking, knobs, rendering, saying, turns
from impasto.nuke.wishes import Picking


def render(node: nuke.Node, first: int, last: int, views: Sequence[str] = ()) -> list[str]:
    """See `impasto.nuke.render`."""
    return render_frames(node, tuple(range(first, last + 1)), tuple(views))


def render_frames(node: nuke.Node, frames: tuple[int, ...] = (), views: tuple[str, ...] = ()) -> list[str]:
    """Render a node's frames and wait; none means those its knobs name.

    Raises:
        NodeError: as it ended.
    """
    if knobs.kind(node) not in knobs.KINDS:
        raise NodeError(f"{node.fullName()} is no node of Impasto; name one of its nodes.")
    wish = asking.wish(node, frames, views)
    job_files, made = turns.at_once(rendering.prepare(node, wish))
    sending = rendering.sending_of(node)
    course, error = Course(), None
    try:
        following.make(sending, job_files, course, _say, _never)
    except NodeError as failure:
        error = failure
    made["frames"] = made["frames"] or course.frames
    with knobs.without_undo():
        rendering.end(node, made, course, error)
    if error is not None:
        raise error
    if isinstance(wish.task, Picking):
        return [wish.sheet]
    return places.files_of(wish.result, ranges.parse(made["frames"]), wish.shot.views)


def main(arguments: Sequence[str]) -> int:
    """`nuke -t batch.py SCRIPT.nk --node NAME [--frames R] [--views left,right]`; the exit code of the command."""
    parser = argparse.ArgumentParser(prog="nuke -t batch.py", description="Render Impasto nodes of a script.")
    parser.add_argument("script")
    parser.add_argument("--node", action="append", help="full name; may be repeated; default: every node of Impasto")
    parser.add_argument("--frames", default="", help="1001-1100; default: what the node says")
    parser.add_argument("--views", default="", help="left,right; default: what the node says")
    parser.add_argument("--save", action="store_true", help="save the script, so that its nodes show what was rendered")
    asked = parser.parse_args(arguments)
    try:
        _open(asked.script)
        nodes = _named(asked.node) if asked.node else knobs.all_nodes()
        if not nodes:
            raise NodeError(f"{asked.script} holds no node of Impasto.")
        frames = ranges.parse(asked.frames) if asked.frames else ()
        for node in nodes:
            for path in render_frames(node, frames, tuple(asked.views.replace(",", " ").split())):
                saying.say(path)
        if asked.save:
            nuke.scriptSave()
    except NodeError as error:
        print(f"Impasto: {error}", file=sys.stderr)
        return error.exit_code
    except RuntimeError as error:
        print(f"Impasto: {asked.script} cannot be opened: {error}", file=sys.stderr)
        return 1
    return 0


def _open(script: str) -> None:
    """Open a script, in a Nuke that has none open."""
    if hasattr(nuke, "scriptOpen"):
        nuke.scriptOpen(script)
    else:  # a listing of Nuke 15.0's names lacks it
        nuke.scriptReadFile(script)
        nuke.root()["name"].setValue(script)


def _named(names: Sequence[str]) -> list[nuke.Node]:
    found = []
    for name in names:
        node = knobs.find(name)
        if node is None:
            raise NodeError(f"There is no Impasto node '{name}' in this script; look at its full name.")
        found.append(node)
    return found


def _say(event: Event) -> None:
    if event["type"] not in ("progress", "finished"):
        saying.say(events.sentence(event))


def _never() -> bool:
    return False
