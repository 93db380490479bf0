"""The masks of a job, read frame by frame: a layer of the plate, or pictures of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from impasto.server import plates
from impasto.server.errors import BadRequest, FrameError
from impasto.server.jobs.inputs.source import PlateShot
from impasto.server.jobs.planning.check_files import check_mask_size
from impasto.server.jobs.planning.spec import numbered
from impasto.server.jobs.task import Task
from impasto.v1.job_pb2 import Mask

_KEPT = 8
"""Masks held in memory."""


def read_mask(task: Task, wish: Mask, shot: PlateShot, display: plates.Window) -> Callable[[int], Tensor]:
    """A mask by frame, (1, 1, H, W) float32 in 0..1 on the shot's raster; 0 where the plate's frame is missing.

    The function raises BadRequest where a mask cannot be read (`MASK_UNREADABLE`), has no such layer (`MASK_LAYER`)
    or is of another size than the plate (`MASK_SIZE`).
    """
    one = _of_plate(wish.layer, shot) if wish.WhichOneof("source") == "layer" else _of_files(task, wish, shot, display)
    return lru_cache(_KEPT)(one)


def _of_plate(layer: str, shot: PlateShot) -> Callable[[int], Tensor]:
    def read(frame: int) -> Tensor:
        if not shot.readable(frame):
            return torch.zeros(1, 1, shot.height, shot.width)
        try:
            values = plates.mask(shot.source.plate(frame), shot.view, shot.raster, layer)
        except FrameError as error:
            raise BadRequest(error.message, reason=error.reason, frame=frame) from error
        return torch.from_numpy(values)[None, None]

    return read


def _of_files(task: Task, wish: Mask, shot: PlateShot, display: plates.Window) -> Callable[[int], Tensor]:
    files = {entry.frame: entry.file for entry in wish.files.files if entry.view in ("", shot.view)}
    for_all = not numbered(wish)

    def read(frame: int) -> Tensor:
        file = next(iter(files.values())) if for_all else files[frame]
        name = file.path or wish.files.pattern
        try:
            picture = task.checked(file, lambda path: plates.read(path, task.limits))
            size = picture.display_window
            check_mask_size(name, size, display)
            at_plate = plates.moved(picture, display.x0 - size.x0, display.y0 - size.y0)
            view = shot.view if shot.view in at_plate.views else at_plate.views[0]
            values = plates.mask(at_plate, view, shot.raster)
        except FrameError as error:
            raise BadRequest(
                f"The mask {name} cannot be read: {error.message}", reason="MASK_UNREADABLE", frame=frame
            ) from error
        return torch.from_numpy(values)[None, None]

    return read
