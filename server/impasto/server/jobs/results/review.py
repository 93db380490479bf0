"""What a job makes of its frames for people to look at: a contact sheet and a preview."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from impasto.sequences import parse_frames
from impasto.server import plates
from impasto.server.errors import FrameError
from impasto.server.jobs.inputs.source import PlateShot
from impasto.server.jobs.results.beside import write_beside
from impasto.server.jobs.task import Task
from impasto.server.plates.preview import RATE
from impasto.server.shots.screen import show
from impasto.server.shots.shot import Watch

ROWS = 8
"""Frames on a sheet, at most."""
_SIDE = 480
"""Pixels of the longer side of a picture on the sheet, at most."""

Picture = NDArray[np.float32]


def run(
    task: Task, shot: PlateShot, out: plates.ColourSpace, shaper: plates.Shaper, file_view: str, watch: Watch
) -> None:
    """Make the sheet and the preview that are wished, of the frames that stand.

    Args:
        task: the job.
        shot: the view that is shown.
        out: the space the frames' colour is written in.
        shaper: the shot's.
        file_view: the view in the files' names, empty where there is none.
        watch: told of every frame.
    """
    wish = task.spec.output
    asked = parse_frames(wish.review_frames) if wish.review_frames else task.plan.frames
    standing = {frame: path for frame in asked if (path := task.target(frame, file_view)).is_file()}
    if not standing:
        watch.warn("No frame stands where the server can see it, so there is neither sheet nor preview.")
        return
    if absent := len(asked) - len(standing):
        watch.warn(f"{absent} of {len(asked)} frames do not stand where the server can see them and are not shown.")
    if wish.sheet:
        write_beside(task, "sheet", wish.sheet, _sheet(standing, task, shot, out, shaper, watch))
    if wish.preview:
        pictures = _pictures(standing, task, shot, out, shaper, watch)
        write_beside(task, "preview", wish.preview, plates.preview(pictures, _rate(shot)))


def _sheet(
    standing: dict[int, Path],
    task: Task,
    shot: PlateShot,
    out: plates.ColourSpace,
    shaper: plates.Shaper,
    watch: Watch,
) -> bytes:
    """Plate, painted, and motion and occlusion where the frames hold them, of a few frames spread evenly.

    The last frame is left out where there are others: nothing follows it, so it has no motion to show.
    """
    numbers = list(standing)[:-1] or list(standing)
    places = np.linspace(0, len(numbers) - 1, min(ROWS, len(numbers))).round().astype(int)
    rows, labels = [], []
    headings = ["plate", "painted"]
    for place in places:
        frame = numbers[place]
        watch.check()
        watch.stage("sheet", frame)
        made = plates.read(standing[frame], task.limits)
        layers = plates.motion_layers(made, _view(made, shot), shot.raster)
        row = [_shown(shot.picture(frame), shaper), _shown(_painted(made, shot, out), shaper)]
        if {"forward", "occlusion.next"} <= layers.keys():
            matte = np.repeat(layers["occlusion.next"][..., None], 3, axis=-1).astype(np.float32)
            row += [plates.flow_colours(layers["forward"]), matte]
            headings = ["plate", "painted", "motion", "occlusion"]
        rows.append([_reduced(picture) for picture in row])
        labels.append(str(frame))
    return plates.contact_sheet(rows, headings, labels)


def _pictures(
    standing: dict[int, Path],
    task: Task,
    shot: PlateShot,
    out: plates.ColourSpace,
    shaper: plates.Shaper,
    watch: Watch,
) -> Iterator[Picture]:
    """Every frame from the first to the last that stands; one that does not is held from the one before."""
    shown: Picture | None = None
    for frame in shot.frames:
        if not min(standing) <= frame <= max(standing):
            continue
        if frame in standing:
            watch.check()
            watch.stage("preview", frame)
            shown = _shown(_painted(plates.read(standing[frame], task.limits), shot, out), shaper)
        assert shown is not None
        yield shown


def _view(made: plates.Plate, shot: PlateShot) -> str:
    return shot.view if shot.view in made.views else made.views[0]


def _painted(made: plates.Plate, shot: PlateShot, out: plates.ColourSpace) -> torch.Tensor:
    rgb, _, _ = plates.picture(made, _view(made, shot), shot.raster, out)
    return torch.from_numpy(np.ascontiguousarray(rgb))[None]


def _shown(linear: torch.Tensor, shaper: plates.Shaper) -> Picture:
    shown: Picture = show(linear, shaper)[0].permute(1, 2, 0).numpy()
    return shown


def _reduced(picture: Picture) -> Picture:
    factor = -(-max(picture.shape[:2]) // _SIDE)
    if factor == 1 or min(picture.shape[:2]) < factor:
        return picture
    small = F.avg_pool2d(torch.from_numpy(np.clip(picture, 0, 1)).permute(2, 0, 1)[None], factor)
    reduced: Picture = small[0].permute(1, 2, 0).numpy()
    return reduced


def _rate(shot: PlateShot) -> Fraction:
    for frame in shot.frames:
        header = shot.source.header(frame)
        if header is not None:
            rate = header.attributes.get("framesPerSecond")
            return rate if isinstance(rate, Fraction) and rate > 0 else RATE
    raise FrameError("No frame of the plate can be read.", reason="NO_PLATE")
