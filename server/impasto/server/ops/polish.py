"""The last tenth of a pixel: variational refinement of motion at full resolution."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def polish(first: Array, second: Array, motion: Array, *, smoothness: float = 40.0, warps: int = 5) -> Array:
    """Refine motion so that brightness and gradients agree, smooth but for robust breaks.

    Brox et al. 2004, "High Accuracy Optical Flow Estimation Based on a Theory for Warping", from a given start, through
    OpenCV's solver on unrounded floats.

    Args:
        first: (H, W) float32, display-like luma 0..1.
        second: the same of the other picture.
        motion: (H, W, 2) float32, pixels, x right, y down; kept as it is.
        smoothness: weight of smoothness; 20 follows noise, 80 rounds corners.
        warps: times the second picture is brought to the first.

    Returns:
        (H, W, 2) float32.
    """
    solver = cv2.VariationalRefinement.create()
    solver.setAlpha(smoothness)
    solver.setFixedPointIterations(warps)
    solver.setEpsilon(0.01)  # at the default of 0.001 motion that starts out even cannot leave its value
    refined: Array = solver.calc(first * np.float32(255), second * np.float32(255), motion.copy())
    return refined
