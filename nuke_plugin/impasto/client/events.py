"""What happens to a job, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from impasto.sequences import format_frames
from impasto.v1 import job_pb2


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened.

    Attributes:
        type: its name in the event stream of the command; stable.
        job: `jobs/ID`; empty before there is one.
        number: its number in the job, from 1 without gaps; 0 for what only this client saw.
    """

    type: ClassVar[str] = ""
    job: str = ""
    number: int = 0


@dataclass(frozen=True, kw_only=True)
class Planning(Event):
    """The command is at work: files are looked at and the job is decided, which takes seconds at first."""

    type: ClassVar[str] = "planning"


@dataclass(frozen=True, kw_only=True)
class JobPlanned(Event):
    """The job is checked and decided.

    Attributes:
        digest: of all that decides a pixel.
        shot: frames of the shot, such as `1001-1012`.
        frames: frames wanted.
        todo: those of them still to be made.
        choices: numerical choices by name.
        seconds: expected working time.
        memory_bytes: expected peak memory.
        disk_bytes: expected size of the output.
        upload_bytes: size of what the server lacks.
    """

    type: ClassVar[str] = "planned"
    digest: str
    shot: str
    frames: str
    todo: str
    choices: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0
    upload_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class FilesSent(Event):
    """Files went to the server.

    Attributes:
        sent_bytes: so far.
        total_bytes: in all.
    """

    type: ClassVar[str] = "sent"
    sent_bytes: int
    total_bytes: int


@dataclass(frozen=True, kw_only=True)
class StateChanged(Event):
    """The job entered a state.

    Attributes:
        state: waiting, queued, running, succeeded, failed or cancelled.
        reason: why it failed; empty where it did not.
        message: one sentence with it.
    """

    type: ClassVar[str] = "state"
    state: str
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """Work went on.

    Attributes:
        stage: such as analysis, motion, maps, painting.
        frame: worked on.
        view: worked on; empty where there are none.
        fraction: share of the job done, 0..1.
    """

    type: ClassVar[str] = "progress"
    stage: str
    frame: int
    view: str = ""
    fraction: float


@dataclass(frozen=True, kw_only=True)
class ShotsFound(Event):
    """The range was parted into shots.

    Attributes:
        cuts: each `frame`, `until` (of a dissolve, else 0) and `found_by`, ascending.
        shots: frames of every shot, such as `1001-1040`; those of a dissolve belong to both.
        file: the file of cuts; empty where there are none, or it could not be written.
    """

    type: ClassVar[str] = "shots"
    cuts: tuple[Mapping[str, Any], ...] = ()
    shots: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True, kw_only=True)
class FrameDone(Event):
    """A frame is written.

    Attributes:
        frame: its number.
        view: its view; empty where a file holds all there are.
        path: the file; empty as long as it lies on the server only.
        sha256: of the file.
        figures: numbers of the frame by name; `impasto.sequences.FIGURES` says what they mean.
        grade: green, yellow or red, by the job's thresholds.
        reasons: a phrase for each threshold crossed.
    """

    type: ClassVar[str] = "frame_done"
    frame: int
    view: str = ""
    path: str = ""
    sha256: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    grade: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FrameSkipped(Event):
    """A frame of the same job stands at the output already."""

    type: ClassVar[str] = "frame_skipped"
    frame: int
    view: str = ""
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class FrameFailed(Event):
    """A frame could not be made; the others go on.

    Attributes:
        frame: its number.
        view: its view.
        reason: stable name in capitals.
        message: one sentence that names the thing and the cure.
    """

    type: ClassVar[str] = "frame_failed"
    frame: int
    view: str = ""
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Warned(Event):
    """Something its user should know, in one sentence."""

    type: ClassVar[str] = "warning"
    message: str


@dataclass(frozen=True, kw_only=True)
class Replanned(Event):
    """The device ran out of memory: the whole shot is planned for less, and its frames are made anew.

    Attributes:
        memory_before: bytes it was planned for.
        memory_bytes: bytes it is planned for now.
        digest: of the plan now.
        message: what the device said.
    """

    type: ClassVar[str] = "replanned"
    memory_before: int
    memory_bytes: int
    digest: str
    message: str


@dataclass(frozen=True, kw_only=True)
class FileMade(Event):
    """A file beside the frames is made.

    Attributes:
        what: sheet, preview or quality.
        path: the file; empty as long as it lies on the server only.
        sha256: of the file.
    """

    type: ClassVar[str] = "file_made"
    what: str
    path: str = ""
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class PickedKey:
    """A frame worth painting.

    Attributes:
        frame: its number.
        alone: share of all pixels of the frames wanted that its paint covers, 0..1.
        together: share that it covers together with those before it.
        painted: whether it was painted already.
    """

    frame: int
    alone: float
    together: float
    painted: bool = False


@dataclass(frozen=True, kw_only=True)
class KeysPicked(Event):
    """These frames are worth painting.

    Attributes:
        frames: their numbers, ascending, such as `1003,1011`.
        share: of all pixels of the frames wanted that their paint covers, 0..1.
        wanted: the share that was asked for.
        keys: in the order in which they help most.
    """

    type: ClassVar[str] = "keys_picked"
    frames: str
    share: float
    wanted: float
    keys: tuple[PickedKey, ...]


ENDED = frozenset({"succeeded", "failed", "cancelled"})
"""States after which nothing happens any more."""


def state_name(state: job_pb2.JobState) -> str:
    """`running` for `JOB_STATE_RUNNING`."""
    try:
        return job_pb2.JobState.Name(state).removeprefix("JOB_STATE_").lower()
    except ValueError:
        return "unknown"


def from_message(job: str, event: job_pb2.JobEvent) -> Event | None:
    """The event in a message; None for one that this version does not know."""
    number = event.number
    match event.WhichOneof("event"):
        case "state":
            error = event.state.error
            return StateChanged(
                job=job, number=number, state=state_name(event.state.state), reason=error.reason, message=error.message
            )
        case "progress":
            at = event.progress
            return Progress(job=job, number=number, stage=at.stage, frame=at.frame, view=at.view, fraction=at.fraction)
        case "frame_done":
            done = event.frame_done
            return FrameDone(
                job=job,
                number=number,
                frame=done.frame,
                view=done.view,
                path=done.file.path,
                sha256=done.file.sha256,
                figures=dict(done.figures),
                grade=done.grade,
                reasons=tuple(done.reasons),
            )
        case "frame_failed":
            failed = event.frame_failed
            return FrameFailed(
                job=job,
                number=number,
                frame=failed.frame,
                view=failed.view,
                reason=failed.error.reason,
                message=failed.error.message,
            )
        case "shots_found":
            told = event.shots_found
            cuts = tuple({"frame": c.frame, "until": c.until, "found_by": c.found_by} for c in told.cuts)
            return ShotsFound(job=job, number=number, cuts=cuts, shots=tuple(told.shots))
        case "warning":
            warning: Any = event.warning  # its stub takes Python's own Warning for it
            return Warned(job=job, number=number, message=warning.message)
        case "replanned":
            return Replanned(
                job=job,
                number=number,
                memory_before=event.replanned.memory_before,
                memory_bytes=event.replanned.memory_bytes,
                digest=event.replanned.digest,
                message=event.replanned.message,
            )
        case "result":
            return _from_result(job, number, event.result)
    return None


def _from_result(job: str, number: int, result: job_pb2.Result) -> Event | None:
    match result.WhichOneof("result"):
        case "file":
            file = result.file.file
            return FileMade(job=job, number=number, what=result.file.what, path=file.path, sha256=file.sha256)
        case "keys":
            picked = result.keys
            return KeysPicked(
                job=job,
                number=number,
                frames=format_frames(key.frame for key in picked.keys),
                share=picked.share,
                wanted=picked.wanted,
                keys=tuple(
                    PickedKey(frame=key.frame, alone=key.alone, together=key.together, painted=key.painted)
                    for key in picked.keys
                ),
            )
    return None
