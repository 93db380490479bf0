"""The net of the house for frames in between: splats mended by `blend_net`, trained by `training/interpolation.py`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.models.card import Model, bundled
from impasto.server.models.checkpoint import fit
from impasto.server.models.interpolation.blend_net import STRIDE, BlendNet, brought
from impasto.server.models.interpolation.interpolator import Course, Pair


class Blend:
    """See `Interpolator`; any time and size."""

    def __init__(self, net: BlendNet, device: str) -> None:
        self._net, self._device = net.to(device), device

    @torch.no_grad()
    def __call__(self, pair: Pair, time: float, course: Course) -> Tensor:
        """See `Interpolator`."""
        height, width = pair.first.shape[-2:]
        given = F.pad(brought(pair, time, course), (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        made: Tensor = self._net(given.to(self._device))
        return made[..., :height, :width].to(pair.first.device)


def build(weights: Path, device: str = "cpu") -> Blend:
    """The interpolator with its bundled weights.

    Raises:
        NotFound, BadRequest: as `impasto.server.models.checkpoint.fit`.
    """
    net = BlendNet()
    fit(net, weights, "the blend net", "an impasto-blend.safetensors made by training/interpolation.py")
    return Blend(net, device)


MODEL = Model(
    id="impasto-blend",
    family="interpolation",
    summary="Splats whose mix a small net of our own mends: any time; made by training/interpolation.py.",
    build=build,
    weights=bundled("impasto-blend"),
    stride=STRIDE,
    smallest=1,
)
