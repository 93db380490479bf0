"""The seam between the queue, which knows when a job runs, and the run, which knows how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from impasto.server.errors import FrameError
from impasto.server.jobs.planning.plan import Plan
from impasto.server.plates import Limits
from impasto.v1.job_pb2 import JobSpec
from impasto.v1.plate_pb2 import FileRef

if TYPE_CHECKING:
    from impasto.server.shots.cuts import Cut
    from impasto.server.shots.picking import Pick
    from impasto.server.shots.shot import Store


Read = TypeVar("Read")


class Listener(Protocol):
    """Takes what happens; every call becomes a numbered event, durable before it returns."""

    def progress(self, stage: str, frame: int, view: str, fraction: float) -> None:
        """Work of this stage goes on; may be thinned out."""
        ...

    def frame_done(self, frame: int, view: str, path: Path, figures: Mapping[str, float]) -> None:
        """A frame is written whole at `path`."""
        ...

    def frame_failed(self, frame: int, view: str, reason: str, message: str) -> None:
        """A frame could not be made; the others go on."""
        ...

    def shots_found(self, cuts: Sequence[Cut], shots: Sequence[str]) -> None:
        """The range was parted into shots, each given by its frames, such as `1001-1040`."""
        ...

    def waiting(self, frame: int, view: str) -> None:
        """The file of this frame is not here yet; may be thinned out."""
        ...

    def presume(self, presumed: bool) -> None:
        """Frames are made while others, taken to be readable, are on their way; or all of these are known to be."""
        ...

    def begin_anew(self, message: str) -> None:
        """All frames are made anew, also those done; its user should know this sentence."""
        ...

    def warning(self, message: str) -> None:
        """Its user should know this sentence."""
        ...

    def file_made(self, what: str, path: Path, wished: str) -> None:
        """A file beside the frames, such as the sheet, is written whole at `path`; its user wished it at `wished`."""
        ...

    def keys_picked(self, picks: Sequence[Pick], wanted: float) -> None:
        """These are the frames worth painting for the share wanted."""
        ...


@dataclass(frozen=True)
class Task:
    """One job, ready to run.

    Attributes:
        spec: what was asked.
        plan: what was decided; views are known.
        local: local path of a file of the spec, its content checked against the digest; raises `FrameError`
            where the file is gone or changed. Waits for one on its way, and then may raise `Cancelled` or `Starved`.
        target: where the server writes a frame (frame, view): the output itself where it may, else its own state.
        beside: where the server writes a file that its user wished at this path, such as a contact sheet.
        here: whether a file is not awaited any more: `local` will not wait for it.
        head: a file of which only the first bytes are here, as far as they are; None for any other.
        done: frames (frame, view) written in an earlier life of the job.
        store: for what is worth keeping between jobs.
        listener: told what happens.
        cancelled: whether the job is to stop; asked at every step.
        limits: the largest picture the server reads.
        presumed: whether frames done were made while others, taken to be readable, were on their way.
    """

    spec: JobSpec
    plan: Plan
    local: Callable[[FileRef], Path]
    target: Callable[[int, str], Path]
    beside: Callable[[str], Path]
    done: frozenset[tuple[int, str]]
    store: Store
    listener: Listener
    cancelled: Callable[[], bool]
    limits: Limits = field(default_factory=Limits)
    here: Callable[[FileRef], bool] = lambda ref: True
    head: Callable[[FileRef], Path | None] = lambda ref: None
    presumed: bool = False

    def checked(self, ref: FileRef, read: Callable[[Path], Read]) -> Read:
        """What is read of a file of the spec: the bytes whose digest was checked, whatever happens to it meanwhile.

        Raises:
            FrameError: the file is gone or changed, also while it was read (`FILE_CHANGED`).
        """
        path = self.local(ref)
        found = read(path)
        if self.local(ref) != path:
            raise FrameError(f"{ref.path} changed while it was read; make the job again.", reason="FILE_CHANGED")
        return found
