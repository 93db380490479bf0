"""From what was asked to what the picture-making takes: keys, looks and motion, read and checked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from impasto.server import plates
from impasto.server.errors import BadRequest, FrameError
from impasto.server.jobs.inputs.source import PlateShot
from impasto.server.jobs.planning.check_times import interpolation_models
from impasto.server.jobs.planning.devices import device_kind
from impasto.server.jobs.planning.plan import Plan
from impasto.server.jobs.planning.spec import motion_model, motion_source
from impasto.server.jobs.running.fills import make_fill
from impasto.server.jobs.running.keys import read_keys
from impasto.server.jobs.task import Task
from impasto.server.models import catalogue, weights
from impasto.server.models.card import Model
from impasto.server.models.flow.estimator import FlowEstimator
from impasto.server.models.interpolation.interpolator import Interpolator
from impasto.server.shots.analysis import Analysis
from impasto.server.shots.depth import Depth
from impasto.server.shots.given_motion import GivenMotion
from impasto.server.shots.motion import ComputedMotion, Motion
from impasto.server.shots.render import Recipe
from impasto.server.shots.shot import Shot, Watch
from impasto.v1.job_pb2 import MotionSource


def make_motion(
    task: Task,
    shot: PlateShot,
    analysis: Analysis,
    shaper: plates.Shaper,
    watch: Watch,
    moving: Shot | None = None,
    depth: Depth | None = None,
) -> Motion:
    """Motion computed by a model, or read from the plate or from other files.

    Args:
        task: the job.
        shot: the plate.
        analysis: of the shot.
        shaper: the shot's.
        watch: told of every step.
        moving: the frames between which motion is wanted, where not all of the plate's are.
        depth: of the shot, where it is known.
    """
    source = motion_source(task.spec)
    kind = source.WhichOneof("source")
    among = moving if moving is not None else shot
    if kind == "plate":
        return GivenMotion(
            among,
            _own_layers(shot),
            "plate",
            shaper,
            task.store,
            watch,
            "the plate itself",
            depth=depth,
            holes=shot.holes,
        )
    if kind == "files":
        layers, digest = _layers_of_files(task, shot), _digest_of_files(source)
        measured = _of_ours(task, source)
        return GivenMotion(
            among, layers, digest, shaper, task.store, watch, source.files.pattern, measured, depth, shot.holes
        )
    model = catalogue.find(motion_model(task.spec), "flow")
    estimator, how = _estimator(model, task.plan, analysis.grain)
    digest = f"{model.id}/{model.version}/{how}/{analysis.grain:.4f}"
    return ComputedMotion(among, estimator, digest, shaper, analysis.grain, task.store, watch, depth, shot.holes)


def _own_layers(shot: PlateShot) -> Callable[[int], dict[str, NDArray[np.float32]]]:
    """The plate's own motion; over a frame that cannot be read things are taken to move on as they did beside it."""

    def layers(frame: int) -> dict[str, NDArray[np.float32]]:
        if shot.readable(frame):
            return shot.motion_layers(frame)
        before = [other for other in shot.frames if other < frame and shot.readable(other)][-1:]
        after = [other for other in shot.frames if other > frame and shot.readable(other)][:1]
        beside = [("forward", other) for other in before] + [("backward", other) for other in after]
        known = {way: shot.motion_layers(other).get(way) for way, other in beside}
        return {way: motion for way, motion in known.items() if motion is not None}

    return layers


def make_interpolators(task: Task) -> dict[str, Interpolator]:
    """The models that may make colour in between, by id; splats are always among them."""
    made: dict[str, Interpolator] = {}
    for name in {*interpolation_models(task.spec), "splat"}:
        model = catalogue.find(name, "interpolation")
        if not model.choices:
            made[name] = model.build()
        else:
            made[name] = model.build(weights=weights.default_store().ready(model), device=task.plan.device)
    return made


def _estimator(model: Model, plan: Plan, grain: float) -> tuple[FlowEstimator, str]:
    """The model ready to measure, and what beside its version decides its results: a net's weights and numbers."""
    if not model.choices:
        return model.build(grain=grain), ""
    file = weights.default_store().ready(model)
    estimator = model.build(weights=file, grain=grain, precision=plan.precision, memory=plan.memory, device=plan.device)
    return estimator, f"{weights.digest(file)}/{plan.precision}/{plan.memory}/{device_kind(plan.device)}"


def _digest_of_files(source: MotionSource) -> str:
    return "files/" + ",".join(f"{f.frame}{f.view}:{f.file.sha256}" for f in source.files.files)


def _of_ours(task: Task, source: MotionSource) -> bool:
    """Whether an earlier job measured the motion in these files, as the header of the first tells.

    Where the file kept motion of its own, ours stands beside it under another name and is not what is read.
    """
    first = min(source.files.files, key=lambda entry: entry.frame, default=None)
    if first is None:
        return False
    try:
        header = plates.read_header(task.local(first.file), task.limits)
    except FrameError:  # told where the frame's motion is wanted
        return False
    model = catalogue.catalogue().get(str(header.attributes.get("impasto/motion", "")))
    layers = {name.rpartition(".")[0].rpartition(".")[2] for name in header.channels}
    others = {name for name in layers if name.endswith(("forward", "backward"))} - {"forward", "backward"}
    return model is not None and model.family == "flow" and not others


def _layers_of_files(task: Task, shot: PlateShot) -> Callable[[int], dict[str, NDArray[np.float32]] | None]:
    files = motion_source(task.spec).files.files
    by_frame = {entry.frame: entry.file for entry in files if entry.view in ("", shot.view)}

    def layers(frame: int) -> dict[str, NDArray[np.float32]] | None:
        if frame not in by_frame:
            return None
        plate = task.checked(by_frame[frame], lambda path: plates.read(path, task.limits))
        view = shot.view if shot.view in plate.views else plate.views[0]
        found = plates.motion_layers(plate, view, shot.raster)
        if "forward" not in found and "backward" not in found:
            raise BadRequest(
                f"{by_frame[frame].path or plate.source} holds neither forward.u/v nor backward.u/v; "
                "name EXR frames that do with --motion.",
                reason="MOTION_MISSING",
                frame=frame,
            )
        return found

    return layers


def make_recipe(
    task: Task, shot: PlateShot, display: plates.Window, analysis: Analysis, shaper: plates.Shaper, watch: Watch
) -> Recipe:
    """Keys and looks of a stylize job, read from their files."""
    wish = task.spec.stylize
    keys = read_keys(task, shot, display)
    return Recipe(
        keys=keys,
        layers=make_fill(task, shot, display, keys, shaper, watch),
        relight=wish.relight if wish.HasField("relight") else 1.0,
        seed=wish.seed,
        shaper=shaper,
        every=wish.every if wish.every > 1 else 0,
        consistency=wish.consistency if wish.HasField("consistency") else 1.0,
    )
