"""The net of the house for mattes: `matte_net` with its bundled weights, trained by `training/mattes.py`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.models.card import Model, bundled
from impasto.server.models.checkpoint import fit
from impasto.server.models.mattes.matte_net import REACH, STRIDE, MatteNet
from impasto.server.models.weights import default_store
from impasto.server.ops.tiling import tiled

TILE = 640
"""Side in pixels of what one pass gives back; memory does not grow beyond."""


class Judge:
    """See `impasto.server.shots.mattes.Judge`; any size, on the CPU, the same bits on any machine's number of cores."""

    def __init__(self, net: MatteNet) -> None:
        self._net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def __call__(self, signs: Tensor) -> Tensor:
        """See `impasto.server.shots.mattes.Judge`."""
        height, width = signs.shape[-2:]
        below, beside = -height % STRIDE, -width % STRIDE
        padded = F.pad(signs, (0, beside, 0, below), mode="replicate") if below or beside else signs
        return tiled(self._hidden, padded, TILE, REACH, STRIDE)[..., :height, :width]

    def _hidden(self, signs: Tensor) -> Tensor:
        said = self._net(signs.float().contiguous(memory_format=torch.channels_last))[:, :1]
        return torch.sigmoid(said.contiguous())


def build(weights: Path) -> Judge:
    """The judge with these weights.

    Raises:
        NotFound, BadRequest: as `impasto.server.models.checkpoint.fit`.
    """
    net = MatteNet()
    fit(net, weights, "the net of mattes", "an impasto-mattes.safetensors made by training/mattes.py")
    return Judge(net)


MODEL = Model(
    id="impasto-mattes",
    family="mattes",
    summary="Weighs the signs of hiding where motion was measured: a small net of our own, made by training/mattes.py.",
    build=build,
    weights=bundled("impasto-mattes"),
    stride=STRIDE,
    smallest=1,
)

VERSION = f"{MODEL.version} {MODEL.published[0].sha256}"
"""Of net and weights; part of every cache key."""


@cache
def judge() -> Judge:
    """The judge with the weights that come with the program.

    Raises:
        NotReady: they are not in this build, or were changed.
    """
    return build(default_store().ready(MODEL))
