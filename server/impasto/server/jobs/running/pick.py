"""A job that picks the frames worth painting: no frames are written, they are told, with a contact sheet on request."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from impasto.sequences import parse_frames
from impasto.server import plates
from impasto.server.errors import BadRequest
from impasto.server.jobs.inputs.source import PlateShot
from impasto.server.jobs.results.beside import write_beside
from impasto.server.jobs.task import Task
from impasto.server.ops.threads import fixed_threads
from impasto.server.shots.motion import Motion
from impasto.server.shots.picking import Coverage, Pick, cover, pick
from impasto.server.shots.reduced import ReducedShot
from impasto.server.shots.screen import show
from impasto.server.shots.shot import Watch

SHARE = 0.95
"""The share covered where none is asked for."""
_SIDE = 320
"""Pixels of the longer side of a picture on the sheet."""
_UNSEEN = np.array((0.75, 0.08, 0.05), np.float32)
"""What no paint covers is shown in this colour, display-like."""


def run(
    task: Task, shot: PlateShot, motion: Motion, shaper: plates.Shaper, watch: Watch, told: Callable[[float], None]
) -> None:
    """Pick, tell, and draw the sheet.

    Args:
        task: the job.
        shot: one view of its plate.
        motion: of the shot.
        shaper: the shot's.
        watch: told of every step.
        told: told which share of the work is done, 0..1.

    Raises:
        BadRequest: no frame wanted can be read (`NO_PLATE`).
    """
    wish = task.spec.keys
    share = wish.share if wish.HasField("share") else SHARE
    wanted = [frame for frame in task.plan.frames if shot.readable(frame)]
    if not wanted:
        raise BadRequest("None of the frames wanted can be read; look at the plate.", reason="NO_PLATE")
    painted = [frame for frame in (parse_frames(wish.painted) if wish.painted else ()) if shot.readable(frame)]
    coverage = cover(shot, motion, shaper, wanted, painted, watch, told)
    picks = pick(coverage, share, wish.most, painted)
    if picks[-1].together < share:
        watch.warn(
            f"The frames picked cover {picks[-1].together:.1%} and {share:.1%} was asked for; "
            "allow more frames, or ask for less."
        )
    if task.spec.output.sheet:
        with fixed_threads():
            sheet = draw(shot, shaper, coverage, picks)
        write_beside(task, "sheet", task.spec.output.sheet, sheet)
    task.listener.keys_picked(picks, share)


def draw(shot: PlateShot, shaper: plates.Shaper, coverage: Coverage, picks: tuple[Pick, ...]) -> bytes:
    """The sheet, as PNG: a row for each frame picked with what its paint reaches, and one for all together."""
    small = ReducedShot(shot, _SIDE)
    frames = coverage.frames
    seen_in = [frames[0], frames[len(frames) // 2], frames[-1]]
    places = [coverage.candidates.index(each.frame) for each in picks]

    def plate(frame: int) -> NDArray[np.float32]:
        shown: NDArray[np.float32] = show(small.picture(frame), shaper)[0].permute(1, 2, 0).numpy()
        return shown

    def reached(frame: int, chosen: list[int]) -> NDArray[np.float32]:
        mask = torch.from_numpy(coverage.mask(chosen, frame))[None, None].float()
        covered = F.interpolate(mask, size=(small.height, small.width), mode="nearest")[0, 0, :, :, None].numpy()
        picture = plate(frame)
        shown: NDArray[np.float32] = picture * covered + (0.35 * picture + 0.65 * _UNSEEN) * (1 - covered)
        return shown

    worst = min(frames, key=lambda frame: (int(coverage.mask(places, frame).sum()), frame))
    rows = [
        [plate(each.frame), *(reached(frame, [place]) for frame in seen_in)]
        for each, place in zip(picks, places, strict=True)
    ]
    rows.append([reached(worst, places), *(reached(frame, places) for frame in seen_in)])
    labels = [f"{each.frame}: {each.alone:.0%} alone, {each.together:.0%} so far" for each in picks]
    headings = ["to paint", *(f"reaches in {frame}" for frame in seen_in)]
    return plates.contact_sheet(rows, headings, [*labels, f"all together, least in {worst}"])
