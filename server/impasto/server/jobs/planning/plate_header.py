"""Looks into the first frame of a plate that can be read, so that a job can be planned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from impasto.server import plates
from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest, FrameError
from impasto.server.jobs.planning.check import check
from impasto.v1.job_pb2 import JobSpec
from impasto.v1.plate_pb2 import FileRef


def first_header(
    spec: JobSpec,
    local: Callable[[FileRef], Path],
    head: Callable[[FileRef], Path | None],
    config: ServerConfig,
) -> plates.Header | None:
    """The header of the first frame of the shot that can be read; None where none can.

    Args:
        spec: the job, checked.
        local: local path of a file; raises `FrameError`.
        head: local path of one of which only the first bytes are here; None where they are not.
        config: gives the largest picture taken.

    Raises:
        BadRequest: no frame can be read, and the first is of a kind that is refused.
    """
    limits = picture_limits(config)
    shot = check(spec).shot
    if spec.plate.HasField("video"):
        try:
            return plates.open_video(local(spec.plate.video), limits).header(shot[0])
        except FrameError:
            return None
    in_shot = set(shot)
    refused: BadRequest | None = None
    for entry in sorted((e for e in spec.plate.files if e.frame in in_shot), key=lambda e: e.frame):
        try:
            beginning = head(entry.file)
            return plates.read_head(beginning, limits) if beginning else plates.read_header(local(entry.file), limits)
        except FrameError:
            continue
        except BadRequest as error:
            refused = refused or error
    if refused is not None:
        raise refused
    return None


def picture_limits(config: ServerConfig) -> plates.Limits:
    """The largest picture this server takes."""
    return plates.Limits(max_pixels=config.max_pixels, max_bytes=config.max_bytes)
