"""A job decided but not begun: what it will make, and what already stands where it would write."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from impasto.client.errors import BadRequestError
from impasto.client.events import FrameSkipped
from impasto.client.gather import Gathered
from impasto.sequences import (
    SequencePattern,
    Standing,
    format_frames,
    parse_frames,
    refuse_inputs,
    standing,
)
from impasto.v1 import job_pb2


def makes_frames(spec: job_pb2.JobSpec) -> bool:
    """Whether a job writes frames; one that picks keys only tells of them."""
    kind: str | None = spec.WhichOneof("kind")
    return kind != "keys"


@dataclass(frozen=True)
class Outputs:
    """The files a job writes.

    Attributes:
        pattern: where frames go; None where the job writes none.
        frames: wanted, ascending.
        views: of files; one empty name where a file holds all views.
        beside: files made beside the frames, such as a contact sheet.
    """

    pattern: SequencePattern | None
    frames: tuple[int, ...]
    views: tuple[str, ...]
    beside: tuple[Path, ...] = ()

    @classmethod
    def of(cls, spec: job_pb2.JobSpec) -> Outputs:
        """The outputs of a gathered job.

        Raises:
            BadRequestError: several frames or views would go into one file, or a folder cannot be written to.
            SequenceError: the pattern cannot be read.
        """
        frames = parse_frames(spec.plate.frames)
        beside = tuple(Path(path) for path in (spec.output.sheet, spec.output.preview) if path)
        if not makes_frames(spec):
            return cls(None, frames, (), beside)
        pattern = SequencePattern.parse(spec.output.pattern)
        views = tuple(sorted({entry.view for entry in spec.plate.files})) or ("",)
        if not pattern.has_frames and len(frames) > 1:
            raise BadRequestError(
                f"The output {spec.output.pattern} is one file for {len(frames)} frames; put #### where the frame"
                " number goes.",
                reason="OUTPUT_INVALID",
            )
        if views != ("",) and not pattern.has_views:
            raise BadRequestError(
                f"The output {spec.output.pattern} is one file for the views {', '.join(views)}; put %V where the"
                " view's name goes.",
                reason="OUTPUT_INVALID",
            )
        return cls(pattern, frames, views, beside)

    def paths(self) -> dict[tuple[int, str], Path]:
        """The file of every frame, by frame and view."""
        if self.pattern is None:
            return {}
        return {(frame, view): self.pattern.path(frame, view) for frame in self.frames for view in self.views}


@dataclass(frozen=True)
class PlannedJob:
    """A job decided but not begun.

    Attributes:
        spec: the whole job, with all frames wanted.
        plan: what the server decided.
        files: local path by SHA-256.
        todo: frames still to be made, ascending.
        skipped: files of the same job that stand there already.
        replaced: files of other jobs of ours that will be replaced.
        missing: frames of the shot of which no file is there.
    """

    spec: job_pb2.JobSpec
    plan: job_pb2.Plan
    files: dict[str, Path]
    todo: tuple[int, ...]
    skipped: tuple[FrameSkipped, ...] = ()
    replaced: tuple[Path, ...] = ()
    missing: tuple[int, ...] = ()

    @property
    def to_send(self) -> dict[str, Path]:
        """Path by SHA-256 of what the server lacks, those needed first in front."""
        return {sha256: self.files[sha256] for sha256 in self.plan.missing if sha256 in self.files}

    @property
    def upload_bytes(self) -> int:
        """Size of what the server lacks."""
        return sum(path.stat().st_size for path in self.to_send.values() if path.exists())

    @property
    def review(self) -> bool:
        """Whether a sheet or a preview is to be made of the frames, also of those that stand already."""
        return makes_frames(self.spec) and bool(self.spec.output.sheet or self.spec.output.preview)

    def spec_to_do(self) -> job_pb2.JobSpec:
        """The job with the frames still to be made alone."""
        spec = job_pb2.JobSpec()
        spec.CopyFrom(self.spec)
        if self.review:
            spec.output.review_frames = spec.output.review_frames or spec.plate.frames
        spec.plate.frames = format_frames(self.todo) if self.todo else ""
        return spec


def refuse_writing_onto_inputs(gathered: Gathered) -> None:
    """Refuse a job that would write onto one of its own inputs, also through a link.

    Raises:
        BadRequestError: several frames or views would go into one file.
        SequenceError: an output is an input.
    """
    outputs = Outputs.of(gathered.spec)
    refuse_inputs([*outputs.paths().values(), *outputs.beside], gathered.words)


def compare(gathered: Gathered, plan: job_pb2.Plan) -> PlannedJob:
    """Look at what stands at the outputs.

    Args:
        gathered: the whole job.
        plan: what the server decided of it.

    Raises:
        BadRequestError: a file that is not ours stands there, and the job may not replace it; or a folder cannot be
            written to.
        SequenceError: a path cannot be looked at.
    """
    outputs = Outputs.of(gathered.spec)
    found = {key: (path, standing(path, plan.digest)) for key, path in outputs.paths().items()}
    if not gathered.spec.output.overwrite:
        for path, what in found.values():
            if what is Standing.FOREIGN:
                raise BadRequestError(
                    f"{path} is there and was not made by Impasto; choose another --out, or say --overwrite.",
                    reason="OUTPUT_FOREIGN",
                )
    todo = tuple(
        frame
        for frame in outputs.frames
        if outputs.pattern is None or any(found[frame, view][1] is not Standing.SAME for view in outputs.views)
    )
    _refuse_unwritable([*(found[frame, view][0] for frame in todo for view in outputs.views), *outputs.beside])
    skipped = tuple(
        FrameSkipped(frame=frame, view=view, path=str(path))
        for (frame, view), (path, _) in found.items()
        if frame not in todo
    )
    replaced = tuple(
        path for (frame, _), (path, what) in found.items() if frame in todo and what is not Standing.ABSENT
    )
    return PlannedJob(gathered.spec, plan, gathered.files, todo, skipped, replaced, gathered.missing)


def _refuse_unwritable(paths: Iterable[Path]) -> None:
    for folder in {path.parent for path in paths}:
        there = folder
        while not there.exists() and there != there.parent:
            there = there.parent
        if not there.is_dir():
            raise BadRequestError(f"{there} is a file, not a folder; choose another --out.", reason="OUTPUT_FOLDER")
        if not os.access(there, os.W_OK | os.X_OK):
            raise BadRequestError(
                f"The folder {there} cannot be written to; change its permissions or choose another --out.",
                reason="OUTPUT_FOLDER",
            )
