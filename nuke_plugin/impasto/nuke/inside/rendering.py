"""Rendering a node: its inputs on the main thread, its jobs in a thread beside Nuke, their end on the main thread."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any, Callable

import nuke
from impasto.nuke import events, following, jobfile, places, ranges, staleness, wishes
from impasto.nuke.errors import CANCELLED, FAILED, FRAMES_FAILED, UNREACHABLE, NodeError
from impasto.nuke.events import Event
from impasto.nuke.following import Cancelled, Course, Heard, Sending
from impasto.nuke.inside import asking, inputs, knobs, saying, showing, turns
from impasto.nuke.inside.turns import Steps
from impasto.nuke.wishes import Wish

RELOAD = 2.0
"""Seconds between looks of the inner Read at frames that have come."""

_running: dict[str, Running] = {}
"""What this Nuke renders, by the node's full name; touched on the main thread alone."""

Work = Callable[[Heard, Cancelled], None]


class Running:
    """A node being rendered.

    Attributes:
        node: its full name.
        course: how its jobs went so far; written by their thread.
        asked_to_end: set to cancel.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        self.course = Course()
        self.asked_to_end = threading.Event()


def is_running(name: str) -> bool:
    """Whether this Nuke renders the node of this full name."""
    return name in _running


def start(node: nuke.Node, wish: Wish) -> None:
    """Render a node's inputs, hand its jobs over, follow them: all in turns, so this returns at once.

    Raises:
        NodeError: it is rendering already.
    """
    running = _enter(wish.node)
    before = (knobs.text(node, "status"), int(knobs.number(node, "tile_color")))
    with knobs.without_undo():
        showing.status(node, _working_words(wish), showing.WORKING)

    def prepared(ready: tuple[list[str], dict[str, Any]] | None, error: NodeError | None) -> None:
        if ready is not None and not running.asked_to_end.is_set():
            _send(running, wish, *ready)
            return
        _running.pop(wish.node, None)
        found = knobs.find(wish.node)
        if found is not None:
            with knobs.without_undo():
                showing.status(found, *before)
        if error is not None:
            saying.tell(error)

    turns.in_turns(prepare(node, wish), prepared)


def prepare(node: nuke.Node, wish: Wish) -> Steps[tuple[list[str], dict[str, Any]]]:
    """Write a node's inputs and job files.

    Returns:
        Paths of the job files, and what must be known of the result to be.

    Raises:
        NodeError: it cannot be rendered as asked.
    """
    specs = {_job_file(each): jobfile.job(each) for each in wishes.views_apart(wish)}
    directory = wish.place.directory
    owner = yield lambda: places.owner_of(directory)
    yield from identify(node, directory, owner)
    seen: dict[str, staleness.Facts] = {}
    yield from inputs.write(node, wish, seen)
    made = yield from showing.made(node, wish, seen)
    yield lambda: _write_jobs(specs)
    return list(specs), made


def reattach(node: nuke.Node) -> None:
    """Follow the jobs that a node's hidden knob names, whichever Nuke began them.

    Raises:
        NodeError: it names none.
    """
    name = node.fullName()
    jobs, kept = knobs.text(node, knobs.JOB).split(), knobs.result(node)
    if not jobs or not kept:
        raise NodeError(f"{name} has begun no job that it could attach to again; press Render.")
    running = _enter(name)
    sending = sending_of(node)
    running.course.jobs.extend(jobs)
    running.course.total = len(ranges.parse(kept["frames"])) * max(1, len(kept.get("views", ())))
    with knobs.without_undo():
        showing.status(node, f"rendering {kept['frames']}", showing.WORKING)

    def work(heard: Heard, cancelled: Cancelled) -> None:
        try:
            following.follow(sending, running.course, heard, cancelled)
        except NodeError as error:
            if error.exit_code != UNREACHABLE or sending.named:
                raise
            raise NodeError(
                "Your own server has ended since, and its job with it; press Render: what is finished is kept.",
                UNREACHABLE,
                error.reason,
            ) from error

    _begin(running, knobs.kind(node), kept, work)


def cancel(node: nuke.Node) -> None:
    """End a node's jobs; finished frames are kept.

    Raises:
        NodeError: it has none, or they are those of the node it was copied from.
    """
    name = node.fullName()
    running = _running.get(name)
    if running is not None:
        running.asked_to_end.set()
        return
    jobs, other = knobs.text(node, knobs.JOB).split(), knobs.result(node).get("node", name)
    if not jobs:
        raise NodeError(f"{name} has no job to cancel.")
    if other != name and knobs.find(other) is not None:
        raise NodeError(f"The job is that of {other}, of which {name} is a copy; cancel it there.")
    sending = sending_of(node)

    def end_jobs() -> None:
        for job in jobs:
            following.cancel(sending, job)

    def steps() -> Steps[None]:
        yield end_jobs

    turns.in_turns(steps(), saying.tell_ended)


def sending_of(node: nuke.Node) -> Sending:
    """How the command is started for a node.

    Raises:
        NodeError: it has no place for the log.
    """
    environment = dict(os.environ)
    config = nuke.root().knob("customOCIOConfigPath")
    if "OCIO" not in environment and config is not None and config.value():
        environment["OCIO"] = str(config.value())
    return Sending(environment, knobs.text(node, "server"), asking.place(node, False).file("impasto.log"))


def identify(node: nuke.Node, directory: str, owner: Mapping[str, str]) -> Steps[None]:
    """Give a node an identity of its own, if it has none or is a copy that still has its original's.

    A node that was never saved with one, on a farm say, takes that of its folder.

    Args:
        node: one of ours.
        directory: its folder.
        owner: what `places.owner_of` says of that.

    Raises:
        NodeError: the folder is that of another node in this script.
    """
    name, mine = node.fullName(), knobs.text(node, knobs.IDENTITY)
    every = yield from turns.listed(knobs.every_node(nuke.root()))
    ours = yield from turns.listed(node for node in every if knobs.kind(node) in knobs.KINDS)
    others = {knobs.text(other, knobs.IDENTITY): other.fullName() for other in ours if other.fullName() != name}
    theirs = owner.get("identity", "")
    if mine and (mine not in others or owner.get("node") == name):
        return
    if theirs and theirs in others and owner.get("node") != others[theirs]:
        raise NodeError(
            f"The output directory {directory} is still that of {others[theirs]}, which was {owner.get('node')} when it"
            f" rendered; choose another for {name}."
        )
    adopt = not mine and theirs and theirs not in others and owner.get("node") == name
    with knobs.without_undo():
        knobs.put(node, knobs.IDENTITY, theirs if adopt else uuid.uuid4().hex[:12])


def _write_jobs(specs: dict[str, Any]) -> None:
    for path, spec in specs.items():
        try:
            places.write_json(path, spec)
        except OSError as error:
            raise NodeError(f"The job file {path} cannot be written: {error.strerror}.", FAILED) from error


def _job_file(wish: Wish) -> str:
    name = "preview.job" if wish.preview else "job"
    return wish.place.file(f"{name}.{wish.view}.json" if wish.view else f"{name}.json")


def _send(running: Running, wish: Wish, job_files: list[str], made: dict[str, Any]) -> None:
    node = knobs.find(wish.node)
    if node is None:
        _running.pop(wish.node, None)
        return
    sending = sending_of(node)
    running.course.total = len(wish.shot.frames) * len(wish.shot.views)
    if not wish.preview:
        with knobs.without_undo():
            knobs.put(node, knobs.JOB, "")

    def work(heard: Heard, cancelled: Cancelled) -> None:
        for job_file in job_files:
            following.hand_over(sending, job_file, wish.preview, running.course, heard, cancelled)
        made["frames"] = made["frames"] or running.course.frames
        nuke.executeInMainThread(_keep_jobs, args=(wish.node, tuple(running.course.jobs), made))
        following.follow(sending, running.course, heard, cancelled)

    _begin(running, wish.kind, made, work)


def _begin(running: Running, title: str, made: dict[str, Any], work: Work) -> None:
    """Start the thread in which `work` is called."""
    task = nuke.ProgressTask(f"Impasto {title}") if nuke.GUI else None
    shown = time.monotonic()

    def cancelled() -> bool:
        if task is not None and task.isCancelled():
            running.asked_to_end.set()
        return running.asked_to_end.is_set()

    def heard(event: Event) -> None:
        nonlocal shown
        if task is not None:
            task.setMessage(events.sentence(event))
            task.setProgress(running.course.percent)
        if event["type"] == "frame_done" and (len(running.course.done) == 1 or time.monotonic() - shown > RELOAD):
            shown = time.monotonic()
            nuke.executeInMainThread(_frames_came, args=(running.node, made))

    def thread() -> None:
        nonlocal task
        error = None
        try:
            work(heard, cancelled)
        except NodeError as failure:
            error = failure
        except Exception as failure:  # a mistake of ours must still reach the artist
            error = NodeError(f"Impasto made a mistake: {failure!r}; please report it.", FAILED, reason="INTERNAL")
        task = None  # lets Nuke close its bar
        nuke.executeInMainThread(_finish, args=(running.node, made, error))

    threading.Thread(target=thread, name=f"impasto-{running.node}", daemon=True).start()


def _keep_jobs(name: str, jobs: tuple[str, ...], made: dict[str, Any]) -> None:
    """Remember the jobs in the script, so that they can be attached to again, and in the log."""
    saying.logger().info("%s: %s", name, " ".join(jobs))
    node = knobs.find(name)
    if node is not None and not made["preview"]:
        with knobs.without_undo():
            knobs.put(node, knobs.JOB, " ".join(jobs))
            knobs.put_result(node, made)


def _frames_came(name: str, made: dict[str, Any]) -> None:
    node = knobs.find(name)
    if node is not None:
        with knobs.without_undo():
            showing.result(node, made)


def _finish(name: str, made: dict[str, Any], error: NodeError | None) -> None:
    """The end of a job, on the main thread: the node may be gone by now."""
    running = _running.pop(name, None)
    node = knobs.find(name)
    course = running.course if running is not None else Course()
    if node is not None:
        with knobs.without_undo():
            end(node, made, course, error)
    for warning in course.warnings:
        saying.say(f"{name}: {warning}")
    by_this_artist = running is not None and running.asked_to_end.is_set()
    if error is not None and not (error.exit_code == CANCELLED and by_this_artist):
        saying.tell(error)
    if node is not None and error is None and made["preview"] == wishes.ALONE:
        _go_on_in_shot(node, ranges.parse(made["frames"])[0])


def _go_on_in_shot(node: nuke.Node, frame: int) -> None:
    """After a frame painted alone: the same as it is in the shot, where inputs and motion are there already."""
    name = node.fullName()
    try:
        wish = asking.wish_in_shot(node, frame)
    except NodeError:
        return
    if wish is None:
        return

    def found(there: bool | None, error: NodeError | None) -> None:
        again = knobs.find(name)
        if there and again is not None and name not in _running:
            start(again, wish)

    turns.in_turns(inputs.are_there(node, wish), found)


def end(node: nuke.Node, made: dict[str, Any], course: Course, error: NodeError | None) -> None:
    """Let a node show how its job ended."""
    picked = course.told.get("keys_picked")
    if picked is not None:
        showing.picked(node, picked, made)
    elif error is None or error.exit_code == FRAMES_FAILED or course.done:
        showing.result(node, made)
    if not made["preview"]:
        knobs.put(node, knobs.JOB, "" if error is None else " ".join(course.jobs))
    if error is None and made["preview"] == wishes.ALONE:
        showing.status(node, f"preview: frame {made['frames']} painted alone", showing.PREVIEW)
    elif error is None and made["preview"]:
        showing.status(node, f"preview: frame {made['frames']} as in the shot", showing.PREVIEW)
    elif error is None and picked is not None:
        showing.status(node, f"picked {picked['frames']}", showing.READY)
    elif error is None:
        showing.status(node, f"{made['frames']} ready", showing.READY)
    elif error.exit_code == CANCELLED:
        showing.status(node, "cancelled: press Render to go on", showing.OLD)
    elif error.exit_code == FRAMES_FAILED:
        words = f"failed: frames {ranges.write(course.failed)}; mend them and press Render"
        showing.status(node, words, showing.FAILED)
    else:
        showing.status(node, f"failed: {error}", showing.FAILED)


def _working_words(wish: Wish) -> str:
    frames = ranges.write(wish.shot.frames)
    return f"preview of {frames} is being painted" if wish.preview else f"rendering {frames}"


def _enter(name: str) -> Running:
    if name in _running:
        raise NodeError(f"{name} is rendering already; wait, or press Cancel.")
    _running[name] = Running(name)
    return _running[name]
