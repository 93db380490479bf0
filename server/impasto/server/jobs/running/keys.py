"""The keys of a job: read, laid on the plate's format, masked."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.sequences import SequenceError, parse_frames
from impasto.server import plates
from impasto.server.errors import BadRequest, FrameError
from impasto.server.jobs.inputs.source import PlateShot
from impasto.server.jobs.running.masks import read_mask
from impasto.server.jobs.task import Task
from impasto.server.plates.raster import spread
from impasto.server.shots.keys import Key
from impasto.v1.job_pb2 import Key as KeySpec


def read_keys(task: Task, shot: PlateShot, display: plates.Window) -> tuple[Key, ...]:
    """The keys of a stylize job by frame.

    Raises:
        BadRequest: a key cannot be read (`KEY_UNREADABLE`), is of another size or shape (`KEY_SIZE`), or paints nothing
            (`KEY_EMPTY`); or its mask cannot be read.
    """
    wish = sorted(task.spec.stylize.keys, key=lambda key: key.frame)
    return tuple(_key(task, key, shot, display) for key in wish)


def _key(task: Task, wish: KeySpec, shot: PlateShot, display: plates.Window) -> Key:
    name = wish.file.path or f"key {wish.frame}"
    try:
        read = task.checked(wish.file, lambda path: plates.read(path, task.limits))
    except FrameError as error:
        raise BadRequest(
            f"The key of frame {wish.frame} cannot be read: {error.message}", reason="KEY_UNREADABLE"
        ) from error
    plate, there = _on_format(read, display, task.spec.stylize.scale_keys, name, wish.frame)
    colour = plates.ColourSpace.resolve(task.spec.colour.key, plate)
    view = shot.view if shot.view in plate.views else plate.views[0]
    rgb, _, _ = plates.picture(plate, view, shot.raster, colour)
    coverage = _laid(there, plate.data_window, shot.raster)
    if not coverage.any():
        raise BadRequest(f"The key {name} lies wholly outside the plate; look at its data window.", reason="KEY_EMPTY")
    digest = f"{wish.file.sha256}/{colour.name}/{(plate.data_window, plate.display_window)}"
    if wish.HasField("mask"):
        coverage = coverage * _mask(task, wish, plate, view, shot, display)
        if not coverage.any():
            raise BadRequest(f"The mask of key {name} is empty, so it paints nothing.", reason="KEY_EMPTY")
        files = ",".join(f"{entry.frame}:{entry.file.sha256}" for entry in wish.mask.files.files)
        digest += f"/mask {wish.mask.layer} {files}"
    elif _transparent(plate, view):
        task.listener.warning(
            f"The key {name} has transparent parts, which are painted too; say mask=alpha if they are not to be."
        )
    return Key(
        frame=wish.frame,
        picture=torch.from_numpy(np.ascontiguousarray(rgb))[None],
        coverage=coverage,
        weight=wish.weight if wish.HasField("weight") else 1.0,
        hold=_hold(wish),
        digest=digest,
    )


def _on_format(
    key: plates.Plate, display: plates.Window, scale: bool, name: str, frame: int
) -> tuple[plates.Plate, NDArray[np.float32]]:
    """The key with its format on the plate's, and where it has pixels, (H, W) 0..1 over its data window."""
    size = key.display_window
    if (size.width, size.height) != (display.width, display.height):
        same_shape = abs(size.width * display.height / size.height - display.width) < 1
        if not (scale and same_shape):
            otherwise = "say --scale-keys, or " if same_shape else "its shape differs, "
            raise BadRequest(
                f"The key {name} is {size.width}x{size.height} and the plate {display.width}x{display.height}; "
                f"{otherwise}paint it at the plate's size.",
                reason="KEY_SIZE",
                frame=frame,
            )
        return _scaled(key, display)
    moved = plates.moved(key, display.x0 - size.x0, display.y0 - size.y0)
    return moved, np.ones((moved.data_window.height, moved.data_window.width), np.float32)


def _scaled(key: plates.Plate, display: plates.Window) -> tuple[plates.Plate, NDArray[np.float32]]:
    """The key brought to the plate's format; what lies outside the key's own format is left out."""
    size = key.display_window
    smaller = display.width < size.width
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC

    def resized(plane: NDArray[np.float32], how: int) -> NDArray[np.float32]:
        result: NDArray[np.float32] = cv2.resize(plane, (display.width, display.height), interpolation=how)
        return result

    channels = {
        name: resized(spread(plane.astype(np.float32), key.data_window, size), method)
        for name, plane in key.channels.items()
    }
    rows, columns = (np.arange(start, stop) for start, stop in ((size.y0, size.y1), (size.x0, size.x1)))
    window = key.data_window
    inside = ((rows >= window.y0) & (rows < window.y1))[:, None] & ((columns >= window.x0) & (columns < window.x1))
    there = resized(inside.astype(np.float32), cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return dataclasses.replace(key, channels=channels, data_window=display, display_window=display), there


def _laid(there: NDArray[np.float32], window: plates.Window, raster: plates.Window) -> Tensor:
    """Values over a window on the raster, (1, 1, H, W); 0 around them."""
    coverage = torch.zeros(1, 1, raster.height, raster.width)
    both = plates.Window(
        max(window.x0, raster.x0), max(window.y0, raster.y0), min(window.x1, raster.x1), min(window.y1, raster.y1)
    )
    if both.x0 < both.x1 and both.y0 < both.y1:
        rows, columns = both.within(raster)
        from_rows, from_columns = both.within(window)
        coverage[..., rows, columns] = torch.from_numpy(np.ascontiguousarray(there[from_rows, from_columns]))
    return coverage


def _mask(task: Task, wish: KeySpec, plate: plates.Plate, view: str, shot: PlateShot, display: plates.Window) -> Tensor:
    """Where a key paints, (1, 1, H, W) 0..1: a layer of its own, or pictures."""
    if wish.mask.WhichOneof("source") == "files":
        return read_mask(task, wish.mask, shot, display)(wish.frame)
    layer = "A" if wish.mask.layer.lower() == "alpha" else wish.mask.layer
    try:
        return torch.from_numpy(plates.mask(plate, view, shot.raster, layer))[None, None]
    except FrameError as error:
        raise BadRequest(error.message, reason=error.reason, frame=wish.frame) from error


def _transparent(plate: plates.Plate, view: str) -> bool:
    """Whether a picture of an artist's program, which has no other use for alpha, is transparent somewhere."""
    alpha = plate.channels.get("A")
    return plate.encoding != "scene_linear" and alpha is not None and bool((alpha < 0.5).any())


def _hold(wish: KeySpec) -> frozenset[int] | None:
    try:
        return frozenset(parse_frames(wish.hold)) if wish.hold else None
    except SequenceError as error:
        raise BadRequest(f"The hold range of key {wish.frame} is not understood: {error}", reason="RANGE") from error
