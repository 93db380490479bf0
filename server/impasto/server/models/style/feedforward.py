"""Paints with a net in one pass: whole or in tiles, with the statistics of the frame or of the shot."""

from __future__ import annotations

import copy
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.errors import NotReady
from impasto.server.models.style import statistics
from impasto.server.models.style.regions import Box, boxes, joined, widen
from impasto.server.models.style.statistics import Moments, Statistics
from impasto.server.ops.tiling import tiled


@dataclass(frozen=True)
class FeedForwardPainter:
    """A net that holds its style already; see `impasto.server.models.style.painter.Painter`.

    The net sees `content` clipped to 0..1, as it was trained to be shown; what the plate has above 1 is the engine's
    to bring back. Its answer is not clipped. On a device, in a precision and compiled or not, as it is told: each
    gives other last digits, so none is ever chosen by what the machine happens to have.

    Attributes:
        net: from (1, 3 + M, H, W), the last M channels `masks`, to (1, 3, H, W); RGB 0..1; sides are multiples of
            `stride`. Its only global parts are `nn.InstanceNorm2d`. It may name in `exact` parts that stay float32;
            it is then shown float32 too.
        stride: see `net`.
        smallest: smallest side the net can be given.
        reach: pixels beyond which no pixel of the picture moves another, once statistics are frozen.
        masks: (1, M, H, W) in 0..1 of the frame's size, where the net takes any.
        tile: side of a tile; larger pictures are painted in tiles of it. None paints any picture whole.
        moments: the statistics to normalise by; None takes those of the picture at hand.
        device: where the net works; pictures come from and go back to the CPU.
        precision: `float32` or `bfloat16`; statistics are always measured in float32.
        compiled: whether the net is compiled by torch.
    """

    net: nn.Module
    stride: int
    smallest: int
    reach: int
    masks: Tensor | None = None
    tile: int | None = 1024
    moments: Moments | None = None
    device: str = "cpu"
    precision: str = "float32"
    compiled: bool = False

    local = False

    def prepare(self, frames: Iterable[Tensor]) -> FeedForwardPainter:
        """The same painter with its statistics frozen.

        Args:
            frames: (1, 3, H, W) display-like frames spread over the shot; the same frames, in the same order, whatever
                part of the shot is to be painted.

        Raises:
            BadRequest: no frame was given.
        """
        return replace(self, moments=statistics.averaged([self.measure(frame) for frame in frames]))

    @torch.no_grad()
    def measure(self, frame: Tensor) -> Moments:
        """The statistics of one frame (1, 3, H, W), display-like; reduced where it is large."""
        seen = statistics.reduced(self._input(frame), self.stride)
        return statistics.measured(self._measuring, seen.to(self.device).contiguous(memory_format=_LAST))

    @torch.no_grad()
    def paint(
        self,
        content: Tensor,
        *,
        start: Tensor | None = None,
        where: Tensor | None = None,
        seed: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Paint `content` (1, 3, H, W), display-like; `start` and `seed` change nothing.

        With `where` and frozen statistics only the tiles it touches are sure to be painted, the same as in the whole.
        """
        check()
        height, width = content.shape[-2:]
        x = self._input(content)
        # Each new size would be compiled anew.
        if where is not None and self.moments is not None and not self.compiled:
            parts = self._parts(where, x)
            if parts:
                return self._in_parts(x, parts, check)[..., :height, :width].contiguous()
        in_tiles = self.tile is not None and max(x.shape[-2:]) > self.tile
        painter = self
        if self.moments is None and in_tiles:
            painter = replace(self, moments=self.measure(content))
        net = painter._painting
        if self.tile is not None and in_tiles:
            painted = tiled(net, x, self.tile, -(-self.reach // self.stride) * self.stride, self.stride, check)
        else:
            painted = net(x)
        return painted[..., :height, :width].contiguous()

    def _parts(self, where: Tensor, x: Tensor) -> list[tuple[Box, Box]]:
        """Rectangles of the fixed grid to paint, and what the net has to see for each; none where that saves little."""
        height, width = x.shape[-2:]
        margin = -(-self.reach // self.stride) * self.stride
        found = joined(
            boxes(F.pad(where, (0, width - where.shape[-1], 0, height - where.shape[-2]))), margin, height, width
        )
        parts = [(box, widen(box, margin, height, width)) for box in found]
        work = sum((x1 - x0) * (y1 - y0) for _, (x0, y0, x1, y1) in parts)
        fits = all(min(x1 - x0, y1 - y0) >= self.smallest for _, (x0, y0, x1, y1) in parts)
        most = self.tile or max(height, width)
        small = all(max(x1 - x0, y1 - y0) <= most for _, (x0, y0, x1, y1) in parts)
        return parts if fits and small and work < _WORTH * height * width else []

    def _in_parts(self, x: Tensor, parts: list[tuple[Box, Box]], check: Callable[[], None]) -> Tensor:
        """The picture with these rectangles painted."""
        painted = x[:, :3].clone()
        for (x0, y0, x1, y1), (left, top, right, bottom) in parts:
            check()
            seen = self._painting(x[..., top:bottom, left:right])
            painted[..., y0:y1, x0:x1] = seen[..., y0 - top : y1 - top, x0 - left : x1 - left]
        return painted

    @cached_property
    def _measuring(self) -> nn.Module:
        # As it paints: the order of channels changes last digits.
        return self.net.to(device=self.device, memory_format=_LAST)  # type: ignore[call-overload, no-any-return]

    @cached_property
    def _painting(self) -> Callable[[Tensor], Tensor]:
        """The net made ready: statistics in its weights, channels last, on its device and in its precision."""
        net = self.net if self.moments is None else statistics.frozen(self.net, self.moments)
        kind = _PRECISIONS[self.precision]
        if kind is not torch.float32:
            net = copy.deepcopy(net)
        net = net.to(device=self.device, dtype=kind, memory_format=_LAST)  # type: ignore[call-overload]
        exact: tuple[str, ...] = getattr(net, "exact", ())
        for name in exact:
            net.get_submodule(name).float()
        run = _compiled(net, self.device) if self.compiled else net
        seen = torch.float32 if exact else kind

        def painting(x: Tensor) -> Tensor:
            x = x.to(device=self.device, dtype=seen).contiguous(memory_format=_LAST)
            painted: Tensor = run(x)
            return painted.float().cpu()

        return painting

    def _input(self, content: Tensor) -> Tensor:
        """Clipped content and masks, their last row and column repeated to sides the net can take."""
        x = content.clamp(0.0, 1.0)
        if self.masks is not None:
            x = torch.cat([x, self.masks.to(x)], 1)
        height, width = x.shape[-2:]
        below, right = (
            max(-(-side // self.stride) * self.stride, -(-self.smallest // self.stride) * self.stride) - side
            for side in (height, width)
        )
        return F.pad(x, (0, right, 0, below), mode="replicate")


_LAST = torch.channels_last
_WORTH = 0.9
"""Painting in parts is worth it up to this share of the whole picture's work."""
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def _compiled(net: nn.Module, device: str) -> Callable[[Tensor], Tensor]:
    """The net compiled; on CUDA into a graph that is replayed, since a shot's frames have one size.

    Raises:
        NotReady: this machine has no compiler that torch can use.
    """
    if shutil.which(os.environ.get("CXX", "g++")) is None and sys.platform != "win32":
        raise NotReady(
            "The job asks for compiled nets and this machine has no C++ compiler; install one, or leave out --compile.",
            reason="COMPILER_MISSING",
        )
    graph = device.startswith("cuda")
    return torch.compile(net, dynamic=False, mode="reduce-overhead" if graph else "default")


STYLE_SIDE = 512
"""Pixels of the shorter side at which a net looks at a style picture, at scale 1."""


def style_at(style: Tensor, scale: float) -> Tensor:
    """A style picture (1, 3, h, w), clipped to 0..1, as a net looks at it.

    Its shorter side is `STYLE_SIDE` times `scale` (0.25..4), its longer at most four times that, its sides multiples of
    16 that are not less than 32.
    """
    height, width = style.shape[-2:]
    factor = STYLE_SIDE * scale / min(height, width)
    longest = 4 * STYLE_SIDE * scale
    size = [max(32, round(min(side * factor, longest) / 16) * 16) for side in (height, width)]
    return F.interpolate(style.clamp(0.0, 1.0), size, mode="bilinear", align_corners=False, antialias=True).clamp(
        0.0, 1.0
    )


def for_shot(
    painter: FeedForwardPainter,
    samples: Mapping[int, Tensor],
    kind: Statistics = Statistics.FROZEN,
    kept: Callable[[int, Callable[[], Moments]], Moments] = lambda _, measure: measure(),
) -> Callable[[int], FeedForwardPainter]:
    """A painter for every frame of a shot.

    Args:
        painter: not yet prepared.
        samples: frame number to (1, 3, H, W): frames spread over the shot. They depend on the shot alone, so a
            frame's paint does not depend on which others are asked for.
        kind: what to normalise by.
        kept: gives the statistics of a sample again where they were measured before.

    Returns:
        From frame number to painter.

    Raises:
        BadRequest: no sample, and `kind` needs one.
    """
    if kind is Statistics.PER_FRAME or not statistics.norms(painter.net):
        return lambda _: painter
    measured = {
        frame: kept(frame, lambda picture=picture: painter.measure(picture))  # type: ignore[misc]
        for frame, picture in samples.items()
    }
    if kind is Statistics.FROZEN:
        fixed = replace(painter, moments=statistics.averaged(list(measured.values())))
        return lambda _: fixed
    return lambda frame: replace(painter, moments=statistics.eased(measured, frame))
