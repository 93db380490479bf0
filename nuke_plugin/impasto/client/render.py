"""A job followed from its plan to its last file."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.client.cuts import store_cuts, written_cut
from impasto.client.errors import BadRequestError, FramesFailed, ImpastoError, JobCancelled, JobFailed
from impasto.client.events import (
    Event,
    FileMade,
    FrameDone,
    FrameFailed,
    JobPlanned,
    ShotsFound,
    StateChanged,
    Warned,
)
from impasto.client.planned import PlannedJob, makes_frames
from impasto.client.refusals import REFUSALS
from impasto.client.review import Review
from impasto.client.sending import Sending
from impasto.sequences import SequencePattern, format_frames, parse_frames
from impasto.v1 import job_pb2

if TYPE_CHECKING:
    from impasto.client.server import Server


@dataclass(frozen=True)
class Result:
    """What came of a job.

    Attributes:
        job: `jobs/ID`; empty where nothing was left to do.
        done: files written, in the order they were.
        skipped: files of the same job that stood there already.
        failed: frames that could not be made.
    """

    job: str
    done: tuple[Path, ...]
    skipped: tuple[Path, ...]
    failed: tuple[FrameFailed, ...]


class Render(Iterator[Event]):
    """The events of one job, from planning to the last file; work begins with the first `next`.

    After the last event `StopIteration` is raised where all is well, else `JobFailed`, `FramesFailed`,
    `JobCancelled` or `BelowQuality`. Letting go of it ends nothing on the server; `cancel` does.

    Attributes:
        job: `jobs/ID`; empty before there is one.
    """

    def __init__(self, client: Server, planned: PlannedJob, priority: str = "") -> None:
        self.job = ""
        self._client, self._planned, self._priority = client, planned, priority
        self._done: list[Path] = []
        self._failed: list[FrameFailed] = []
        self._events = self._run()

    def __next__(self) -> Event:
        """The next event."""
        return next(self._events)

    def result(self) -> Result:
        """Wait for the end.

        Raises:
            JobFailed, FramesFailed, JobCancelled: as it ended.
        """
        for _ in self:
            pass
        skipped = tuple(Path(event.path) for event in self._planned.skipped)
        return Result(self.job, tuple(self._done), skipped, tuple(self._failed))

    def cancel(self) -> None:
        """End the job; finished frames are kept."""
        if self.job:
            self._client.cancel(self.job)

    def submit(self) -> Iterator[Event]:
        """The events up to where the server goes on alone: planned, created, all files sent."""
        yield from self._planned_events(warned=True)
        if (created := self._created()) is not None:
            yield from self._client.send(created, self._planned.files)

    def _planned_events(self, warned: bool) -> Iterator[Event]:
        """What was planned; whether with its warnings, which a job that is watched tells itself."""
        yield planned_event(self._planned)
        yield from (Warned(message=warning) for warning in self._planned.plan.warnings if warned)
        yield from self._planned.skipped

    @property
    def _nothing_to_make(self) -> bool:
        return not self._planned.todo and not self._planned.review

    def _created(self) -> job_pb2.Job | None:
        """The job, kept by the server; None where nothing is to be made."""
        if self._nothing_to_make:
            return None
        self._client.show_styles(self._planned)
        return self._create(self._planned.spec_to_do())

    def _create(self, spec: job_pb2.JobSpec) -> job_pb2.Job:
        request_id = uuid.uuid4().hex
        try:
            created = self._client.create(spec, request_id, self._priority)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            # The server may have it though its answer was not heard: asked again, it tells the name to cancel.
            self.job = self._client.create(spec, request_id, self._priority).name
            raise
        self.job = created.name
        return created

    def _run(self) -> Iterator[Event]:
        yield from self._planned_events(warned=self._nothing_to_make)
        created = self._created()
        review = Review.of(self._planned.spec, self._planned.plan.digest)
        yield from review.followed(self._followed(created) if created is not None else iter(()))

    def _followed(self, created: job_pb2.Job) -> Iterator[Event]:
        """Files are sent and events heard side by side: the server begins before the last file has arrived."""
        sending = Sending(self._client.send(created, self._planned.files)) if created.plan.missing else None
        told: dict[tuple[int, str], FrameDone | FrameFailed] = {}
        beside = sending.news if sending is not None else None
        try:
            for event in follow(self._client, self.job, Destination.of(self._planned.spec), beside=beside):
                if isinstance(event, FrameDone | FrameFailed):
                    told[event.frame, event.view] = event  # a frame made anew is told of again
                    self._done = [Path(each.path) for each in told.values() if isinstance(each, FrameDone)]
                    self._failed = [each for each in told.values() if isinstance(each, FrameFailed)]
                yield event
            yield from sending.last_news() if sending is not None else ()
        finally:
            if sending is not None:
                sending.stop()


@dataclass(frozen=True)
class Destination:
    """Where what a job makes belongs on this machine.

    Attributes:
        frames: pattern of the frames; None where none are made.
        beside: path of each file beside them, by what it is, such as `sheet`.
    """

    frames: SequencePattern | None
    beside: Mapping[str, Path]

    @classmethod
    def of(cls, spec: job_pb2.JobSpec) -> Destination:
        """As the job says."""
        return cls(SequencePattern.parse(spec.output.pattern) if makes_frames(spec) else None, beside_of(spec))


def beside_of(spec: job_pb2.JobSpec) -> dict[str, Path]:
    """Files a job makes beside its frames, by what they are."""
    wished = {"sheet": spec.output.sheet, "preview": spec.output.preview}
    return {what: Path(path) for what, path in wished.items() if path}


def follow(
    client: Server,
    job: str,
    into: Destination,
    after: int = 0,
    beside: Callable[[], Iterable[Event]] | None = None,
) -> Iterator[Event]:
    """A job's events, each finished frame fetched to where it belongs before its event.

    Args:
        client: of the server.
        job: `jobs/ID`.
        into: where all belongs.
        after: number of the last event known.
        beside: see `Server.watch`.

    Raises:
        JobFailed, FramesFailed, JobCancelled: after the last event, where not all is well.
    """
    failed: dict[tuple[int, str], FrameFailed] = {}
    last = StateChanged(state="")
    for event in client.watch(job, after, beside):
        if isinstance(event, FrameDone) and into.frames is not None:
            event = _fetched(client, event, into.frames)
        elif isinstance(event, FileMade):
            event = _fetched_file(client, event, into.beside)
        elif isinstance(event, ShotsFound) and into.frames is not None:
            event = _stored(event, into.frames)
        if isinstance(event, FrameFailed):
            failed[event.frame, event.view] = event
        elif isinstance(event, FrameDone):
            failed.pop((event.frame, event.view), None)  # made anew
        elif isinstance(event, StateChanged):
            last = event
        yield event
    raise_unless_well(last, list(failed.values()))


def raise_unless_well(last: StateChanged, failed: list[FrameFailed]) -> None:
    """Raise what a job's end means.

    Raises:
        JobFailed, BadRequestError, FramesFailed, JobCancelled: as it ended.
    """
    if last.state == "cancelled":
        raise JobCancelled(last.message or "The job was cancelled; finished frames are kept.", reason="CANCELLED")
    if last.state == "failed":
        kind = BadRequestError if last.reason in REFUSALS else JobFailed
        raise kind(last.message or "The job failed; the server's log says why.", reason=last.reason or "FAILED")
    if failed:
        frames = format_frames(event.frame for event in failed)
        first = failed[0]
        raise FramesFailed(
            f"{'Frames' if len(failed) > 1 else 'Frame'} {frames} could not be made, the first because:"
            f" {first.message}",
            reason="FRAMES_FAILED",
            metadata={"frames": frames},
        )


def _fetched(client: Server, done: FrameDone, into: SequencePattern) -> FrameDone | FrameFailed:
    """The event with the path where the frame lies on this machine, fetched if need be."""
    try:
        target = into.path(done.frame, done.view)
        if not (done.path and Path(done.path) == target and target.is_file()):
            client.download(done.sha256, target)
    except (OSError, ImpastoError, ValueError) as error:
        reason = error.reason if isinstance(error, ImpastoError) else "OUTPUT_UNWRITABLE"
        said = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        return FrameFailed(
            job=done.job,
            number=done.number,
            frame=done.frame,
            view=done.view,
            reason=reason,
            message=f"Frame {done.frame} is made but cannot be written to {into.text}: {said}",
        )
    return replace(done, path=str(target))


def _fetched_file(client: Server, made: FileMade, beside: Mapping[str, Path]) -> FileMade | Warned:
    """The event with the path where the file lies on this machine, fetched if need be."""
    target = beside.get(made.what)
    if target is None or (made.path and Path(made.path) == target and target.is_file()):
        return made
    try:
        client.download(made.sha256, target)
    except (OSError, ImpastoError) as error:
        said = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        return Warned(job=made.job, number=made.number, message=f"The {made.what} is made but not at {target}: {said}")
    return replace(made, path=str(target))


def _stored(found: ShotsFound, into: SequencePattern) -> ShotsFound:
    """The event with the file of cuts beside the frames, written where cuts were found and not given."""
    if all(cut["found_by"] == "given" for cut in found.cuts):
        return found
    path = cuts_file(into)
    lines = [written_cut(cut["frame"], cut["until"], cut["found_by"]) for cut in found.cuts]
    stored = store_cuts(path, f"the range {format_frames(_all_frames(found))}", lines)
    return replace(found, file=str(path) if stored else "")


def _all_frames(found: ShotsFound) -> set[int]:
    return {frame for shot in found.shots for frame in parse_frames(shot)}


def cuts_file(into: SequencePattern) -> Path:
    """Where the cuts of a job stand: beside its frames."""
    first = into.path(1, "")
    stem = Path(into.text).name.split("#")[0].split("%")[0].split("$")[0].removesuffix(".exr").strip("._-") or "shot"
    return first.parent / f"{stem}.cuts.txt"


def planned_event(planned: PlannedJob) -> JobPlanned:
    """What was decided, as an event."""
    plan = planned.plan
    return JobPlanned(
        digest=plan.digest,
        shot=plan.shot,
        frames=plan.frames,
        todo=format_frames(planned.todo),
        choices=dict(plan.choices),
        seconds=plan.seconds,
        memory_bytes=plan.memory_bytes,
        disk_bytes=plan.disk_bytes,
        upload_bytes=planned.upload_bytes,
    )
