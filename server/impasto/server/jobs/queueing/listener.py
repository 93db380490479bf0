"""What a running job tells: every call becomes a numbered event."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.sequences import grade
from impasto.server.jobs.inputs.places import Places
from impasto.server.jobs.planning.spec import makes_frames, output_pattern, thresholds
from impasto.server.jobs.queueing.figures import Figures
from impasto.server.jobs.records.store import JobStore
from impasto.v1.job_pb2 import JobEvent, JobSpec, PickedKey

if TYPE_CHECKING:
    from impasto.server.shots.cuts import Cut
    from impasto.server.shots.picking import Pick

PROGRESS_EVERY = 0.25
PROGRESS_SHARE = 1 / 2000
"""Progress is told at most every quarter second, and on long jobs every 2000th of the time so far, as it is kept."""


class StoredListener:
    """Implements `impasto.server.jobs.task.Listener` on the job store.

    Args:
        store: where events are kept.
        job: the job's id.
        spec: the job, to know which outputs its user sees.
        places: knows what those are called here.
        figures: counts frames, and seconds by stage.
    """

    def __init__(self, store: JobStore, job: str, spec: JobSpec, places: Places, figures: Figures) -> None:
        self._figures, self._stage = figures, ("", time.monotonic())
        self._store, self._job, self._places = store, job, places
        self._pattern = output_pattern(spec) if makes_frames(spec) else None
        self._thresholds = thresholds(spec)
        self._started = time.monotonic()
        self._told = float("-inf")
        self._fraction = 0.0
        self._warned = store.warnings(job)

    def progress(self, stage: str, frame: int, view: str, fraction: float) -> None:
        """Work of this stage goes on; thinned out."""
        now = time.monotonic()
        before, since = self._stage
        if before:
            self._figures.add("stage_seconds", before, now - since)
        self._stage, self._fraction = (stage, now), fraction
        if now - self._told < max(PROGRESS_EVERY, (now - self._started) * PROGRESS_SHARE):
            return
        self._told = now
        event = JobEvent()
        event.progress.stage, event.progress.frame, event.progress.view = stage, frame, view
        event.progress.fraction = min(max(fraction, 0.0), 1.0)
        self._store.tell(self._job, event)

    def waiting(self, frame: int, view: str) -> None:
        """The file of this frame is not here yet; thinned out."""
        self.progress("waiting for files", frame, view, self._fraction)

    def presume(self, presumed: bool) -> None:
        """Frames are made while others, taken to be readable, are on their way; or all of these are known to be."""
        self._store.presume(self._job, presumed)

    def begin_anew(self, message: str) -> None:
        """All frames are made anew, also those done."""
        message = self._places.plain(message)
        self._warned.add(message)
        self._store.begin_anew(self._job, message)

    def frame_done(self, frame: int, view: str, path: Path, figures: Mapping[str, float]) -> None:
        """A frame is written whole at `path`; it is forced to disk before it counts."""
        if not self._places.stands(path):
            self.frame_failed(
                frame,
                view,
                "OUTPUT_MOVED",
                f"A folder of {path} was made a link out of the server's roots while the frame was written; look who "
                "did so, and render it again.",
            )
            return
        try:
            sha256, size = _settle(path)
        except OSError as error:
            self.frame_failed(
                frame, view, "OUTPUT_GONE", f"{path} was written and is gone ({error.strerror}); render it again."
            )
            return
        event = JobEvent()
        told = event.frame_done
        told.frame, told.view = frame, view
        told.file.sha256, told.file.size = sha256, size
        seen = self._pattern.path(frame, view) if self._pattern is not None else None
        if seen is not None and path == self._places.here(seen):
            told.file.path = str(seen)
        told.figures.update(figures)
        self._figures.add("frames", "done")
        told.grade, reasons = grade(figures, self._thresholds)
        told.reasons.extend(reasons)
        self._store.tell(self._job, event, path)

    def frame_failed(self, frame: int, view: str, reason: str, message: str) -> None:
        """A frame could not be made; the others go on."""
        self._figures.add("frames", "failed")
        event = JobEvent()
        told = event.frame_failed
        told.frame, told.view, told.error.reason = frame, view, reason
        told.error.message = self._places.plain(message)
        self._store.tell(self._job, event)

    def file_made(self, what: str, path: Path, wished: str) -> None:
        """A file beside the frames is written whole at `path`; it is forced to disk before it counts."""
        event = JobEvent()
        told = event.result.file
        told.what = what
        told.file.sha256, told.file.size = _settle(path)
        if path == self._places.here(Path(wished)):
            told.file.path = wished
        self._store.tell(self._job, event, path)

    def keys_picked(self, picks: Sequence[Pick], wanted: float) -> None:
        """The frames worth painting."""
        event = JobEvent()
        told = event.result.keys
        told.keys.extend(PickedKey(**vars(pick)) for pick in picks)
        told.share, told.wanted = picks[-1].together if picks else 0.0, wanted
        self._store.tell(self._job, event)

    def shots_found(self, cuts: Sequence[Cut], shots: Sequence[str]) -> None:
        """The range was parted into shots."""
        event = JobEvent()
        told = event.shots_found
        told.SetInParent()
        told.shots.extend(shots)
        for cut in cuts:
            told.cuts.add(frame=cut.frame, until=cut.until, found_by=cut.found_by)
        self._store.tell(self._job, event)

    def warning(self, message: str) -> None:
        """Its user should know this sentence; the same sentence is told once."""
        message = self._places.plain(message)
        if message in self._warned:
            return
        self._warned.add(message)
        self._store.tell_warning(self._job, message)


def _settle(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file, once it and its name are on disk."""
    with path.open("rb+") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        size = file.tell()
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return digest, size
