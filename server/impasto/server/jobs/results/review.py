"""What a job makes of its frames for people to look at: a contact sheet and a preview."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
from impasto.server.shots.retime import ORIGINAL, Moment
from impasto.server.shots.screen import show
from impasto.server.shots.shot import Watch

ROWS = 8
"""Frames on a sheet, at most."""
_SIDE = 480
"""Pixels of the longer side of a picture on the sheet, at most."""

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Shown:
    """What is shown of a job, and how.

    Attributes:
        shot: the view of the plate that is shown.
        out: the space the frames' colour is written in.
        shaper: the shot's.
        file_view: the view in the files' names, empty where there is none.
        frames: all frames that the job may write, ascending.
        between: of a job of other times, where a frame falls in the plate; None where frames keep their times.
    """

    shot: PlateShot
    out: plates.ColourSpace
    shaper: plates.Shaper
    file_view: str
    frames: tuple[int, ...]
    between: Callable[[int], Moment] | None = None

    def plate(self, frame: int) -> Picture:
        """A frame of the plate."""
        return _shown(self.shot.picture(frame), self.shaper)

    def made(self, package: plates.Plate) -> Picture:
        """A frame of the job."""
        rgb, _, _ = plates.picture(package, self.view(package), self.shot.raster, self.out)
        return _shown(torch.from_numpy(np.ascontiguousarray(rgb))[None], self.shaper)

    def view(self, package: plates.Plate) -> str:
        """The view of a frame of the job that is shown."""
        return self.shot.view if self.shot.view in package.views else package.views[0]


def wished(task: Task, file_view: str) -> bool:
    """Whether a sheet or a preview is to be made of these files: they show the first view."""
    return bool(task.spec.output.sheet or task.spec.output.preview) and file_view == task.plan.file_views[0]


def run(task: Task, shown: Shown, watch: Watch) -> None:
    """Make the sheet and the preview that are wished, of the frames that stand.

    Args:
        task: the job.
        shown: what is shown of it.
        watch: told of every frame.
    """
    wish = task.spec.output
    asked = parse_frames(wish.review_frames) if wish.review_frames else task.plan.frames
    standing = {frame: path for frame in asked if (path := task.target(frame, shown.file_view)).is_file()}
    if not standing:
        watch.warn("No frame stands where the server can see it, so there is neither sheet nor preview.")
        return
    if absent := len(asked) - len(standing):
        watch.warn(f"{absent} of {len(asked)} frames do not stand where the server can see them and are not shown.")
    if wish.sheet:
        write_beside(task, "sheet", wish.sheet, _sheet(standing, task, shown, watch))
    if wish.preview:
        pictures = _pictures(standing, task, shown, watch)
        write_beside(task, "preview", wish.preview, plates.preview(pictures, _rate(shown.shot)))


def _sheet(standing: Mapping[int, Path], task: Task, shown: Shown, watch: Watch) -> bytes:
    """A row for each of a few frames spread evenly over those that tell most."""
    row_of, numbers = _painted_row, list(standing)[:-1]  # nothing follows the last frame, so it has no motion to show
    if shown.between is not None:
        row_of = _retimed_row
        numbers = [frame for frame, path in standing.items() if _method(path, task) != ORIGINAL]
    numbers = numbers or list(standing)
    places = np.linspace(0, len(numbers) - 1, min(ROWS, len(numbers))).round().astype(int)
    rows, labels, headings = [], [], []
    for frame in (numbers[place] for place in places):
        watch.check()
        watch.stage("sheet", frame)
        label, row = row_of(frame, plates.read(standing[frame], task.limits), shown)
        headings = list(row)
        rows.append([_reduced(picture) for picture in row.values()])
        labels.append(label)
    return plates.contact_sheet(rows, headings, labels)


def _painted_row(frame: int, package: plates.Plate, shown: Shown) -> tuple[str, dict[str, Picture]]:
    """Plate, painted, and motion and occlusion where the frame holds them."""
    row = {"plate": shown.plate(frame), "painted": shown.made(package)}
    layers = plates.motion_layers(package, shown.view(package), shown.shot.raster)
    if {"forward", "occlusion.next"} <= layers.keys():
        row["motion"] = plates.flow_colours(layers["forward"])
        row["occlusion"] = np.repeat(layers["occlusion.next"][..., None], 3, axis=-1).astype(np.float32)
    return str(frame), row


def _retimed_row(frame: int, package: plates.Plate, shown: Shown) -> tuple[str, dict[str, Picture]]:
    """The frame between the two of the plate beside it."""
    assert shown.between is not None
    here = shown.between(frame)
    time = here.before + here.part * (here.after - here.before)
    row = {"before": shown.plate(here.before), "made": shown.made(package), "after": shown.plate(here.after)}
    return f"{frame}: {time:g}, {package.attributes.get('impasto/method', ORIGINAL)}", row


def _method(path: Path, task: Task) -> str:
    """How a frame of another time was made, as its header tells."""
    return str(plates.read_header(path, task.limits).attributes.get("impasto/method", ORIGINAL))


def _pictures(standing: Mapping[int, Path], task: Task, shown: Shown, watch: Watch) -> Iterator[Picture]:
    """Every frame from the first to the last that stands; one that does not is held from the one before."""
    last: Picture | None = None
    for frame in shown.frames:
        if not min(standing) <= frame <= max(standing):
            continue
        if frame in standing:
            watch.check()
            watch.stage("preview", frame)
            last = shown.made(plates.read(standing[frame], task.limits))
        assert last is not None
        yield last


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
