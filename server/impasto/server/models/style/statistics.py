"""The statistics that a net normalises by: of each frame, eased over the shot, or frozen for the whole of it.

Instance normalisation divides out what a frame as a whole looks like, so a bright thing entering at one side repaints
the other. Taken once from frames spread over the shot, the statistics become constants: the paint stops pumping, the
plate's own changes of light stay visible, and since nothing but neighbours binds pixels together any more, tiles are
exact (after ReReVST's sequence-level sharing, Wang et al., TIP 2020, and URST's thumbnails, Chen et al., AAAI 2022).

Any net will do whose only global parts are `nn.InstanceNorm2d`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.errors import BadRequest
from impasto.server.models.style.folding import absorb

Moments = Mapping[str, tuple[Tensor, Tensor]]
"""Of each normalisation by its module's name: mean and mean square of every channel, both (C,) float32."""

LARGEST = 1024 * 1024
"""Frames of more pixels are measured on a reduced copy."""

SPREAD = 24.0
"""Deviation in frames of the Gaussian that eases statistics over a shot."""

_Net = TypeVar("_Net", bound=nn.Module)


class Statistics(StrEnum):
    """What a net normalises a frame by."""

    PER_FRAME = "per-frame"
    SMOOTHED = "smoothed"
    FROZEN = "frozen"


def reduced(frame: Tensor, stride: int, largest: int = LARGEST) -> Tensor:
    """The frame with at most `largest` pixels and sides that are multiples of `stride`, (B, C, h, w)."""
    height, width = frame.shape[-2:]
    scale = min(1.0, math.sqrt(largest / (height * width)))
    size = [max(stride, int(side * scale) // stride * stride) for side in (height, width)]
    if size == [height, width]:
        return frame
    return F.interpolate(frame, size, mode="bilinear", align_corners=False, antialias=True)


@torch.no_grad()
def measured(net: nn.Module, frame: Tensor) -> Moments:
    """What every instance normalisation of `net` sees while it paints `frame` (1, 3, H, W)."""
    found: dict[str, tuple[Tensor, Tensor]] = {}
    handles = []
    for name, norm in norms(net).items():

        def keep(_: nn.Module, inputs: tuple[Tensor], name: str = name) -> None:
            x = inputs[0].double()
            found[name] = (x.mean((0, 2, 3)), x.square().mean((0, 2, 3)))

        handles.append(norm.register_forward_pre_hook(keep))
    try:
        net(frame)
    finally:
        for handle in handles:
            handle.remove()
    return found


def averaged(samples: Sequence[Moments], weights: Sequence[float] | None = None) -> Moments:
    """The weighted average of several frames' moments; equal weights where none are given.

    Raises:
        BadRequest: there is no frame.
    """
    if not samples:
        raise BadRequest("A shot's statistics need at least one readable frame; check the plate.", reason="SHOT_EMPTY")
    weights = [1.0] * len(samples) if weights is None else weights
    total = sum(weights)

    def mean(name: str, part: int) -> Tensor:
        shares = [sample[name][part] * (weight / total) for sample, weight in zip(samples, weights, strict=True)]
        return torch.stack(shares).sum(0)

    return {name: (mean(name, 0), mean(name, 1)) for name in samples[0]}


def eased(samples: Mapping[int, Moments], frame: int, spread: float = SPREAD) -> Moments:
    """The moments around `frame`, weighted by a Gaussian of `spread` frames."""
    distances = [(number - frame) / spread for number in samples]
    # The nearest sample weighs 1, however far it is.
    nearest = min((distance**2 for distance in distances), default=0.0)
    return averaged(list(samples.values()), [math.exp((nearest - distance**2) / 2) for distance in distances])


class _Affine(nn.Module):
    """A normalisation whose statistics are known: one scale and one shift a channel."""

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale[:, None, None])
        self.register_buffer("shift", shift[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.get_buffer("shift"), x, self.get_buffer("scale"))


def frozen(net: _Net, moments: Moments) -> _Net:
    """A copy of `net` that normalises every picture by `moments`; what does not change is shared.

    A normalisation becomes one multiplication and addition, and where the net says in `folds` (names of convolutions,
    each with that of the normalisation that follows it) which convolution it follows, part of its weights.

    Raises:
        ValueError: the moments are of another net.
    """
    shared: dict[int, object] = {id(value): value for value in [*net.parameters(), *net.buffers()]}
    twin = copy.deepcopy(net, shared).eval()
    found = norms(twin)
    if found.keys() != moments.keys():
        raise ValueError(f"The net normalises at {sorted(found)}, the statistics are of {sorted(moments)}.")
    folds = {norm: conv for conv, norm in getattr(net, "folds", ())}
    for name, norm in found.items():
        scale, shift = _affine(norm, *moments[name])
        if name in folds:
            conv = twin.get_submodule(folds[name])
            assert isinstance(conv, nn.Conv2d)
            absorb(conv, scale, shift=shift)
            twin.set_submodule(name, nn.Identity())
        else:
            twin.set_submodule(name, _Affine(scale, shift))
    return twin


def _affine(norm: nn.InstanceNorm2d, mean: Tensor, square: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and shift of a normalisation by these moments, each (C,) float32."""
    mean, square = mean.double(), square.double()
    scale = torch.rsqrt((square - mean.square()).clamp_min(0.0) + norm.eps)
    if norm.affine:
        scale = scale * norm.weight
    shift = -mean * scale
    if norm.affine:
        shift = shift + norm.bias
    return scale.float(), shift.float()


def norms(net: nn.Module) -> dict[str, nn.InstanceNorm2d]:
    """Every instance normalisation of a net, by its module's name."""
    return {name: module for name, module in net.named_modules() if isinstance(module, nn.InstanceNorm2d)}
