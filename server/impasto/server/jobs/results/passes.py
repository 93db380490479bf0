"""The layers a job writes beside the colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from impasto.server import plates
from impasto.server.jobs.inputs.source import PlateShot
from impasto.server.jobs.planning.digest import matte_parameters
from impasto.server.jobs.task import Task
from impasto.server.ops.threads import fixed_threads
from impasto.server.shots.depth import Depth
from impasto.server.shots.matte_edges import MatteEdges
from impasto.server.shots.motion import FrameMotion, Motion
from impasto.server.shots.render import Painted

Layers = dict[str, NDArray[np.float32]]


class Passes:
    """Makes the passes a job asks for, in the conventions of the code.

    Args:
        task: the job.
        shot: the plate.
        shaper: brings pictures into the display-like domain.
        motion: of the shot.
        depth: of the shot, where it is known.
    """

    def __init__(
        self, task: Task, shot: PlateShot, shaper: plates.Shaper, motion: Motion, depth: Depth | None = None
    ) -> None:
        self._depth = depth
        self._asked = set(task.spec.output.passes)
        self._shot, self._shaper, self._motion = shot, shaper, motion
        self._edges = MatteEdges(**matte_parameters(task.spec))

    def __call__(self, frame: int, painted: Painted | None) -> Layers:
        """The passes of a frame; those of the paint only where it is painted."""
        layers: Layers = {}
        if self._asked & {"motion", "occlusion", "confidence", "cause"}:
            layers |= self._of_motion(frame, self._motion.frame(frame))
        if "depth" in self._asked and self._depth is not None and not self._depth.kept:
            distance = self._depth.distance(frame)
            if distance is not None:
                layers["depth.Z"] = _plane(distance)
        if "source" in self._asked and painted is not None:
            layers["source.x"] = _plane(painted.source_x)
            layers["source.y"] = _plane(painted.source_y)
            layers["source.frame"] = _plane(painted.source_frame)
            layers["source.kind"] = _plane(painted.source_kind)
        return layers

    def _of_motion(self, frame: int, measured: FrameMotion) -> Layers:
        layers: Layers = {}
        if "motion" in self._asked:
            layers["forward"] = measured.forward[0].cpu().numpy()
            layers["backward"] = measured.backward[0].cpu().numpy()
        if "occlusion" in self._asked:
            layers["occlusion.next"] = _plane(self._matte(frame, measured.occlusion_next))
            layers["occlusion.prev"] = _plane(self._matte(frame, measured.occlusion_prev))
        if "cause" in self._asked:
            layers["occlusion.cause"] = _plane(measured.cause)
        if "confidence" in self._asked:
            layers["confidence.next"] = _plane(measured.confidence_next)
            layers["confidence.prev"] = _plane(measured.confidence_prev)
        return layers

    def _matte(self, frame: int, matte: Tensor) -> Tensor:
        """A matte as it is written; what is painted was decided by it as it was judged."""
        if not self._edges:
            return matte
        with fixed_threads():
            return self._edges(matte.float().cpu(), self._shaper.encode(self._shot.picture(frame)))


def _plane(tensor: Tensor) -> NDArray[np.float32]:
    return tensor[0, 0].float().cpu().numpy()
