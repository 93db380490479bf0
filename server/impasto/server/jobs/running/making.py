"""The frames of a sequence made and written: those of every shot by makers of their own, of a dissolve by both."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np
import structlog
from torch import Tensor

from impasto.sequences import format_frames
from impasto.server import plates, shots
from impasto.server.errors import FrameError, ImpastoError
from impasto.server.jobs.inputs.arrivals import Interrupted
from impasto.server.jobs.inputs.sequence import Follow, Sequence
from impasto.server.jobs.inputs.source import PlateShot, common_raster
from impasto.server.jobs.results.behind import Behind
from impasto.server.jobs.results.passes import Passes
from impasto.server.jobs.running.depth import make_depth
from impasto.server.jobs.running.masks import read_mask
from impasto.server.jobs.running.memory import ran_out
from impasto.server.jobs.running.parting import Parts, of_one_shot
from impasto.server.jobs.running.recipe import make_motion, make_recipe
from impasto.server.jobs.task import Task
from impasto.server.shots.ahead import Ahead
from impasto.server.shots.analysis import Analysis, analyse
from impasto.server.shots.motion import Motion
from impasto.server.shots.picture import finish
from impasto.server.shots.quality import painted_alone, reviewed, with_neighbours
from impasto.server.shots.render import Painted
from impasto.server.shots.stmap import KeyMap, nothing, stmaps

SPOILT = 3
"""Frames in a row that fail by a mistake of ours before the whole job does."""

log = structlog.get_logger(__name__)

Made = tuple[plates.Painting, dict[str, float]]
"""What is to be written of one view of a frame, and its figures."""


def make(task: Task, sequence: Sequence, parts: Parts, wanted: list[int], follow: Follow) -> None:
    """Make and write frames, those of every shot by makers of their own."""
    makers: dict[int, list[Iterator[Made]]] = {}
    failures = _Failures(task, sequence.view)
    with Behind() as behind:
        for place, frame in enumerate(wanted):
            showing = parts.at(frame)
            makers = {shot: own for shot, own in makers.items() if shot >= showing[0][0]}
            try:
                made = []
                for shot, share in showing:
                    if shot not in makers:  # at first, and after a frame that could not be made, which ends them
                        own = dataclasses.replace(task, spec=of_one_shot(task.spec, parts, shot))
                        makers[shot] = _makers(own, sequence, parts.shots[shot], wanted[place:], follow)
                    made.append((share, [next(maker) for maker in makers[shot]]))
                ready, of_shot = faded(made), format_frames(parts.shots[parts.main(frame)])
            except Exception as error:
                failures.tell(frame, error)
                makers = {}
                follow.written += 1
            else:
                behind.put(partial(_finish, task, sequence, frame, ready, of_shot, follow, failures))


@dataclasses.dataclass
class _Failures:
    """Frames that could not be made, told one by one; too many in a row by the server's mistake end the job."""

    task: Task
    view: str
    in_a_row: int = 0

    def tell(self, frame: int, error: Exception) -> None:
        """Tell why a frame could not be made, or raise what concerns the whole job."""
        if isinstance(error, FrameError):
            self.task.listener.frame_failed(frame, self.view, error.reason, error.message)
            return
        if isinstance(error, ImpastoError | Interrupted):
            raise error
        self.in_a_row += 1
        if self.in_a_row == SPOILT or ran_out(error):
            raise error
        number = secrets.token_hex(4)
        log.error("frame failed", frame=frame, view=self.view, number=number, exc_info=error)
        sentence = f"The server made a mistake; report it with the log around '{number}' on the server."
        self.task.listener.frame_failed(frame, self.view, "INTERNAL", sentence)


def _finish(
    task: Task,
    sequence: Sequence,
    frame: int,
    made: list[Made],
    of_shot: str,
    follow: Follow,
    failures: _Failures,
) -> None:
    """Write a frame, or tell why it cannot be."""
    try:
        _write(task, sequence, frame, made, of_shot, follow)
        failures.in_a_row = 0
    except Exception as error:
        failures.tell(frame, error)
    follow.written += 1


def read_shot(
    task: Task, sequence: Sequence, view: str, raster: plates.Window, follow: Follow
) -> tuple[PlateShot, plates.ColourSpace]:
    """One view as the picture-making reads it, and the space its colour is written in."""
    first = next(header for frame in sequence.frames.numbers if (header := sequence.frames.header(frame)))
    colour = plates.ColourSpace.resolve(task.spec.colour.plate, first)
    out_colour = plates.ColourSpace.resolve(task.spec.colour.out, first) if task.spec.colour.out else colour
    return PlateShot(sequence.frames, view, raster, colour, follow.warn), out_colour


def _makers(
    task: Task, sequence: Sequence, shot: tuple[int, ...], wanted: list[int], follow: Follow
) -> list[Iterator[Made]]:
    """What makes the frames wanted of one shot, by view."""
    frames = sequence.frames.part(shot)
    raster, display = common_raster(frames)
    within = [frame for frame in wanted if frame in shot]
    own = dataclasses.replace(sequence, frames=frames)
    return [_make_view(task, own, view, raster, display, within, follow) for view in own.views]


def faded(made: list[tuple[float, list[Made]]]) -> list[Made]:
    """One picture by view: of a dissolve the paintings of both shots mixed, passes of the one that shows most."""
    if len(made) == 1:
        return made[0][1]
    (first, befores), (second, afters) = made
    mixed = []
    for before, after in zip(befores, afters, strict=True):
        painting, figures = after if second >= first else before
        a, b = before[0].rgb, after[0].rgb
        if a is not None and b is not None:
            painting = dataclasses.replace(painting, rgb=(first * a + second * b).astype(np.float32))
        mixed.append((painting, figures | {"dissolve": second}))
    return mixed


def _make_view(
    task: Task,
    sequence: Sequence,
    view: str,
    raster: plates.Window,
    display: plates.Window,
    wanted: list[int],
    follow: Follow,
) -> Iterator[Made]:
    """What is to be written of one view, frame by frame."""
    shot, out_colour = read_shot(task, sequence, view, raster, follow)
    analysis = analyse(shot, task.store, follow)
    shaper = plates.Shaper(analysis.exposure)
    depth = make_depth(task, shot, shaper, follow)
    measured = make_motion(task, shot, analysis, shaper, follow, depth=depth)
    with Ahead(measured, shot.frames, sequence.frames.arrived) as motion:
        passes = Passes(task, shot, shaper, motion, depth)
        if task.spec.WhichOneof("kind") == "stmap":
            if task.spec.stmap.key not in shot.frames:
                key_maps: Iterable[KeyMap] = (nothing(frame, shot) for frame in wanted)
            else:
                key_maps = stmaps(shot, motion, shaper, task.spec.stmap.key, wanted, task.store, follow)
            for made in key_maps:
                maps = {"stmap": made.places[0].numpy(), "coverage.a": made.coverage[0, 0].numpy()}
                layers = maps | passes(made.frame, None)
                figures = {"coverage": float(np.mean(maps["coverage.a"], dtype=np.float64))}
                yield plates.Painting(None, raster, out_colour, layers), figures
            return
        painted = _paint(task, shot, display, analysis, shaper, motion, wanted, follow)
        strength = _strength_of_frames(task, shot, display)
        for frame, result in zip(wanted, painted, strict=True):
            layers = passes(frame, result)
            rgb = None
            if result is not None and _strength(task) > 0:
                rgb = finish(shot.picture(frame), result.picture, strength(frame))[0].numpy()
            yield plates.Painting(rgb, raster, out_colour, layers), dict(result.figures) if result is not None else {}


def _strength(task: Task) -> float:
    wish = task.spec.stylize
    return wish.strength if wish.HasField("strength") else 1.0


def _strength_of_frames(task: Task, shot: PlateShot, display: plates.Window) -> Callable[[int], float | Tensor]:
    """How much of the paint shows: everywhere alike, or as the job's mask says."""
    strength, wish = _strength(task), task.spec.stylize
    if not wish.HasField("mask"):
        return lambda frame: strength
    mask = read_mask(task, wish.mask, shot, display)
    return lambda frame: strength * mask(frame)


def _paint(
    task: Task,
    shot: PlateShot,
    display: plates.Window,
    analysis: Analysis,
    shaper: plates.Shaper,
    motion: Motion,
    wanted: list[int],
    follow: Follow,
) -> Iterator[Painted | None]:
    """The painted frames; None for each where nothing needs to be painted."""
    passes = set(task.spec.output.passes)
    if task.spec.WhichOneof("kind") == "motion" or (_strength(task) == 0 and "source" not in passes):
        return iter([None] * len(wanted))
    recipe = make_recipe(task, shot, display, analysis, shaper, follow)
    if task.spec.output.quality.measure == "none":
        return iter(shots.render(shot, recipe, motion, wanted, task.store, follow))
    frames = with_neighbours(wanted, motion)
    painted = shots.render(shot, recipe, motion, frames, task.store, follow)
    alone = painted_alone(shot, recipe, task.store, follow) if task.spec.output.quality.measure == "full" else None
    return reviewed(painted, wanted, shot, motion, shaper, alone)


def _write(
    task: Task,
    sequence: Sequence,
    frame: int,
    made: list[Made],
    shot: str,
    follow: Follow,
) -> None:
    output = task.spec.output
    paintings = {view: painting for view, (painting, _) in zip(sequence.views, made, strict=True)}
    figures = {view: own for view, (_, own) in zip(sequence.views, made, strict=True)}
    named = {f"{view}.{name}" if view else name: value for view, own in figures.items() for name, value in own.items()}
    options = plates.OutputOptions(
        compression=output.compression,
        layer_prefix=output.layer_prefix or "impasto_",
        replace_layers=output.replace_layers,
        attributes={
            "job": task.plan.digest,
            "frame": frame,
            "shot": shot,
            "device": task.plan.device,
            **{name.replace(" ", "_"): value for name, value in task.plan.choices.items()},
            **named,
        },
    )
    package, warnings = plates.assemble(sequence.frames.plate(frame), paintings, options)
    for warning in warnings:
        follow.warn(f"Frame {frame}: {warning}")
    target = task.target(frame, sequence.view)
    follow.check()
    plates.write(target, package)
    task.listener.frame_done(frame, sequence.view, target, named)
