"""The matte of Ruder et al. 2016, "Artistic Style Transfer for Videos", written from its description.

Checked on small examples computed by hand and beside a loop over pixels written from the paper
(`tests/benchmarks/test_ruder.py`). Of the authors' own examples the motion is not at hand.
"""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor
from truth import Array, inside

from impasto.server.ops.warp import warp
from impasto.server.shots.signs import disagreement


def unreliable(out: Tensor, home: Tensor) -> Array:
    """Ruder's matte turned round, (H, W) 0..1, 1 = not to be relied on.

    Borders of motion and what leaves the picture are uncertain (0), what disagrees is worse (-1) and eats into what is
    around it by a Gaussian of 0.8.

    Args:
        out: (1, 2, H, W) motion from here to there, pixels; no wider than 1024.
        home: motion from there to here.
    """
    flow = out[0].numpy()
    reliable = np.ones(flow.shape[1:], np.float32)
    slopes = sum(np.square(np.gradient(way, axis=axis)) for way in flow for axis in (0, 1))
    reliable[slopes > 0.01 * np.square(flow).sum(0) + 0.002] = 0
    reliable[disagreement(out, warp(home, out))[0, 0].numpy() >= 1] = -1
    reliable[~inside(flow)] = 0
    return np.asarray(1 - np.clip(cv2.GaussianBlur(reliable, (0, 0), 0.8), 0, 1))
