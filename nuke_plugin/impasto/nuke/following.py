"""A job from its file to its end, through the command; no Nuke, any thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from impasto.nuke import sidecar
from impasto.nuke.errors import CANCELLED, NodeError
from impasto.nuke.events import Event


@dataclass
class Course:
    """How a job went so far.

    Attributes:
        job: `jobs/ID`; empty before there is one.
        total: frames to make; 0 while that is not known.
        done: frames made.
        skipped: frames that stood there already.
        failed: sentence by frame.
        warnings: sentences.
        fraction: share done, 0..1.
    """

    job: str = ""
    total: int = 0
    done: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    fraction: float = 0.0

    def take(self, event: Event) -> None:
        """Note one event."""
        kind = event["type"]
        self.job = event.get("job") or self.job
        if kind == "frame_done":
            self.done.append(int(event["frame"]))
        elif kind == "frame_skipped":
            self.skipped.append(int(event["frame"]))
        elif kind == "frame_failed":
            self.failed[int(event["frame"])] = str(event.get("message", ""))
        elif kind == "warning":
            self.warnings.append(str(event.get("message", "")))
        elif kind == "progress":
            self.fraction = max(self.fraction, float(event.get("fraction") or 0.0))


@dataclass(frozen=True)
class Sending:
    """How the command is started.

    Attributes:
        command: program and its first arguments.
        environment: all of its environment.
        server: `HOST:PORT`; empty takes what the environment says, else the user's own.
        log: file for its standard error.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    server: str
    log: str

    def line(self, *arguments: str) -> list[str]:
        """A whole command line."""
        return [*self.command, *arguments, *(("--server", self.server) if self.server else ())]


Heard = Callable[[Event], None]
Cancelled = Callable[[], bool]


def hand_over(sending: Sending, job_file: str, course: Course, heard: Heard, cancelled: Cancelled) -> None:
    """Hand a job to a server that outlives us; returns when it has all it needs.

    Raises:
        NodeError: as it ended.
    """
    _run(sending, ("run", job_file, "--detach", "--events", "json"), course, heard, cancelled)


def follow(sending: Sending, course: Course, heard: Heard, cancelled: Cancelled) -> None:
    """Follow `course.job` to its end and bring its frames home; cancelling ends the job itself.

    Raises:
        NodeError: as it ended.
    """
    try:
        _run(sending, ("job", "fetch", course.job, "--events", "json"), course, heard, cancelled)
    except NodeError as error:
        if error.exit_code == CANCELLED:
            cancel(sending, course.job)
        raise


def make(sending: Sending, job_file: str, course: Course, heard: Heard, cancelled: Cancelled) -> None:
    """Make a job and wait for it: on the server named, else in the command itself.

    Raises:
        NodeError: as it ended.
    """
    _run(sending, ("run", job_file, "--events", "json"), course, heard, cancelled)


def cancel(sending: Sending, job: str) -> None:
    """End a job on its server; finished frames are kept.

    Raises:
        NodeError: the server did not take it.
    """
    sidecar.run(sending.line("job", "cancel", job), sending.environment, sending.log, _deaf, _never)


def listen(sending: Sending, *arguments: str) -> str:
    """What a short command prints.

    Raises:
        NodeError: it cannot be started or did not end well and printed nothing.
    """
    process = sidecar.Sidecar(sending.line(*arguments), sending.environment, sending.log)
    told = "".join(process.text())
    failure = process.failure()
    if failure is not None and not told.strip():
        raise failure
    return told


def progress(course: Course, total: int) -> int:
    """Per cent done, never 100 before the end."""
    by_frames = (len(course.done) + len(course.failed)) / total if total else 0.0
    return min(99, int(100 * max(by_frames, course.fraction)))


def _run(sending: Sending, arguments: Sequence[str], course: Course, heard: Heard, cancelled: Cancelled) -> None:
    def take(event: Event) -> None:
        course.take(event)
        heard(event)

    sidecar.run(sending.line(*arguments), sending.environment, sending.log, take, cancelled)


def _deaf(event: Event) -> None:
    """Nobody listens."""


def _never() -> bool:
    return False
