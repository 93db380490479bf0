"""What a job says: its files, its motion, its masks and where its frames go, read out of its message."""

from __future__ import annotations

from collections.abc import Iterator

from impasto.sequences import DEFAULTS, SequenceError, SequencePattern, Threshold
from impasto.server.errors import BadRequest
from impasto.v1.job_pb2 import JobSpec, Mask, MotionSource
from impasto.v1.plate_pb2 import FileRef

DEFAULT_MOTION = "facets"


def makes_frames(spec: JobSpec) -> bool:
    """Whether a job writes frames; one that picks keys only tells of them."""
    kind: str | None = spec.WhichOneof("kind")
    return kind != "keys"


def motion_source(spec: JobSpec) -> MotionSource:
    """The part of a job that says where motion comes from."""
    source: MotionSource = getattr(spec, spec.WhichOneof("kind") or "stylize").motion
    return source


def motion_model(spec: JobSpec) -> str:
    """Id of the model that computes motion; empty where motion is given."""
    source = motion_source(spec)
    return "" if source.WhichOneof("source") in ("plate", "files") else source.model or DEFAULT_MOTION


def file_refs(spec: JobSpec) -> Iterator[tuple[str, FileRef]]:
    """Every file a job names, each with the word for it, in the order in which the work needs them.

    Keys and looks come first, then 16 plate frames spread evenly, which the analysis reads, then the rest.
    """
    yield from ((f"key of frame {key.frame}", key.file) for key in spec.stylize.keys)
    yield from (("style", style.file) for style in spec.stylize.styles if style.HasField("file"))
    yield from (("mask", entry.file) for mask in [*masks(spec), *key_masks(spec)] for entry in mask.files.files)
    if spec.plate.HasField("video"):
        yield "plate", spec.plate.video
    files = sorted(spec.plate.files, key=lambda entry: (entry.frame, entry.view))
    first = {round(place * (len(files) - 1) / 15) for place in range(16)} if len(files) > 16 else set()
    yield from (("plate", files[place].file) for place in sorted(first))
    yield from (("plate", entry.file) for place, entry in enumerate(files) if place not in first)
    yield from (("painted frame", entry.file) for entry in spec.interpolate.paint.files)
    yield from (("motion file", entry.file) for entry in motion_source(spec).files.files)


def masks(spec: JobSpec) -> Iterator[Mask]:
    """Every mask of a job: that of the whole, then those of its styles. Their layers are the plate's."""
    if spec.stylize.HasField("mask"):
        yield spec.stylize.mask
    yield from (style.mask for style in spec.stylize.styles if style.HasField("mask"))


def key_masks(spec: JobSpec) -> Iterator[Mask]:
    """The masks of a job's keys. Their layers are the key's own."""
    yield from (key.mask for key in spec.stylize.keys if key.HasField("mask"))


def numbered(mask: Mask) -> bool:
    """Whether a mask of pictures has one for every frame, not one for all."""
    return any(mark in mask.files.pattern for mark in "#%$") or len(mask.files.files) > 1


def output_pattern(spec: JobSpec) -> SequencePattern:
    """Where frames are written.

    Raises:
        BadRequest: the pattern cannot be read (`OUTPUT_INVALID`).
    """
    try:
        return SequencePattern.parse(spec.output.pattern)
    except SequenceError as error:
        raise BadRequest(f"The output is not understood: {error}", reason="OUTPUT_INVALID") from error


def thresholds(spec: JobSpec) -> tuple[Threshold, ...]:
    """By what a job's frames are graded."""
    return (
        tuple(
            Threshold(
                each.figure,
                each.yellow if each.HasField("yellow") else None,
                each.red if each.HasField("red") else None,
                each.below,
            )
            for each in spec.output.quality.thresholds
        )
        or DEFAULTS
    )
