"""Dense inverse search at full resolution (Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search")."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from torch import Tensor

from impasto.server.models.card import Model, Parameter


class Dis:
    """OpenCV's DIS with its finest scale at full resolution, polished.

    Args:
        grain: standard deviation of the plate's grain in display-like units.
    """

    def __init__(self, grain: float = 0.0) -> None:
        self._grain = grain

    def both(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """See `FlowEstimator.both`."""
        cv2.setNumThreads(1)
        a, b = _luma(first), _luma(second)
        with ThreadPoolExecutor(2) as pool:
            there, back = pool.map(_search, (a, b), (b, a))
        height, width = first.shape[-2:]
        return (
            torch.from_numpy(there.transpose(2, 0, 1)[None, :, :height, :width].copy()),
            torch.from_numpy(back.transpose(2, 0, 1)[None, :, :height, :width].copy()),
        )

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """See `FlowEstimator.__call__`."""
        return self.both(first, second)[0]


def _luma(picture: Tensor) -> np.ndarray:
    weights = torch.tensor([0.2126, 0.7152, 0.0722])[:, None, None]
    luma = (picture[0] * weights).sum(0).clamp(0, 1)
    eight = (luma * 255).round().to(torch.uint8).numpy()
    return np.pad(eight, ((0, max(0, 16 - eight.shape[0])), (0, max(0, 16 - eight.shape[1]))), mode="edge")


def _search(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    motion: np.ndarray = dis.calc(first, second, None)  # type: ignore[call-overload]
    return motion


def build(grain: float = 0.0) -> Dis:
    """Make the estimator; `grain` is the standard deviation of the plate's grain in display-like units."""
    return Dis(grain)


MODEL = Model(
    id="dis",
    family="flow",
    summary="Dense inverse search at full resolution with a variational polish: fast, needs no weights.",
    build=build,
    smallest=1,
    parameters=(Parameter("grain", 0.0, 0.0, 1.0, "Standard deviation of the grain, measured where not given."),),
)
