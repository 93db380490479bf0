"""Where a job's depth comes from: a layer of the plate, or a model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from impasto.server import plates
from impasto.server.errors import BadRequest
from impasto.server.jobs.inputs.source import PlateShot
from impasto.server.jobs.planning.spec import depth_model
from impasto.server.jobs.task import Task
from impasto.server.models import catalogue, weights
from impasto.server.shots.depth import Depth, EstimatedDepth, LayerDepth
from impasto.server.shots.shot import Watch

OWN = ("depth.Z", "Z")
"""Where a plate's own depth is looked for."""


def make_depth(task: Task, shot: PlateShot, shaper: plates.Shaper, watch: Watch) -> Depth | None:
    """Depth of a shot, or None where there is none and none is asked for.

    Raises:
        BadRequest: the layer named is not there (`DEPTH_MISSING`).
        NotReady: the weights of the model named are not here.
    """
    wish = task.spec.plate
    if wish.depth == "none":
        return None
    if name := depth_model(task.spec):
        model = catalogue.find(name, "depth")
        file = weights.default_store().ready(model)
        digest = f"{model.id}/{model.version}/{weights.digest(file)}"
        return EstimatedDepth(shot, model.build(weights=file), digest, shaper, task.store, watch)
    layer = _layer(task, shot)
    if layer is None:
        return None

    def values(frame: int) -> NDArray[np.float32] | None:
        return shot.depth_layer(frame, layer) if shot.readable(frame) else None

    return LayerDepth(values, wish.depth_near == "high", layer)


def _layer(task: Task, shot: PlateShot) -> str | None:
    """The layer meant, as the first readable frame has it."""
    asked = task.spec.plate.depth
    first = next((frame for frame in shot.frames if shot.readable(frame)), None)
    if first is None:
        return None
    for name in (asked,) if asked else OWN:
        if shot.depth_layer(first, name) is not None:
            return name
    if asked:
        there = ", ".join(sorted(shot.source.plate(first).channels)[:12])
        model = ", or a model of depth (impasto models list --family depth)"
        retimed = task.spec.WhichOneof("kind") == "interpolate"
        raise BadRequest(
            f"The plate has no layer '{asked}' in frame {first}; it has {there}. Name one of them"
            f"{'' if retimed else model}, with --depth.",
            reason="DEPTH_MISSING",
            frame=first,
        )
    if "depth" in task.spec.output.passes:
        raise BadRequest(
            "The pass depth is asked for, and the plate has neither depth.Z nor Z; name a layer, or a model of depth "
            "(impasto models list --family depth), with --depth.",
            reason="DEPTH_MISSING",
            frame=first,
        )
    return None
