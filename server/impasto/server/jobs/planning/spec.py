"""What a job says: its files, its motion, its masks and where its frames go, read out of its message."""

from __future__ import annotations

from collections.abc import Iterator

from impasto.sequences import DEFAULTS, SequenceError, SequencePattern, Threshold
from impasto.server.errors import BadRequest
from impasto.v1.job_pb2 import JobSpec, Mask, MotionSource
from impasto.v1.plate_pb2 import FileRef, FrameFile

DEFAULT_MOTION = "facets"
_SAMPLES = 16


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


def depth_model(spec: JobSpec) -> str:
    """Id of the model that estimates depth; empty where none does."""
    from impasto.server.models.catalogue import catalogue

    model = catalogue().get(spec.plate.depth)
    return spec.plate.depth if model is not None and model.family == "depth" else ""


def file_refs(spec: JobSpec) -> Iterator[tuple[str, FileRef]]:
    """Every file a job names, each with the word for it, in the order in which the work needs them.

    Keys and looks come first. Of every shot, as far as cuts are given, then 16 plate frames spread evenly, which the
    analysis reads, then the rest frame by frame, each with the pictures that belong to it.
    """
    all_masks = [*masks(spec), *key_masks(spec)]
    yield from ((f"key of frame {key.frame}", key.file) for key in spec.stylize.keys)
    yield from (("style", style.file) for style in spec.stylize.styles if style.HasField("file"))
    yield from (("mask", mask.files.files[0].file) for mask in all_masks if mask.files.files)
    if spec.plate.HasField("video"):
        yield "plate", spec.plate.video
    beside = [("mask", entry) for mask in all_masks for entry in mask.files.files[1:]]
    beside += [("painted frame", entry) for entry in spec.interpolate.paint.files]
    beside += [("motion file", entry) for entry in motion_source(spec).files.files]
    for files, last in _by_shot(spec):
        spread = _spread(files)
        yield from (("plate", entry.file) for entry in spread)
        rest = [("plate", entry) for entry in files if entry not in spread]
        rest += [(word, entry) for word, entry in beside if last is None or entry.frame <= last]
        beside = [(word, entry) for word, entry in beside if last is not None and entry.frame > last]
        yield from ((word, entry.file) for word, entry in sorted(rest, key=lambda named: named[1].frame))


def files_needed_first(spec: JobSpec) -> frozenset[str]:
    """Files without which a job cannot begin, by SHA-256: what is no frame of a sequence, and the analysis' frames."""
    needed = {key.file.sha256 for key in spec.stylize.keys}
    needed |= {style.file.sha256 for style in spec.stylize.styles if style.HasField("file")}
    needed |= {mask.files.files[0].file.sha256 for mask in [*masks(spec), *key_masks(spec)] if mask.files.files}
    if spec.plate.HasField("video"):
        needed.add(spec.plate.video.sha256)
    first, _ = next(_by_shot(spec))
    needed |= {entry.file.sha256 for entry in _spread(first)}
    needed |= {entry.file.sha256 for entry in spec.plate.files if not _is_exr(entry)}
    return frozenset(needed)


def plate_heads(spec: JobSpec) -> frozenset[str]:
    """Files of the plate that tell what they are in their first bytes, by SHA-256."""
    return frozenset(entry.file.sha256 for entry in spec.plate.files if _is_exr(entry))


def _is_exr(entry: FrameFile) -> bool:
    return entry.file.path.lower().endswith(".exr")


def _by_shot(spec: JobSpec) -> Iterator[tuple[list[FrameFile], int | None]]:
    """The plate's files of each shot that given cuts part, and its last frame, None for the last shot; at least one."""
    files = sorted(spec.plate.files, key=lambda entry: (entry.frame, entry.view))
    for cut in spec.plate.given_cuts:
        before = [entry for entry in files if entry.frame < cut.frame]
        if before:
            yield before, cut.frame - 1
            files = files[len(before) :]
    yield files, None


def _spread(files: list[FrameFile]) -> list[FrameFile]:
    """Up to 16 of them, spread evenly, as `shots.analysis` picks its frames."""
    if len(files) <= _SAMPLES:
        return files
    return [files[place] for place in sorted({round(n * (len(files) - 1) / (_SAMPLES - 1)) for n in range(_SAMPLES)})]


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
