"""Rendering a node: its inputs on the main thread, then the job in a thread beside Nuke, its end on the main thread."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import nuke
from impasto.nuke import command, events, following, places, ranges, wishes
from impasto.nuke.errors import CANCELLED, FAILED, FRAMES_FAILED, NodeError
from impasto.nuke.events import Event
from impasto.nuke.following import Course, Sending
from impasto.nuke.inside import asking, inputs, knobs, saying, showing
from impasto.nuke.wishes import Wish

RELOAD = 2.0
"""Seconds between looks of the inner Read at frames that have come."""

_running: dict[str, Running] = {}
"""Jobs that this Nuke follows, by their node's full name; touched on the main thread alone."""


class Running:
    """A job this Nuke follows.

    Attributes:
        node: full name of its node.
        course: how it went so far; written by its thread.
        asked_to_end: set to cancel it.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        self.course = Course()
        self.asked_to_end = threading.Event()


def start(node: nuke.Node, wish: Wish) -> None:
    """Render a node's inputs, hand its job over, and return; the rest happens beside.

    Raises:
        NodeError: it cannot be started.
    """
    _refuse_second(wish.node)
    inputs.write(node, wish)
    made = showing.made(node, wish)
    job_file = write_job(wish)
    sending = sending_of(wish.compute.server, wish.place)
    with knobs.without_undo():
        showing.status(node, _working_words(wish), showing.WORKING)
        if not wish.preview:
            knobs.put(node, knobs.JOB, "")
    running = Running(wish.node)

    def work(heard: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
        following.hand_over(sending, job_file, running.course, heard, cancelled)
        if running.course.job:
            nuke.executeInMainThread(_keep_job, args=(wish.node, running.course.job, made))
            following.follow(sending, running.course, heard, cancelled)

    _begin(running, wish.kind, made, len(wish.shot.frames) * _files_a_frame(wish), work)


def reattach(node: nuke.Node) -> None:
    """Follow the job that a node's hidden knob names, whichever Nuke began it.

    Raises:
        NodeError: it names none.
    """
    name = node.fullName()
    _refuse_second(name)
    job, kept = knobs.text(node, knobs.JOB), knobs.result(node)
    if not job or not kept:
        raise NodeError(f"{name} has begun no job that it could attach to again; press Render.")
    place = asking.place(node, len(kept.get("views", ())) > 1)
    sending = sending_of(knobs.text(node, "server"), place)
    running = Running(name)
    running.course.job = job
    showing.status(node, f"rendering {kept['frames']}", showing.WORKING)

    def work(heard: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
        following.follow(sending, running.course, heard, cancelled)

    _begin(running, knobs.kind(node), kept, len(ranges.parse(kept["frames"])), work)


def cancel(node: nuke.Node) -> None:
    """End a node's job; finished frames are kept.

    Raises:
        NodeError: it has none.
    """
    name = node.fullName()
    running = _running.get(name)
    if running is not None:
        running.asked_to_end.set()
        return
    job = knobs.text(node, knobs.JOB)
    if not job:
        raise NodeError(f"{name} has no job to cancel.")
    sending = sending_of(knobs.text(node, "server"), asking.place(node, False))

    def work() -> None:
        try:
            following.cancel(sending, job)
        except NodeError as error:
            nuke.executeInMainThread(saying.tell, args=(error,))

    threading.Thread(target=work, name="impasto-cancel", daemon=True).start()


def write_job(wish: Wish) -> str:
    """Write the job file beside the result; its path.

    Raises:
        NodeError: it cannot be written, or the wish cannot be met.
    """
    path = wish.place.file("preview.job.json" if wish.preview else "job.json")
    spec = wishes.job(wish)
    try:
        places.write_json(path, spec)
    except OSError as error:
        raise NodeError(f"The job file {path} cannot be written: {error.strerror}.", FAILED) from error
    return path


def sending_of(server: str, place: places.Place) -> Sending:
    """How the command is started for a node.

    Raises:
        NodeError: there is no command.
    """
    environment = command.scrubbed(os.environ)
    config = nuke.root().knob("customOCIOConfigPath")
    if "OCIO" not in environment and config is not None and config.value():
        environment["OCIO"] = str(config.value())
    return Sending(command.find(os.environ), environment, server, place.file("impasto.log"))


def _begin(
    running: Running,
    title: str,
    made: dict[str, Any],
    total: int,
    work: Callable[[Callable[[Event], None], Callable[[], bool]], None],
) -> None:
    """Start the thread that works; `work` is called there."""
    _running[running.node] = running
    task = nuke.ProgressTask(f"Impasto {title}") if nuke.GUI else None
    shown = time.monotonic()

    def cancelled() -> bool:
        return running.asked_to_end.is_set() or (task is not None and bool(task.isCancelled()))

    def heard(event: Event) -> None:
        nonlocal shown
        if task is not None:
            task.setMessage(events.sentence(event))
            task.setProgress(following.progress(running.course, total))
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
            error = NodeError(f"Impasto made a mistake: {failure!r}; please report it.", FAILED, "INTERNAL")
        task = None  # lets Nuke close its bar
        nuke.executeInMainThread(_finish, args=(running.node, made, error))

    threading.Thread(target=thread, name=f"impasto-{running.node}", daemon=True).start()


def _keep_job(name: str, job: str, made: dict[str, Any]) -> None:
    """Remember the job in the script, so that it can be attached to again."""
    node = knobs.find(name)
    if node is not None and not made["preview"]:
        with knobs.without_undo():
            knobs.put(node, knobs.JOB, job)
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
    if error is not None and error.exit_code != CANCELLED:
        saying.tell(error)


def end(node: nuke.Node, made: dict[str, Any], course: Course, error: NodeError | None) -> None:
    """Let a node show how its job ended."""
    if error is None or error.exit_code == FRAMES_FAILED or course.done:
        showing.result(node, made)
    if not made["preview"]:
        knobs.put(node, knobs.JOB, "" if error is None else course.job)
    if error is None and made["preview"]:
        showing.status(node, f"preview: frame {made['frames']} painted alone", showing.PREVIEW)
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


def _files_a_frame(wish: Wish) -> int:
    return len(wish.shot.views) if wish.place.many_views else 1


def _refuse_second(name: str) -> None:
    if name in _running:
        raise NodeError(f"{name} is rendering already; wait, or press Cancel.")
