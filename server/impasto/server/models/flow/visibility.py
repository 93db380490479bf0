"""Which pixels the other picture shows too, as told by motion from there."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from impasto.server.models.flow.candidates import Array
from impasto.server.ops.splat import splat

_SPREAD = 0.7
"""Pixels of blur over what arrives, which lands between pixels."""

_STRETCH = 2.0
"""A surface seen so many times as large as in the other picture is fully reached all the same."""


def reached(back: Array) -> Array:
    """How much of each pixel the motion of the other picture arrives at, (h, w), 0..1.

    What is hidden in the other picture, or lies outside it, nothing there moves to (the range map of Wang et al. 2018,
    "Occlusion Aware Unsupervised Learning of Optical Flow"). Beside a moving thing this is better known than by motion
    from here: where ground is about to be covered, its rim lies next to the thing in the other picture without a
    hidden strip in between.

    Args:
        back: (h, w, 2) motion from the other picture to this one.
    """
    motion = torch.from_numpy(np.ascontiguousarray(back.transpose(2, 0, 1)))[None]
    arrived = splat(torch.ones_like(motion[:, :1]), motion)[1][0, 0].numpy()
    share: Array = cv2.GaussianBlur(arrived, (0, 0), _SPREAD) * np.float32(_STRETCH)
    return np.minimum(share, np.float32(1))
