"""Jobs from their files to their end, through the command; no Nuke, any thread but Nuke's main one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from impasto.nuke import command, events, sidecar
from impasto.nuke.errors import CANCELLED, FRAMES_FAILED, UNREACHABLE, NodeError
from impasto.nuke.events import Event

PATIENCE = 90.0
"""Seconds a server that is named may be silent while a job of ours is on it."""

TOLD = ("keys_picked",)
"""Types of events whose content a node shows."""


@dataclass
class Course:
    """How jobs went so far: one, or one for each view.

    Attributes:
        jobs: `jobs/ID` of each; none before there is one.
        total: frames to make, each view counted; 0 while that is not known.
        done: frames made.
        skipped: frames that stood there already.
        failed: sentence by frame.
        warnings: sentences.
        fraction: share of the job at hand done, 0..1.
        told: what the jobs found, by the event's type, such as frames picked.
        frames: that the last job planned makes, as a range; empty while it is not known.
    """

    jobs: list[str] = field(default_factory=list)
    total: int = 0
    done: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    fraction: float = 0.0
    told: dict[str, Event] = field(default_factory=dict)
    frames: str = ""

    def take(self, event: Event) -> None:
        """Note one event."""
        kind = event["type"]
        if kind == "planned" and event.get("frames"):
            self.frames = str(event["frames"])
        if event.get("job") and event["job"] not in self.jobs:
            self.jobs.append(event["job"])
        if kind == "frame_done":
            self.done.append(int(event["frame"]))
        elif kind == "frame_skipped":
            self.skipped.append(int(event["frame"]))
        elif kind == "frame_failed":
            self.failed[int(event["frame"])] = str(event.get("message", ""))
        elif kind == "warning":
            self.warnings.append(str(event.get("message", "")))
        elif kind == "progress":
            self.fraction = float(event.get("fraction") or 0.0)
        elif kind == "shots" and event.get("cuts"):
            self.warnings.append(f"The range was parted at its cuts into {events.sentence(event)}.")
        elif kind in TOLD:
            self.told[kind] = event

    @property
    def percent(self) -> int:
        """Done so far, never 100 before the end."""
        by_frames = (len(self.done) + len(self.failed) + len(self.skipped)) / self.total if self.total else 0.0
        return min(99, int(100 * max(by_frames, self.fraction / max(1, len(self.jobs)))))


@dataclass(frozen=True)
class Sending:
    """How the command is started.

    Attributes:
        environment: of Nuke.
        server: `HOST:PORT`; empty takes what the environment says, else the user's own.
        log: file for its standard error.
    """

    environment: Mapping[str, str]
    server: str
    log: str

    def line(self, *arguments: str) -> list[str]:
        """A whole command line.

        Raises:
            NodeError: there is no command.
        """
        authority = self.environment.get(command.TLS, "").strip()
        tls = ("--tls-ca", authority) if authority and self.named else ()
        named = ("--server", self.server) if self.server else ()
        return [*command.find(self.environment), *arguments, *tls, *named]

    @property
    def named(self) -> bool:
        """Whether a server is named, by the node or the environment."""
        return bool(self.server or self.environment.get("IMPASTO_SERVER", "").strip())

    @property
    def clean(self) -> dict[str, str]:
        """All of the command's environment."""
        return command.scrubbed(self.environment)


Heard = Callable[[Event], None]
Cancelled = Callable[[], bool]


def hand_over(
    sending: Sending, job_file: str, urgent: bool, course: Course, heard: Heard, cancelled: Cancelled
) -> None:
    """Hand a job to a server that outlives us; returns when it has all it needs.

    Args:
        sending: how.
        job_file: what.
        urgent: whether somebody waits for it, so that it passes running jobs.
        course: takes the events.
        heard: told of each event.
        cancelled: asked whether to end.

    Raises:
        NodeError: as it ended.
    """
    priority = ("--priority", "interactive") if urgent else ()
    _run(sending, ("run", job_file, "--detach", "--events", "json", *priority), course, heard, cancelled)


def follow(sending: Sending, course: Course, heard: Heard, cancelled: Cancelled) -> None:
    """Follow `course.jobs` to their end and bring their frames home; cancelling ends the jobs themselves.

    Raises:
        NodeError: as the first of them ended that did not end well; failing frames do not end those after it.
    """
    lines = [("job", "fetch", job, "--events", "json") for job in course.jobs]
    try:
        _run_all(sending, lines, course, heard, cancelled, _run_patiently)
    except NodeError as error:
        if error.exit_code == CANCELLED:
            for job in course.jobs:
                cancel(sending, job)
        raise


def make(sending: Sending, job_files: Sequence[str], course: Course, heard: Heard, cancelled: Cancelled) -> None:
    """Make jobs and wait for them: on the server named, else in the command itself.

    Raises:
        NodeError: as the first of them ended that did not end well; failing frames do not end those after it.
    """
    lines = [("run", path, "--events", "json") for path in job_files]
    _run_all(sending, lines, course, heard, cancelled, _run)


def cancel(sending: Sending, job: str) -> None:
    """End a job on its server; finished frames are kept.

    Raises:
        NodeError: the server did not take it.
    """
    sidecar.run(sending.line("job", "cancel", job), sending.clean, sending.log, _deaf, _never)


def listen(sending: Sending, *arguments: str) -> str:
    """What a short command prints.

    Raises:
        NodeError: it cannot be started or did not end well and printed nothing.
    """
    process = sidecar.Sidecar(sending.line(*arguments), sending.clean, sending.log)
    told = "".join(process.text())
    failure = process.failure()
    if failure is not None and not told.strip():
        raise failure
    return told


Run = Callable[[Sending, Sequence[str], Course, Heard, Cancelled], None]


def _run_all(
    sending: Sending,
    lines: Iterable[Sequence[str]],
    course: Course,
    heard: Heard,
    cancelled: Cancelled,
    run: Run,
) -> None:
    ended: NodeError | None = None
    for arguments in lines:
        try:
            run(sending, arguments, course, heard, cancelled)
        except NodeError as error:
            if error.exit_code != FRAMES_FAILED:
                raise
            ended = ended or error
    if ended is not None:
        raise ended


def _run_patiently(
    sending: Sending, arguments: Sequence[str], course: Course, heard: Heard, cancelled: Cancelled
) -> None:
    """Run, and again while a server that is named does not answer: it may be starting anew, and its jobs are durable.

    Raises:
        NodeError: as it ended, or after `PATIENCE` seconds without an answer.
    """
    gives_up = time.monotonic() + PATIENCE
    while True:
        before = len(course.done)
        try:
            _run(sending, arguments, course, heard, cancelled)
            return
        except NodeError as error:
            if len(course.done) > before:
                gives_up = time.monotonic() + PATIENCE
            if error.exit_code != UNREACHABLE or not sending.named or time.monotonic() > gives_up:
                raise
        heard({"type": "state", "state": "the server does not answer; waiting for it"})
        pause = time.monotonic() + 1.0
        while time.monotonic() < pause:
            if cancelled():
                raise NodeError(
                    "Cancelled; the server does not answer, so its job may go on.", CANCELLED, reason="CANCELLED"
                )
            time.sleep(sidecar.POLL)


def _run(sending: Sending, arguments: Sequence[str], course: Course, heard: Heard, cancelled: Cancelled) -> None:
    def take(event: Event) -> None:
        course.take(event)
        heard(event)

    sidecar.run(sending.line(*arguments), sending.clean, sending.log, take, cancelled)


def _deaf(event: Event) -> None:
    """Nobody listens."""


def _never() -> bool:
    return False
