"""The sequences a job reads and writes, and how its work is followed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from impasto.server import plates
from impasto.server.errors import Cancelled, FrameError
from impasto.server.jobs.inputs.source import Coming, Frames
from impasto.server.jobs.task import Task
from impasto.v1.plate_pb2 import FileRef, FrameFile


@dataclass(frozen=True)
class Sequence:
    """The files of one sequence: all views in each file, or the files of one view.

    Attributes:
        view: of the files, empty where each file holds all views.
        frames: the files.
        views: the views inside the files.
    """

    view: str
    frames: Frames
    views: tuple[str, ...]


def sequences(task: Task) -> Iterator[Sequence]:
    """One sequence, or one a view where each view has files of its own."""
    plate = task.spec.plate
    if plate.HasField("video"):
        yield Sequence("", _video(task), task.plan.views)
        return
    for view in task.plan.file_views:
        yield Sequence(view, _files(task, view), task.plan.views if view == "" else (view,))


def _video(task: Task) -> Frames:
    video = task.spec.plate.video
    reader = plates.open_video(task.local(video), task.limits)

    def read(frame: int) -> plates.Plate:
        return task.checked(video, lambda _: reader.read(frame))  # the reader has the file open, or opens it again

    return Frames(task.plan.shot, read, reader.header, {n: f"{video.sha256}:{n}" for n in task.plan.shot})


def _files(task: Task, view: str) -> Frames:
    return frames_of(task, task.spec.plate.pattern, [entry for entry in task.spec.plate.files if entry.view == view])


def frames_of(task: Task, pattern: str, entries: Iterable[FrameFile]) -> Frames:
    """The files of one view, by the shot's frames."""
    files = {entry.frame: entry.file for entry in entries}

    def named(frame: int) -> FileRef:
        if frame not in files:
            raise FrameError(
                f"Frame {frame} of {pattern} is missing; render it, or leave it out of --shot.",
                reason="FRAME_MISSING",
                frame=frame,
            )
        return files[frame]

    return Frames(
        task.plan.shot,
        lambda frame: task.checked(named(frame), lambda path: plates.read(path, task.limits)),
        lambda frame: plates.read_header(task.local(named(frame)), task.limits),
        {frame: file.sha256 for frame, file in files.items()},
        _coming(task, files),
    )


def _coming(task: Task, files: Mapping[int, FileRef]) -> Coming:
    """What can be known of frames that are on their way."""

    def head(frame: int) -> plates.Header | None:
        beginning = task.head(files[frame]) if frame in files else None
        try:
            return plates.read_head(beginning, task.limits) if beginning is not None else None
        except FrameError:
            return None

    def wait(frame: int) -> None:
        if frame in files:
            task.local(files[frame])

    return Coming(lambda frame: frame not in files or task.here(files[frame]), head, wait)


@dataclass
class Follow:
    """Joins the picture-making's `Watch` to the task's listener."""

    task: Task
    view: str
    total: int
    written: float = 0

    def check(self) -> None:
        """Stop where the job is to stop."""
        if self.task.cancelled():
            raise Cancelled("The job was cancelled; finished frames are kept.")

    def stage(self, name: str, frame: int) -> None:
        """Tell how far the work is: whole frames, so the bar never goes back."""
        self.check()
        self.task.listener.progress(name, frame, self.view, self.written / max(self.total, 1))

    def reached(self, share: float) -> None:
        """This share of the work is done, 0..1, where it is not counted in frames."""
        self.written = share * self.total

    def warn(self, message: str) -> None:
        """Tell its user."""
        self.task.listener.warning(message)
