"""DeepFlow (Weinzaepfel et al. 2013, "DeepFlow: Large displacement optical flow with deep matching"), beside DIS."""

from __future__ import annotations

import cv2

from impasto.server.models.card import Model
from impasto.server.models.flow import dis
from impasto.server.models.flow.candidates import Array, Eight
from impasto.server.models.flow.consensus import Consensus


def search(first: Eight, second: Eight) -> Array:
    """Motion of two 8-bit pictures, (H, W, 2): the variational part of DeepFlow as OpenCV's contrib has it."""
    motion: Array = cv2.optflow.createOptFlow_DeepFlow().calc(first, second, None)
    return motion


def build(grain: float = 0.0) -> Consensus:
    """Make the estimator; `grain` is the standard deviation of the plate's grain in display-like units."""
    return Consensus((dis.search,), (dis.search, search), grain, warps=10)


MODEL = Model(
    id="deepflow",
    family="flow",
    summary="DeepFlow and dense inverse search, the pictures choosing between them: slower, finer, no weights.",
    build=build,
    version=2,
    smallest=1,
    parameters=(dis.GRAIN,),
)
