"""What may be asked: checks a job before anything is kept or planned."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from impasto.sequences import SequenceError, refuse_inputs
from impasto.server.errors import BadRequest
from impasto.server.jobs.planning.check_output import check_output
from impasto.server.jobs.planning.check_painting import check_keys, check_styles, check_values
from impasto.server.jobs.planning.check_ranges import (
    Frames,
    read_frames,
    read_range,
    refuse_doubles,
    refuse_outside_shot,
)
from impasto.server.jobs.planning.check_times import check_interpolation, check_times
from impasto.server.jobs.planning.spec import (
    DEFAULT_MOTION,
    depth_model,
    file_refs,
    makes_frames,
    motion_source,
    output_pattern,
)
from impasto.server.models import catalogue
from impasto.v1.job_pb2 import JobSpec, MotionSource

PARTINGS = ("", "detect", "none", "given")

PRECISIONS = ("", "auto", "float32", "bfloat16")

_SHA256 = re.compile("[0-9a-f]{64}")

_DEVICE = re.compile(r"(auto|cpu|cuda(:\d+)?)?")


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
    check_output(spec, frames)
    _check_compute(spec)
    _check_motion(motion_source(spec))
    _check_depth(spec)
    if kind == "stylize":
        check_styles(spec, frames)
        check_values(spec)
        check_keys(spec, frames)
    if kind == "keys":
        _check_picking(spec, frames)
    if kind == "stmap":
        refuse_outside_shot(spec.stmap.key, spec, frames)
    if kind == "interpolate":
        check_interpolation(spec)
        refuse_doubles(spec.interpolate.paint.files, "painted frames")
    return frames


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


def _refuse_broken_paths(spec: JobSpec) -> None:
    """Refuse paths that no system can hold."""
    paths = [spec.plate.pattern, spec.output.pattern, spec.output.sheet, *(ref.path for _, ref in file_refs(spec))]
    broken = next((path for path in paths if "\0" in path), None)
    if broken is not None:
        raise BadRequest(f"The path {broken!r} holds a zero byte; no file can be called so.", reason="FILES_INVALID")


def _check_frames(spec: JobSpec) -> Frames:
    if not spec.plate.files and not spec.plate.HasField("video"):
        raise BadRequest(
            f"The plate '{spec.plate.pattern}' has no files; look at its path and frame numbers.", reason="PLATE_EMPTY"
        )
    if spec.plate.files and spec.plate.HasField("video"):
        raise BadRequest("The plate is given as frames and as a video; give one of them.", reason="PLATE_INVALID")
    shot = read_frames(spec.plate.shot, "shot")
    # A job may be there for the sheet or preview of frames that stand already.
    nothing_new = not spec.plate.frames and spec.output.review_frames
    wanted = () if nothing_new else read_frames(spec.plate.frames, "frames wanted")
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
    refuse_doubles(spec.plate.files, "plate")
    refuse_doubles(motion_source(spec).files.files, "motion")
    if spec.plate.files and not {entry.frame for entry in spec.plate.files} & set(frames.shot):
        raise BadRequest(
            f"No file of the plate '{spec.plate.pattern}' is a frame of the shot {spec.plate.shot}; "
            "look at its frame numbers.",
            reason="PLATE_EMPTY",
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


def _check_depth(spec: JobSpec) -> None:
    wish = spec.plate
    if wish.depth_near not in ("", "low", "high"):
        raise BadRequest(
            f"Depth is not near where it is '{wish.depth_near}'; say near=low or near=high.", reason="DEPTH_INVALID"
        )
    if wish.depth_near and (wish.depth == "none" or depth_model(spec)):
        raise BadRequest(
            f"Which values are near is said of a layer of the plate, and the depth is {wish.depth}; leave out near=.",
            reason="DEPTH_INVALID",
        )
    if wish.depth == "none" and "depth" in spec.output.passes:
        raise BadRequest(
            "The pass depth is asked for, and no depth is to be used; leave out one of them.", reason="DEPTH_MISSING"
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


def _check_picking(spec: JobSpec, frames: Frames) -> None:
    wish = spec.keys
    if wish.HasField("share") and not 0 < wish.share <= 1:
        raise BadRequest(f"Share is {wish.share:g}; it lies above 0 and up to 1.", reason="VALUE_INVALID")
    if wish.most < 0:
        raise BadRequest(f"{wish.most} keys cannot be picked; give 1 or more, or 0 for any.", reason="VALUE_INVALID")
    for frame in read_range(wish.painted, "painted frames") if wish.painted else ():
        refuse_outside_shot(frame, spec, frames)
