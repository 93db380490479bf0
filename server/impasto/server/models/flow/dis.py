"""Dense inverse search at full resolution (Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search")."""

from __future__ import annotations

import cv2

from impasto.server.models.card import Model, Parameter
from impasto.server.models.flow.candidates import Array, Eight
from impasto.server.models.flow.consensus import Consensus

GRAIN = Parameter("grain", 0.0, 0.0, 1.0, "Standard deviation of the grain in display-like units.")


def search(first: Eight, second: Eight) -> Array:
    """Motion of two 8-bit pictures, (H, W, 2): OpenCV's DIS with its finest scale at full resolution.

    The preset stops two octaves short of it. Patches are compared with their mean, which tells apart what texture alone
    does not, and the variational step is smoother and longer than the preset's.
    """
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    dis.setUseMeanNormalization(False)
    dis.setVariationalRefinementAlpha(40)
    dis.setVariationalRefinementIterations(10)
    motion: Array = dis.calc(first, second, None)
    return motion


def build(grain: float = 0.0) -> Consensus:
    """Make the estimator; `grain` is the standard deviation of the plate's grain in display-like units."""
    return Consensus((search,), (search,), grain)


MODEL = Model(
    id="dis",
    family="flow",
    summary="Dense inverse search at full resolution with surfaces fitted and a variational polish: fast, no weights.",
    build=build,
    version=2,
    smallest=1,
    parameters=(GRAIN,),
)
