"""What may be asked: checks a job before anything is kept or planned."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto.sequences import (
    DEFAULTS,
    FIGURES,
    SequenceError,
    SequencePattern,
    Threshold,
    parse_frames,
    refuse_inputs,
)
from impasto.server.errors import BadRequest, NotFound
from impasto.server.jobs.interpolation import check_interpolation, check_times
from impasto.server.models import catalogue
from impasto.v1.job_pb2 import JobSpec, Mask, MotionSource, Style
from impasto.v1.plate_pb2 import FileRef, FrameFile

PASSES = ("motion", "occlusion", "confidence", "source", "cause")
COMPRESSIONS = ("", "none", "rle", "zips", "zip", "piz", "dwaa", "dwab")
PARTINGS = ("", "detect", "none", "given")
PRECISIONS = ("", "auto", "float32", "bfloat16")
FILLS = ("", "style", "nearest", "net", "none")
MOST_FILL_MINUTES = 600.0
MEASURES = ("", "none", "quick", "full")
MAX_FRAMES = 100_000
DEFAULT_MOTION = "facets"

_SHA256 = re.compile("[0-9a-f]{64}")
_DEVICE = re.compile(r"(auto|cpu|cuda(:\d+)?)?")


@dataclass(frozen=True)
class Frames:
    """The ranges of a job, read.

    Attributes:
        shot: all frames of the shot, ascending.
        wanted: the frames wanted, ascending: of the shot, or of the output where times are changed.
    """

    shot: tuple[int, ...]
    wanted: tuple[int, ...]


def check(spec: JobSpec) -> Frames:
    """Check all of a job that can be known without its pictures.

    Returns:
        Its frames.

    Raises:
        BadRequest: the first thing that is wrong, with its cure.
        NotFound: a model is not known (`MODEL_UNKNOWN`).
    """
    _refuse_broken_paths(spec)
    kind = spec.WhichOneof("kind")
    if kind is None:
        raise BadRequest(
            "The job says not what to do; give it 'stylize', 'motion', 'interpolate', 'keys' or 'stmap'.",
            reason="KIND_MISSING",
        )
    frames = _check_frames(spec)
    _check_cuts(spec)
    _check_files(spec, frames)
    _check_output(spec, frames)
    _check_compute(spec)
    _check_motion(motion_source(spec))
    if kind == "stylize":
        _check_styles(spec, frames)
        _check_values(spec)
        _check_keys(spec, frames)
    if kind == "keys":
        _check_picking(spec, frames)
    if kind == "stmap":
        _check_in_shot(spec.stmap.key, spec, frames)
    if kind == "interpolate":
        check_interpolation(spec)
        _refuse_doubles(spec.interpolate.paint.files, "painted frames")
    return frames


def _refuse_broken_paths(spec: JobSpec) -> None:
    """Refuse paths that no system can hold."""
    paths = [spec.plate.pattern, spec.output.pattern, spec.output.sheet, *(ref.path for _, ref in file_refs(spec))]
    broken = next((path for path in paths if "\0" in path), None)
    if broken is not None:
        raise BadRequest(f"The path {broken!r} holds a zero byte; no file can be called so.", reason="FILES_INVALID")


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


def refuse_writing_onto_inputs(spec: JobSpec, frames: Sequence[int], views: Sequence[str]) -> None:
    """Refuse a job that would write a frame or sheet onto a plate, key, style or motion file, also through a link.

    Raises:
        BadRequest: it would (`OUTPUT_IS_INPUT`).
    """
    try:
        outputs = [Path(path) for path in (spec.output.sheet, spec.output.preview) if path]
        if makes_frames(spec):
            pattern = output_pattern(spec)
            outputs += [pattern.path(frame, view) for frame in frames for view in views]
        refuse_inputs(outputs, {Path(ref.path): word for word, ref in file_refs(spec) if ref.path})
    except SequenceError as error:
        raise BadRequest(str(error), reason="OUTPUT_IS_INPUT") from error


def _check_frames(spec: JobSpec) -> Frames:
    if not spec.plate.files and not spec.plate.HasField("video"):
        raise BadRequest(
            f"The plate '{spec.plate.pattern}' has no files; look at its path and frame numbers.", reason="PLATE_EMPTY"
        )
    if spec.plate.files and spec.plate.HasField("video"):
        raise BadRequest("The plate is given as frames and as a video; give one of them.", reason="PLATE_INVALID")
    shot = _frames(spec.plate.shot, "shot")
    # A job may be there for the sheet or preview of frames that stand already.
    nothing_new = not spec.plate.frames and spec.output.review_frames
    wanted = () if nothing_new else _frames(spec.plate.frames, "frames wanted")
    if spec.WhichOneof("kind") == "interpolate":
        return Frames(shot, check_times(spec, shot, wanted))
    outside = sorted(set(wanted) - set(shot))
    if outside:
        raise BadRequest(
            f"Frame {outside[0]} is wanted but is not in the shot {spec.plate.shot}; widen --shot or change --frames.",
            reason="FRAMES_OUTSIDE_SHOT",
            frame=outside[0],
        )
    return Frames(shot, wanted)


def _frames(text: str, what: str) -> tuple[int, ...]:
    if not text:
        raise BadRequest(f"The job names no {what}; give a range such as 1001-1100.", reason="FRAMES_MISSING")
    frames = _range(text, what)
    if len(frames) > MAX_FRAMES:
        raise BadRequest(
            f"The {what} are {len(frames)} frames and at most {MAX_FRAMES} are taken; cut the shot.",
            reason="FRAMES_TOO_MANY",
        )
    return frames


def _range(text: str, what: str) -> tuple[int, ...]:
    try:
        return parse_frames(text)
    except SequenceError as error:
        raise BadRequest(f"The range of the {what} is not understood: {error}", reason="RANGE_INVALID") from error


def _check_cuts(spec: JobSpec) -> None:
    wish = spec.plate
    if wish.cuts not in PARTINGS:
        raise BadRequest(
            f"'{wish.cuts}' is no way to find cuts; there are: {', '.join(PARTINGS[1:])}.", reason="CUTS_INVALID"
        )
    if wish.given_cuts and wish.cuts != "given":
        raise BadRequest("The job names cuts but does not say that they are given.", reason="CUTS_INVALID")
    last: int | None = None
    for cut in wish.given_cuts:
        if cut.until and cut.until < cut.frame:
            raise BadRequest(
                f"The dissolve {cut.frame}-{cut.until} ends before it begins.", reason="CUTS_INVALID", frame=cut.frame
            )
        if last is not None and cut.frame <= last:
            raise BadRequest(
                f"The cut at {cut.frame} comes before frame {last} of the cut before it; name cuts in order, one each.",
                reason="CUTS_INVALID",
                frame=cut.frame,
            )
        last = cut.until or cut.frame


def _check_files(spec: JobSpec, frames: Frames) -> None:
    for word, ref in file_refs(spec):
        if not _SHA256.fullmatch(ref.sha256):
            raise BadRequest(
                f"The {word} '{ref.path}' comes without its SHA-256 as 64 lower-case hexadecimal digits; "
                "let the impasto client make the job.",
                reason="DIGEST_INVALID",
            )
    _refuse_doubles(spec.plate.files, "plate")
    _refuse_doubles(motion_source(spec).files.files, "motion")
    if spec.plate.files and not {entry.frame for entry in spec.plate.files} & set(frames.shot):
        raise BadRequest(
            f"No file of the plate '{spec.plate.pattern}' is a frame of the shot {spec.plate.shot}; "
            "look at its frame numbers.",
            reason="PLATE_EMPTY",
        )


def _refuse_doubles(files: Sequence[FrameFile], what: str) -> None:
    seen: set[tuple[int, str]] = set()
    for entry in files:
        if (entry.frame, entry.view) in seen:
            raise BadRequest(
                f"The {what} names two files for frame {entry.frame}{f' of {entry.view}' if entry.view else ''}; "
                "name one.",
                reason="FRAME_TWICE",
                frame=entry.frame,
            )
        seen.add((entry.frame, entry.view))


def _check_output(spec: JobSpec, frames: Frames) -> None:
    if spec.output.sheet and not spec.output.sheet.lower().endswith(".png"):
        raise BadRequest(
            f"The sheet '{spec.output.sheet}' is no PNG; let its name end in .png.", reason="OUTPUT_INVALID"
        )
    if spec.output.preview and not spec.output.preview.lower().endswith(".mp4"):
        raise BadRequest(
            f"The preview '{spec.output.preview}' is no MP4; let its name end in .mp4.", reason="OUTPUT_INVALID"
        )
    if spec.output.review_frames:
        _range(spec.output.review_frames, "frames of the review")
    _check_quality(spec)
    if makes_frames(spec):
        _check_frames_out(spec, frames)


def _check_quality(spec: JobSpec) -> None:
    wish = spec.output.quality
    if wish.measure not in MEASURES:
        raise BadRequest(
            f"Quality is not measured '{wish.measure}'; say {', '.join(MEASURES[1:])}.", reason="QUALITY_UNKNOWN"
        )
    if wish.fail_on not in ("", "yellow", "red"):
        raise BadRequest(f"A job cannot fail on '{wish.fail_on}'; say yellow or red.", reason="QUALITY_UNKNOWN")
    if wish.fail_on and wish.measure == "none":
        raise BadRequest(
            f"Nothing is measured, so no frame can be {wish.fail_on}; leave out --fail-on or --quality none.",
            reason="QUALITY_UNKNOWN",
        )
    for threshold in wish.thresholds:
        if threshold.figure not in FIGURES:
            raise BadRequest(
                f"There is no number '{threshold.figure}' to grade by; there are: {', '.join(FIGURES)}.",
                reason="QUALITY_UNKNOWN",
            )
        limits = [getattr(threshold, name) for name in ("yellow", "red") if threshold.HasField(name)]
        if not limits or not all(map(math.isfinite, limits)):
            raise BadRequest(
                f"The threshold of {threshold.figure} names no number; give one for yellow, one for red, or both.",
                reason="VALUE_INVALID",
            )


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


def _check_frames_out(spec: JobSpec, frames: Frames) -> None:
    if not spec.output.pattern:
        raise BadRequest("The job names no output; give a pattern such as out/shot.####.exr.", reason="OUTPUT_INVALID")
    pattern = output_pattern(spec)
    if not spec.output.pattern.lower().endswith(".exr"):
        raise BadRequest(
            f"The output '{spec.output.pattern}' is no EXR; let its name end in .exr.", reason="OUTPUT_INVALID"
        )
    if not pattern.has_frames and len(frames.wanted) > 1:
        raise BadRequest(
            f"The output '{spec.output.pattern}' is one file for {len(frames.wanted)} frames; "
            "put #### where the frame number goes.",
            reason="OUTPUT_INVALID",
        )
    for name in spec.output.passes:
        if name not in PASSES:
            raise BadRequest(f"There is no pass '{name}'; there are: {', '.join(PASSES)}.", reason="PASS_UNKNOWN")
    if spec.output.compression not in COMPRESSIONS:
        raise BadRequest(
            f"There is no compression '{spec.output.compression}'; there are: {', '.join(COMPRESSIONS[1:])}.",
            reason="COMPRESSION_UNKNOWN",
        )
    if not re.fullmatch(r"[A-Za-z0-9_]*", spec.output.layer_prefix):
        raise BadRequest(
            f"The layer prefix '{spec.output.layer_prefix}' may hold letters, digits and _ only.",
            reason="OUTPUT_INVALID",
        )


def _check_compute(spec: JobSpec) -> None:
    wish = spec.compute
    if not _DEVICE.fullmatch(wish.device):
        raise BadRequest(f"There is no device '{wish.device}'; say auto, cpu or cuda:N.", reason="DEVICE_UNKNOWN")
    if wish.threads < 0:
        raise BadRequest(f"{wish.threads} threads cannot work; give 1 or more, or 0 for all.", reason="VALUE_INVALID")
    if wish.precision not in PRECISIONS:
        raise BadRequest(
            f"There is no precision '{wish.precision}'; say auto, float32 or bfloat16.", reason="PRECISION_UNKNOWN"
        )


def _check_motion(source: MotionSource) -> None:
    kind = source.WhichOneof("source")
    if kind == "files" and not source.files.files:
        raise BadRequest(
            f"The motion '{source.files.pattern}' has no files; look at its path and frame numbers.",
            reason="MOTION_EMPTY",
        )
    if kind in (None, "model"):
        catalogue.find(source.model or DEFAULT_MOTION, "flow")


def _check_styles(spec: JobSpec, frames: Frames) -> None:
    from impasto.server.models.style import presets

    wish = spec.stylize
    if not wish.styles and not wish.keys:
        raise BadRequest("The job has neither a style nor a key; give --style or --key.", reason="LOOK_MISSING")
    for style in wish.styles:
        if not style.HasField("file") and style.name not in presets.presets():
            raise NotFound(
                f"There is no style '{style.name}': it is no file and no preset; presets are: "
                f"{', '.join(sorted(presets.presets()))}.",
                reason="STYLE_UNKNOWN",
            )
        shown = _range(style.frames, f"style {style.name}") if style.frames else frames.shot
        if not set(shown) & set(frames.shot):
            raise BadRequest(
                f"The style {style.name} is for frames {style.frames}, none of which is in the shot {spec.plate.shot}; "
                "change its frames= or widen --shot.",
                reason="RANGE_INVALID",
            )
        _check_weight(style)
        if style.HasField("mask"):
            _check_mask(style.mask, f"style {style.name}", set(shown) & set(frames.shot), spec)
    if wish.styles and all(style.HasField("weight") and style.weight == 0 for style in wish.styles):
        raise BadRequest("Every style has the weight 0; give one of them more.", reason="VALUE_INVALID")
    if wish.HasField("mask"):
        _check_mask(wish.mask, "job", set(frames.wanted), spec)


def _check_weight(style: Style) -> None:
    most = 1.0 if style.HasField("mask") else math.inf
    if style.HasField("weight") and not (math.isfinite(style.weight) and 0 <= style.weight <= most):
        allowed = "between 0 and 1, as it has a mask" if style.HasField("mask") else "0 or more"
        raise BadRequest(
            f"The style {style.name} has the weight {style.weight:g}; it is {allowed}.", reason="VALUE_INVALID"
        )


def _check_mask(mask: Mask, whose: str, needed: set[int], spec: JobSpec) -> None:
    if mask.WhichOneof("source") is None:
        raise BadRequest(f"The mask of the {whose} names neither a layer nor files.", reason="MASK_EMPTY")
    if mask.WhichOneof("source") == "layer":
        return
    there = {entry.frame for entry in mask.files.files}
    if not there:
        raise BadRequest(
            f"The mask '{mask.files.pattern}' has no files; look at its path and frame numbers.", reason="MASK_EMPTY"
        )
    _refuse_doubles(mask.files.files, "mask")
    plate = {entry.frame for entry in spec.plate.files} or needed
    missing = sorted((needed & plate) - there) if numbered(mask) else []
    if missing:
        raise BadRequest(
            f"The mask '{mask.files.pattern}' has no frame {missing[0]}; render it, or leave it out of the range.",
            reason="MASK_MISSING",
            frame=missing[0],
        )


def _check_values(spec: JobSpec) -> None:
    from impasto.server.models.style import looks, statistics

    wish = spec.stylize
    looks.check(wish.look, wish.look_parameters)
    kinds = [kind.value for kind in statistics.Statistics]
    if wish.statistics and wish.statistics not in kinds:
        raise BadRequest(
            f"There are no statistics '{wish.statistics}'; say {', '.join(kinds[:-1])} or {kinds[-1]}.",
            reason="VALUE_INVALID",
        )
    scale = looks.STYLE_SCALE
    if wish.every < 0:
        raise BadRequest(f"Every {wish.every} frames cannot be painted; give 1 or more.", reason="VALUE_INVALID")
    ranges = {"strength": (0.0, 1.0), "style_scale": (scale.minimum, scale.maximum), "relight": (0.0, 1.0)}
    for name, (low, high) in ranges.items():
        value = getattr(wish, name)
        if wish.HasField(name) and not low <= value <= high:
            raise BadRequest(
                f"{name.replace('_', '-').capitalize()} is {value:g}; it lies between {low:g} and {high:g}.",
                reason="VALUE_INVALID",
            )


def _check_keys(spec: JobSpec, frames: Frames) -> None:
    seen: set[int] = set()
    for key in spec.stylize.keys:
        _check_in_shot(key.frame, spec, frames)
        if key.frame in seen:
            raise BadRequest(f"Frame {key.frame} has two keys; give one.", reason="FRAME_TWICE", frame=key.frame)
        seen.add(key.frame)
        if key.HasField("weight") and not (math.isfinite(key.weight) and key.weight > 0):
            raise BadRequest(
                f"The key of frame {key.frame} has weight {key.weight:g}; it must be above 0.", reason="VALUE_INVALID"
            )
        if key.hold:
            _range(key.hold, f"hold of key {key.frame}")
        if key.HasField("mask"):
            _check_mask(key.mask, f"key of frame {key.frame}", {key.frame}, spec)
    _check_fill(spec)


def _check_fill(spec: JobSpec) -> None:
    wish = spec.stylize
    if wish.fill not in FILLS:
        raise BadRequest(f"There is no fill '{wish.fill}'; there are: {', '.join(FILLS[1:])}.", reason="FILL_UNKNOWN")
    if wish.fill and not wish.keys:
        raise BadRequest(
            f"The fill '{wish.fill}' is for what no key sees, and there is no key; give --key, or leave out --fill.",
            reason="FILL_UNKNOWN",
        )
    if wish.HasField("fill_minutes") and not 0 < wish.fill_minutes <= MOST_FILL_MINUTES:
        raise BadRequest(
            f"Fill-minutes is {wish.fill_minutes:g}; it lies above 0 and up to {MOST_FILL_MINUTES:g}.",
            reason="VALUE_INVALID",
        )


def _check_in_shot(key: int, spec: JobSpec, frames: Frames) -> None:
    if key not in frames.shot:
        raise BadRequest(
            f"The key of frame {key} is not in the shot {spec.plate.shot}; widen --shot or leave it out.",
            reason="KEY_OUTSIDE_SHOT",
            frame=key,
        )


def _check_picking(spec: JobSpec, frames: Frames) -> None:
    wish = spec.keys
    if wish.HasField("share") and not 0 < wish.share <= 1:
        raise BadRequest(f"Share is {wish.share:g}; it lies above 0 and up to 1.", reason="VALUE_INVALID")
    if wish.most < 0:
        raise BadRequest(f"{wish.most} keys cannot be picked; give 1 or more, or 0 for any.", reason="VALUE_INVALID")
    for frame in _range(wish.painted, "painted frames") if wish.painted else ():
        _check_in_shot(frame, spec, frames)
