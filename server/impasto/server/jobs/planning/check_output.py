"""What may be asked of the files a job writes, and of what is measured of them."""

from __future__ import annotations

import math
import re

from impasto.sequences import FIGURES
from impasto.server.errors import BadRequest
from impasto.server.jobs.planning.check_ranges import Frames, read_range
from impasto.server.jobs.planning.spec import makes_frames, output_pattern
from impasto.v1.job_pb2 import JobSpec

PASSES = ("motion", "occlusion", "confidence", "source", "cause", "depth")

COMPRESSIONS = ("", "none", "rle", "zips", "zip", "piz", "dwaa", "dwab")

MATTES = {"soft": (0.0, 100.0), "erode": (-100.0, 100.0), "blur": (0.0, 100.0), "gain": (0.0, 10.0)}
"""Ranges of `MatteParameters`."""

MEASURES = ("", "none", "quick", "full")


def check_output(spec: JobSpec, frames: Frames) -> None:
    """Refuse an output that cannot be written as asked, or graded so (`BadRequest`)."""
    if spec.output.sheet and not spec.output.sheet.lower().endswith(".png"):
        raise BadRequest(
            f"The sheet '{spec.output.sheet}' is no PNG; let its name end in .png.", reason="OUTPUT_INVALID"
        )
    if spec.output.preview and not spec.output.preview.lower().endswith(".mp4"):
        raise BadRequest(
            f"The preview '{spec.output.preview}' is no MP4; let its name end in .mp4.", reason="OUTPUT_INVALID"
        )
    if spec.output.review_frames:
        read_range(spec.output.review_frames, "frames of the review")
    _check_quality(spec)
    _check_mattes(spec)
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


def _check_mattes(spec: JobSpec) -> None:
    for name, (low, high) in MATTES.items():
        if not low <= (value := getattr(spec.mattes, name)) <= high:
            raise BadRequest(
                f"Matte-{name} is {value:g}; it lies between {low:g} and {high:g}.", reason="VALUE_INVALID"
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
