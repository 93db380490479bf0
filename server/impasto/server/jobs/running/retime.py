"""A job of other times: every output frame is a frame of the plate, or made between two."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from impasto.sequences import format_frames, output_times
from impasto.server import plates
from impasto.server.errors import FrameError
from impasto.server.jobs.inputs.sequence import Follow, Sequence, frames_of
from impasto.server.jobs.inputs.source import Frames, PlateShot, common_raster
from impasto.server.jobs.results import review
from impasto.server.jobs.running.depth import make_depth
from impasto.server.jobs.running.recipe import make_interpolators, make_motion
from impasto.server.jobs.task import Task
from impasto.server.models.interpolation.interpolator import Course
from impasto.server.plates import compression
from impasto.server.plates.alpha import premultiply, usable
from impasto.server.plates.layers import colour
from impasto.server.plates.raster import stored_alpha
from impasto.server.shots.analysis import analyse
from impasto.server.shots.depth import Depth
from impasto.server.shots.retime import (
    CARRIED,
    CUT,
    ORIGINAL,
    Between,
    Choice,
    Cuts,
    Moment,
    Repaired,
    bridged,
    held,
    moment,
    nearness,
)
from impasto.server.shots.retimed_plate import Ends, Spacing, between, original
from impasto.v1.job_pb2 import PlateSource


def retime(task: Task, sequence: Sequence, follow: Follow) -> None:
    """Make and write the frames of one sequence that are not written yet; one that cannot be made is told.

    Raises:
        ImpastoError: what concerns the whole job.
        Cancelled: it was stopped on demand.
    """
    times = output_times(task.spec.interpolate, task.plan.shot)
    wanted = [frame for frame in task.plan.frames if (frame, sequence.view) not in task.done]
    reviewing = review.wished(task, sequence.view)
    if not wanted and not reviewing:
        return
    work = _Retiming(task, sequence, follow, times)
    for frame in wanted:
        follow.stage("reading", frame)
        try:
            work.write(frame)
        except FrameError as error:
            task.listener.frame_failed(frame, sequence.view, error.reason, error.message)
        follow.written += 1
    work.say()
    if reviewing:
        review.run(task, work.shown(), follow)


@dataclass
class _View:
    """One view of the plate: what moves in it, how it is looked at, and what its colour means."""

    shot: PlateShot
    moving: PlateShot | Repaired
    between: Between
    shaper: plates.Shaper
    colour: plates.ColourSpace


class _Retiming:
    """One sequence of a job of other times."""

    def __init__(self, task: Task, sequence: Sequence, follow: Follow, times: Mapping[int, Fraction]) -> None:
        self._task, self._sequence, self._follow, self._times = task, sequence, follow, times
        self._wish = task.spec.interpolate
        self._raster, _ = common_raster(sequence.frames)
        self._views = {view: self._view(view) for view in sequence.views}
        self._choice = Choice(make_interpolators(task), self._wish.model or "auto")
        painted = [entry for entry in self._wish.paint.files if entry.view in ("", sequence.view)]
        self._painted = frames_of(task, self._wish.paint.pattern, painted) if painted else None
        self._methods: dict[str, list[int]] = {}
        self._fastest = 0.0
        self._repeated: set[int] = set()

    def _view(self, view: str) -> _View:
        task, frames, follow = self._task, self._sequence.frames, self._follow
        first = next(header for frame in frames.numbers if (header := frames.header(frame)))
        space = plates.ColourSpace.resolve(task.spec.colour.plate, first)
        shot = PlateShot(frames, view, self._raster, space, follow.warn)
        analysis = analyse(shot, task.store, follow)
        shaper = plates.Shaper(analysis.exposure)
        moving = Repaired(shot, shaper) if self._wish.repair else shot
        depth = make_depth(task, shot, shaper, follow)
        motion = make_motion(task, shot, analysis, shaper, follow, moving, depth)
        between = Between(moving, motion, partial(_near, depth), follow, _cuts(task.spec.plate))
        return _View(shot, moving, between, shaper, space)

    def shown(self) -> review.Shown:
        """What sheet and preview show: the first view, each frame beside those of the plate it lies between."""
        view = next(iter(self._views.values()))
        return review.Shown(
            view.shot,
            view.colour,
            view.shaper,
            self._sequence.view,
            tuple(sorted(self._times)),
            lambda frame: bridged(view.moving, self._times[frame]),
        )

    def write(self, frame: int) -> None:
        """Make one frame and write it.

        Raises:
            FrameError: it cannot be made or written.
        """
        time = self._times[frame]
        heres = {name: self._moment(view, time) for name, view in self._views.items()}
        plate, method, fast = self._made(frame, heres)
        self._methods.setdefault(method, []).append(frame)
        self._fastest = max(self._fastest, fast)
        figures = {"time": float(time), "motion": fast}
        self._put(frame, plate, {"time": float(time), "method": method, "motion_95": fast}, figures)

    def _moment(self, view: _View, time: Fraction) -> Moment:
        if self._wish.repair:
            return bridged(view.moving, time)
        return moment(view.shot, time)

    def _made(self, frame: int, heres: Mapping[str, Moment]) -> tuple[plates.Plate, str, float]:
        """The plate of an output frame, how it was made, and how fast things move, in pixels a plate frame."""
        here = next(iter(heres.values()))
        spacing = self._spacing(frame)
        if here.whole:
            return self._original(here.before, spacing), ORIGINAL, 0.0
        fast = max(
            view.between.joined(heres[name].before, heres[name].after).fast for name, view in self._views.items()
        )
        if fast == 0.0:
            self._repeat(here)
        courses: dict[str, Course] = {}
        colours: dict[str, Tensor] = {}
        method = CUT
        for name, view in self._views.items():
            found = view.between.course(heres[name])
            if found is None:
                return self._original(held(here, self._wish.cuts), spacing), CUT, fast
            pair, courses[name] = found
            method, model = self._choice.of(view.between.joined(heres[name].before, heres[name].after), heres[name])
            if self._painted is not None:
                method = CARRIED
            elif method != "splat":
                colours[name] = view.between.colour(pair, heres[name], courses[name], model)
        first, second = (self._plate(each) for each in (here.before, here.after))
        ends = Ends(first, second, here.after - here.before)
        courses = self._every_view(first, courses)
        plate = between(ends, self._raster, courses, here.part, spacing, self._painted is not None)
        for name, made in colours.items():
            plate = self._coloured(plate, name, made)
        return plate, method, fast

    def _every_view(self, plate: plates.Plate, courses: dict[str, Course]) -> dict[str, Course]:
        """Courses by every view the file holds: views not rendered follow the first."""
        return {view: courses.get(view, next(iter(courses.values()))) for view in {*plate.views, *courses}}

    def _plate(self, frame: int) -> plates.Plate:
        frames: Frames = self._sequence.frames if self._painted is None else self._painted
        return frames.plate(frame)

    def _original(self, frame: int, spacing: Spacing) -> plates.Plate:
        numbers = self._sequence.frames.numbers
        place = numbers.index(frame)
        before = frame - numbers[place - 1] if place else None
        after = numbers[place + 1] - frame if place + 1 < len(numbers) else None
        return original(self._plate(frame), spacing, before, after)

    def _spacing(self, frame: int) -> Spacing:
        """Time to the output frames beside this one; at the output's ends the other side, turned."""
        time, onward, back = self._times[frame], self._times.get(frame + 1), self._times.get(frame - 1)
        if onward is None and back is None:
            return Spacing(1.0, -1.0)
        ahead = float(onward - time) if onward is not None else None
        behind = float(back - time) if back is not None else None
        if ahead is None:
            assert behind is not None
            ahead = -behind
        return Spacing(ahead, -ahead if behind is None else behind)

    def _coloured(self, plate: plates.Plate, view: str, made: Tensor) -> plates.Plate:
        """The plate with a view's colour replaced by what a model made, (1, 3, H, W) working RGB."""
        names = colour(plate.channels, plate.views, view)
        rows, columns = plate.data_window.within(self._raster)
        rgb = np.ascontiguousarray(made[0, :, rows, columns].numpy(), np.float32)
        rgb = self._views[view].colour.from_working(rgb)
        stored = np.stack([plate.channels[name].astype(np.float32) for name in names])
        alpha = stored_alpha(plate, view)
        if alpha is not None and usable(stored, alpha):
            rgb = premultiply(rgb, alpha, stored)
        if len(names) == 1:
            rgb = rgb.mean(0, keepdims=True)
        channels: dict[str, NDArray[np.generic]] = dict(plate.channels)
        for name, pixels in zip(names, rgb, strict=True):
            kind = plate.channels[name].dtype
            channels[name] = (np.clip(pixels, -65504, 65504) if kind == np.float16 else pixels).astype(kind)
        return dataclasses.replace(plate, channels=channels)

    def _put(
        self, frame: int, plate: plates.Plate, facts: Mapping[str, str | float], figures: Mapping[str, float]
    ) -> None:
        task, view = self._task, self._sequence.view
        attributes = {name: value for name, value in plate.attributes.items() if not name.startswith("impasto/")}
        ours = {"job": task.plan.digest, "frame": frame, "device": task.plan.device, **task.plan.choices, **facts}
        attributes |= {f"impasto/{name.replace(' ', '_')}": value for name, value in ours.items()}
        light = [name for each in plate.views for name in colour(plate.channels, plate.views, each)]
        chosen = compression.choose(task.spec.output.compression, plate.compression, plate.channels, light)
        target = task.target(frame, view)
        self._follow.check()
        plates.write(
            target, dataclasses.replace(plate, attributes=attributes, compression=chosen, encoding="scene_linear")
        )
        task.listener.frame_done(frame, view, target, dict(figures))

    def _repeat(self, here: Moment) -> None:
        if not self._wish.repair:
            self._repeated.add(here.after)

    def say(self) -> None:
        """Tell what was made how, and what was seen on the way."""
        made = {name: frames for name, frames in self._methods.items() if name != ORIGINAL}
        if made:
            how = "; ".join(f"{name}: frames {format_frames(frames)}" for name, frames in sorted(made.items()))
            self._follow.warn(f"Made in between by {how} (95 of 100 pixels move up to {self._fastest:.1f} px a frame).")
        if self._repeated:
            self._follow.warn(
                f"{'Frames' if len(self._repeated) > 1 else 'Frame'} {format_frames(self._repeated)} of the plate "
                "repeat the one before; say --repair to make new ones."
            )


def _cuts(source: PlateSource) -> Cuts:
    """Where new shots begin, as the job says; a dissolve parts no two frames."""
    given = frozenset(cut.frame for cut in source.given_cuts if not cut.until)
    return Cuts(given if source.cuts in ("given", "none") else None, frozenset(source.vetoed_cuts))


def _near(depth: Depth | None, frame: int) -> Tensor | None:
    """Nearness 0..1 of a frame, where the depth of the shot is known and can be believed."""
    found = depth.near(frame) if depth is not None and depth.tells else None
    return nearness(found) if found is not None else None
