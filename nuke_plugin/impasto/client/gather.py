"""From names to files: what a job's patterns stand for on this machine, each file by its content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from impasto.client.errors import BadRequestError
from impasto.sequences import (
    Digests,
    SequencePattern,
    format_frames,
    output_times,
    parse_frames,
    whole_shot,
)
from impasto.v1 import job_pb2, plate_pb2


@dataclass(frozen=True)
class Gathered:
    """A job with all its files.

    Attributes:
        spec: the whole job.
        files: local path by SHA-256.
        words: the word for each file read, such as "plate", by path.
        missing: frames of the shot of which no file is there.
    """

    spec: job_pb2.JobSpec
    files: dict[str, Path]
    words: dict[Path, str]
    missing: tuple[int, ...]


def gather(spec: job_pb2.JobSpec, digests: Digests) -> Gathered:
    """Find the files of a job and their digests; what the job already names is kept.

    Args:
        spec: as its user wrote it; not changed.
        digests: finds digests.

    Raises:
        BadRequestError: the plate, a key, the style or motion is not there.
        SequenceError: a pattern or range cannot be read, or a file cannot.
    """
    spec = _copy(spec)
    if spec.WhichOneof("kind") == "interpolate":
        _list_retimed(spec)
    else:
        _list_plate(spec.plate)
    motion = _motion(spec)
    if motion.WhichOneof("source") == "files":
        _list_motion(motion.files, "motion")
    for mask in _masks(spec):
        _list_mask(mask.files)
    words = {Path(ref.path): word for word, ref in _refs(spec) if ref.path}
    unknown = [(word, ref) for word, ref in _refs(spec) if not ref.sha256]
    for word, ref in unknown:
        if not Path(ref.path).is_file():
            raise BadRequestError(f"The {word} {ref.path} is not there; look at its name.", reason="FILE_NOT_FOUND")
    found = digests.of_all(Path(ref.path) for _, ref in unknown)
    for _, ref in unknown:
        digest = found[Path(ref.path)]
        ref.sha256, ref.size = digest.sha256, digest.size
    files = {ref.sha256: Path(ref.path) for _, ref in _refs(spec) if ref.path}
    there = {entry.frame for entry in spec.plate.files}
    missing = () if spec.plate.HasField("video") else tuple(f for f in parse_frames(spec.plate.shot) if f not in there)
    return Gathered(spec, files, words, missing)


def _motion(spec: job_pb2.JobSpec) -> job_pb2.MotionSource:
    source: job_pb2.MotionSource = getattr(spec, spec.WhichOneof("kind") or "stylize").motion
    return source


def _copy(spec: job_pb2.JobSpec) -> job_pb2.JobSpec:
    copy = job_pb2.JobSpec()
    copy.CopyFrom(spec)
    return copy


def _refs(spec: job_pb2.JobSpec) -> Iterator[tuple[str, plate_pb2.FileRef]]:
    """Every file of the job with the word for it."""
    if spec.plate.HasField("video"):
        yield "plate", spec.plate.video
    yield from (("plate", entry.file) for entry in spec.plate.files)
    kind = spec.WhichOneof("kind")
    if kind == "stylize":
        yield from ((f"key of frame {key.frame}", key.file) for key in spec.stylize.keys)
        yield from (("style", style.file) for style in spec.stylize.styles if style.HasField("file"))
        yield from (("mask", entry.file) for mask in _masks(spec) for entry in mask.files.files)
    yield from (("painted frame", entry.file) for entry in spec.interpolate.paint.files)
    motion = _motion(spec)
    if motion.WhichOneof("source") == "files":
        yield from (("motion", entry.file) for entry in motion.files.files)


def _list_retimed(spec: job_pb2.JobSpec) -> None:
    """Name the plate's files, the whole of its shot and the frames of the output."""
    wanted, spec.plate.frames = spec.plate.frames, ""
    if not spec.plate.shot and not SequencePattern.parse(spec.plate.pattern).is_video:
        _list_files(spec.plate, SequencePattern.parse(spec.plate.pattern))
        spec.plate.shot = format_frames(whole_shot(entry.frame for entry in spec.plate.files))
    _list_plate(spec.plate)
    times = output_times(spec.interpolate, parse_frames(spec.plate.shot))
    spec.plate.frames = format_frames(parse_frames(wanted) if wanted else times)
    if spec.interpolate.paint.pattern:
        _list_motion(spec.interpolate.paint, "painted frames")


def _masks(spec: job_pb2.JobSpec) -> Iterator[job_pb2.Mask]:
    """Every mask made of pictures."""
    wish = spec.stylize
    for mask in (wish.mask, *(style.mask for style in wish.styles), *(key.mask for key in wish.keys)):
        if mask.WhichOneof("source") == "files":
            yield mask


def _list_mask(mask: job_pb2.MaskFiles) -> None:
    if mask.files:
        return
    pattern = SequencePattern.parse(mask.pattern)
    if pattern.has_frames:
        for (frame, view), path in pattern.on_disk().items():
            mask.files.append(plate_pb2.FrameFile(frame=frame, view=view, file=plate_pb2.FileRef(path=str(path))))
    elif Path(mask.pattern).is_file():
        mask.files.append(plate_pb2.FrameFile(file=plate_pb2.FileRef(path=mask.pattern)))
    if not mask.files:
        raise BadRequestError(
            f"No file of the mask {mask.pattern} is there; look at its folder and name, or name a layer of the plate.",
            reason="MASK_EMPTY",
        )


def _list_plate(plate: job_pb2.PlateSource) -> None:
    """Name the plate's files, its shot and the frames wanted."""
    pattern = SequencePattern.parse(plate.pattern)
    if pattern.is_video:
        _list_video(plate)
        return
    if not plate.files:
        _list_files(plate, pattern)
    there = {entry.frame for entry in plate.files}
    wanted = set(parse_frames(plate.frames)) if plate.frames else set()
    if not plate.shot:
        # What is on disk, and what is wanted though it is not: the server tells of it and goes on.
        plate.shot = format_frames(there | wanted)
    plate.frames = format_frames(wanted) if wanted else plate.shot
    shot = set(parse_frames(plate.shot))
    if not there & shot:
        raise BadRequestError(
            f"No frame of {plate.shot} is among the files of {plate.pattern}, which holds {format_frames(there)}.",
            reason="PLATE_EMPTY",
        )
    kept = [entry for entry in plate.files if entry.frame in shot]
    del plate.files[:]
    plate.files.extend(kept)


def _list_files(plate: job_pb2.PlateSource, pattern: SequencePattern) -> None:
    found = pattern.on_disk()
    if not found:
        raise BadRequestError(
            f"No file of the plate {plate.pattern} is there; look at its folder, its name and the digits of its"
            " frame number.",
            reason="PLATE_EMPTY",
        )
    views = {view for _, view in found}
    asked = set(plate.views) if pattern.has_views and plate.views else views
    if asked - views:
        raise BadRequestError(
            f"The plate {plate.pattern} has no view '{min(asked - views)}'; it has: {', '.join(sorted(views))}.",
            reason="VIEW_UNKNOWN",
        )
    for (frame, view), path in found.items():
        if view in asked:
            plate.files.append(plate_pb2.FrameFile(frame=frame, view=view, file=plate_pb2.FileRef(path=str(path))))


def _list_video(plate: job_pb2.PlateSource) -> None:
    if not plate.HasField("video"):
        plate.video.path = plate.pattern
    if not plate.shot:
        raise BadRequestError(
            f"How many frames {plate.pattern} has is not known before it is read; name them with --shot, such as"
            " --shot 1-250.",
            reason="SHOT_MISSING",
        )
    shot = parse_frames(plate.shot)
    plate.frames = format_frames(parse_frames(plate.frames)) if plate.frames else format_frames(shot)


def _list_motion(motion: job_pb2.MotionFiles, what: str) -> None:
    if motion.files:
        return
    for (frame, view), path in SequencePattern.parse(motion.pattern).on_disk().items():
        motion.files.append(plate_pb2.FrameFile(frame=frame, view=view, file=plate_pb2.FileRef(path=str(path))))
    if not motion.files:
        raise BadRequestError(
            f"No file of the {what} {motion.pattern} is there; look at its folder and name"
            + (", or name a model." if what == "motion" else "."),
            reason="MOTION_EMPTY" if what == "motion" else "PAINT_EMPTY",
        )
