"""RAFT: recurrent all-pairs field transforms (Teed and Deng, ECCV 2020), small and large.

Features of both pictures are compared at all places (`impasto.server.ops.correlation`); a recurrent unit looks around
where the motion points by now and takes a step, again and again. Modules are named as in the published princeton-vl
checkpoints; torchvision's names are turned into these by `impasto.server.models.flow.raft_weights`.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.flow.raft_encoder import Bottleneck, Encoder, Residual
from impasto.server.models.flow.raft_update import LargeUpdateBlock, SmallUpdateBlock
from impasto.server.ops.correlation import LEVELS, Form, correlation

Size = Literal["small", "large"]

PARAMETERS = {"small": 990_162, "large": 5_257_536}
"""Weights of the nets, as published."""

STRIDE = 8
"""Pixels a cell."""

SMALLEST = 128
"""Pixels a side at least, so that the coarsest level has two cells."""


class Raft(nn.Module):
    """The net; both pictures must be padded to multiples of `STRIDE` and `SMALLEST` at least.

    Args:
        size: which of the two published nets.
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        self.update_block: SmallUpdateBlock | LargeUpdateBlock
        if size == "small":
            self.hidden, self.radius = 96, 3
            self.fnet = Encoder(Bottleneck, (32, 64, 96), 128, "instance")
            self.cnet = Encoder(Bottleneck, (32, 64, 96), 96 + 64, "none")
            self.update_block = SmallUpdateBlock(LEVELS * 7 * 7)
        else:
            self.hidden, self.radius = 128, 4
            self.fnet = Encoder(Residual, (64, 96, 128), 256, "instance")
            self.cnet = Encoder(Residual, (64, 96, 128), 128 + 128, "batch")
            self.update_block = LargeUpdateBlock(LEVELS * 9 * 9)

    def features(self, picture: Tensor) -> Tensor:
        """Features to be compared: (1, 128 or 256, H / 8, W / 8) of (1, 3, H, W) in -1..1."""
        features: Tensor = self.fnet(picture)
        return features

    def forward(
        self,
        picture: Tensor,
        first: Tensor,
        second: Tensor,
        *,
        updates: int = 12,
        form: Form = "volume",
        start: Tensor | None = None,
        settled: float = 0.0,
        origin: tuple[int, int] = (0, 0),
    ) -> Tensor:
        """Motion of a pair.

        Args:
            picture: (1, 3, H, W) in -1..1 of the weights' type, the first picture.
            first: its `features`.
            second: `features` of the second picture; it may have another size.
            updates: steps at most.
            form: see `impasto.server.ops.correlation`.
            start: (1, 2, H / 8, W / 8) motion in cells to begin with; None for none.
            settled: pixels; no further step is taken once the steps are shorter than this in the mean.
            origin: column and row of the first picture's cells at which the second's first cell lies.

        Returns:
            (1, 2, H, W) float32 pixels, x right, y down: `first(p) ~ second(p + motion(p))`.
        """
        look = correlation(first, second, self.radius, form)
        context = self.cnet(picture)
        hidden = torch.tanh(context[:, : self.hidden])
        gates = self.update_block.gru.gates(F.relu_(context[:, self.hidden :]))
        here = _cells(first)
        there = here - torch.tensor(origin, dtype=here.dtype, device=here.device)[:, None, None]
        motion = torch.zeros_like(here) if start is None else start.float()
        for _ in range(updates):
            seen = look(there + motion).to(hidden.dtype)
            encoded = self.update_block.encoder(motion.to(hidden.dtype), seen)
            for gate in gates:
                hidden = gate.step(hidden, encoded)
            step = self.update_block.flow_head(hidden).float()
            motion = motion + step
            if settled > 0 and float(torch.linalg.vector_norm(step, dim=1).mean()) * STRIDE < settled:
                break
        return self._enlarged(motion, hidden)

    def _enlarged(self, motion: Tensor, hidden: Tensor) -> Tensor:
        """Motion in pixels at full size: convex mixes of neighbouring cells (large), or bilinear (small)."""
        height, width = motion.shape[-2:]
        if self.update_block.mask is None:
            size = (height * STRIDE, width * STRIDE)
            return STRIDE * F.interpolate(motion, size, mode="bilinear", align_corners=True)
        mask = 0.25 * self.update_block.mask(hidden).float()
        weights = mask.view(1, 9, STRIDE * STRIDE, height, width).softmax(1)
        padded = F.pad(STRIDE * motion, (1, 1, 1, 1))
        neighbours = [padded[:, :, y : y + height, x : x + width] for y in range(3) for x in range(3)]
        mixed = sum(weights[:, tap, None] * near[:, :, None] for tap, near in enumerate(neighbours))
        assert isinstance(mixed, Tensor)
        return F.pixel_shuffle(mixed.flatten(1, 2), STRIDE)


def _cells(features: Tensor) -> Tensor:
    """(1, 2, H, W) column and row of every cell."""
    height, width = features.shape[-2:]
    rows = torch.arange(height, dtype=torch.float32, device=features.device)
    columns = torch.arange(width, dtype=torch.float32, device=features.device)
    return torch.stack([columns.expand(height, width), rows[:, None].expand(height, width)])[None]
