"""What a job is expected to cost: time, memory and disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from impasto.server.jobs.planning.check_ranges import Frames
from impasto.server.jobs.planning.digest import FILL_MINUTES, fill_of, looks_used, value_of
from impasto.server.jobs.planning.spec import makes_frames, motion_model
from impasto.v1.job_pb2 import JobSpec

if TYPE_CHECKING:
    from impasto.server.plates import Header


SECONDS_PER_MEGAPIXEL = {
    "dis": 2.0,
    "facets": 6.0,
    "deepflow": 12.0,
    "swd": 65.0,
    "johnson": 12.0,
    "gatys": 600.0,
    "styleformer": 30.0,
}
"""Expected seconds a frame of a million pixels takes in a model, both directions of motion, on 2 CPU cores."""

SECONDS_AROUND = 3.0
"""The same for reading, carrying, resampling and writing."""

SECONDS_OF_PICKING = 0.017
"""What it takes to carry one key's paint, small, by a frame."""

BYTES_PER_PIXEL_WORKING = 900
"""Peak memory of the picture-making beside the plates: about 225 float32 planes."""

KEPT, BYTES_PER_PIXEL_KEPT = 1 << 30, 500
"""Freed memory that the C library keeps rather than give it back: so much at most, less for small pictures. Having it
give large blocks back at once saves a third of the peak at 1920x1080 and doubles the CPU time of painting."""

BYTES_PER_PIXEL_OF_PASS = {"motion": 16, "occlusion": 4, "confidence": 4, "source": 14, "cause": 2, "depth": 4}
"""Uncompressed bytes a pass adds to a pixel."""


def expected_seconds(spec: JobSpec, frames: Frames, pixels: int, views: int) -> float:
    """Expected time: motion of the whole shot, then paint and the rest for the frames wanted.

    A frame costs its megapixels times the model's seconds. With keys a third of each frame, without a whole frame
    once and a fifth of each further one, is painted by a look; with consistency below 1 each frame once more.
    """
    megapixels = pixels / 1e6 * max(views, 1)
    model = motion_model(spec)
    seconds = len(frames.shot) * SECONDS_PER_MEGAPIXEL.get(model, 5.0 if model else 0.2)
    seconds += len(frames.wanted) * SECONDS_AROUND
    once = 0.0
    if spec.WhichOneof("kind") == "keys" and pixels:
        once = SECONDS_OF_PICKING * min(len(frames.wanted), 48) * len(frames.shot)
    if spec.WhichOneof("kind") == "stylize":
        first, further = (0.0, 1 / 3) if spec.stylize.keys else (1.0, 1 / 5)
        if value_of(spec.stylize, "consistency", 1.0) < 1:
            further += 1
        per_megapixel = max(SECONDS_PER_MEGAPIXEL.get(name, 5.0) for name in looks_used(spec))
        if fill_of(spec) == "net":
            once, per_megapixel = 60 * value_of(spec.stylize, "fill_minutes", FILL_MINUTES), 4.0
        if fill_of(spec) == "colours":
            per_megapixel = 0.2
        seconds += per_megapixel * max(1, len(spec.stylize.styles)) * (first + further * len(frames.wanted))
    return round(seconds * megapixels + once, 3)


def expected_peak(spec: JobSpec, pixels: int) -> int:
    """Expected peak memory: 1 GiB for the program, 256 MiB of open plates, the planes of the picture-making, and what
    is freed and kept."""
    working = BYTES_PER_PIXEL_WORKING + 12 * 4 * len(spec.stylize.keys)
    kept = min(KEPT, BYTES_PER_PIXEL_KEPT * pixels)
    return (1 << 30) + (256 << 20) + working * pixels + kept if pixels else 0


def expected_disk(spec: JobSpec, frames: Frames, pixels: int, views: int, header: Header | None) -> int:
    """Expected size of the output, uncompressed: the plate's own channels, and the passes of every view."""
    if header is None or not makes_frames(spec):
        return 0
    own = sum(dtype.itemsize for dtype in header.channels.values())
    passes = sum(BYTES_PER_PIXEL_OF_PASS[name] for name in set(spec.output.passes)) * max(views, 1)
    if spec.WhichOneof("kind") == "stmap":
        passes += 10 * max(views, 1)
    return len(frames.wanted) * pixels * (own + passes)
