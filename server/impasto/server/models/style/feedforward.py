"""Paints with a net in one pass: whole or in tiles, with the statistics of the frame or of the shot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.errors import BadRequest
from impasto.server.models.style import statistics
from impasto.server.models.style.painter import Painter
from impasto.server.models.style.statistics import Moments, Statistics
from impasto.server.ops.tiling import tiled


@dataclass(frozen=True)
class FeedForwardPainter:
    """A net that holds its style already; see `impasto.server.models.style.painter.Painter`.

    The net sees `content` clipped to 0..1, as it was trained to be shown; what the plate has above 1 is the engine's
    to bring back. Its answer is not clipped.

    Attributes:
        net: from (1, 3 + M, H, W), the last M channels `masks`, to (1, 3, H, W); RGB 0..1; sides are multiples of
            `stride`. Its only global parts are `nn.InstanceNorm2d`.
        stride: see `net`.
        smallest: smallest side the net can be given.
        reach: pixels beyond which no pixel of the picture moves another, once statistics are frozen.
        masks: (1, M, H, W) in 0..1 of the frame's size, where the net takes any.
        tile: side of a tile; larger pictures are painted in tiles of it. None paints any picture whole.
        moments: the statistics to normalise by; None takes those of the picture at hand.
    """

    net: nn.Module
    stride: int
    smallest: int
    reach: int
    masks: Tensor | None = None
    tile: int | None = 1024
    moments: Moments | None = None

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
        return statistics.measured(self.net, statistics.reduced(self._input(frame), self.stride))

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
        """Paint the whole of `content` (1, 3, H, W), display-like; `start`, `where` and `seed` change nothing."""
        check()
        height, width = content.shape[-2:]
        x = self._input(content)
        in_tiles = self.tile is not None and max(x.shape[-2:]) > self.tile
        moments = self.moments
        if moments is None and in_tiles:
            moments = self.measure(content)
        net = self.net if moments is None else statistics.frozen(self.net, moments)
        if self.tile is not None and in_tiles:
            painted = tiled(net, x, self.tile, -(-self.reach // self.stride) * self.stride, self.stride, check)
        else:
            painted = net(x)
        return painted[..., :height, :width].contiguous()

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


def checked(shares: Sequence[float] | None, styles: int, masks: Tensor | None = None) -> Tensor:
    """The share of each style, (styles,) summing to 1; equal where none are given.

    Raises:
        BadRequest: shares or masks (1, M, H, W) that do not fit the number of styles.
    """
    shares = [1.0] * styles if shares is None else list(shares)
    if len(shares) != styles or min(shares) < 0.0 or sum(shares) <= 0.0:
        raise BadRequest(
            f"{styles} styles got the weights {shares}; give each one weight of 0 or more, and not all of them 0."
        )
    if masks is not None and masks.shape[1] != styles:
        raise BadRequest(f"{styles} styles got {masks.shape[1]} masks; give each style one mask, or none.")
    return torch.tensor(shares) / sum(shares)


def for_shot(
    painter: FeedForwardPainter, samples: Mapping[int, Tensor], kind: Statistics = Statistics.FROZEN
) -> Callable[[int], Painter]:
    """A painter for every frame of a shot.

    Args:
        painter: not yet prepared.
        samples: frame number to (1, 3, H, W): frames spread over the shot. They depend on the shot alone, so a
            frame's paint does not depend on which others are asked for.
        kind: what to normalise by.

    Returns:
        From frame number to painter.

    Raises:
        BadRequest: no sample, and `kind` needs one.
    """
    if kind is Statistics.PER_FRAME:
        return lambda _: painter
    if kind is Statistics.FROZEN:
        fixed = painter.prepare(samples.values())
        return lambda _: fixed
    measured = {frame: painter.measure(picture) for frame, picture in samples.items()}
    return lambda frame: replace(painter, moments=statistics.eased(measured, frame))
