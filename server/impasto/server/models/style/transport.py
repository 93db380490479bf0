"""Sliced optimal transport: move a cloud of points onto another, one random direction at a time.

The sliced Wasserstein distance of two clouds is the mean distance of their sorted projections (Rabin et al. 2011,
Pitié et al. 2007 for colours; Elnekave and Weiss, "Generating natural images with direct patch distributions
matching", ECCV 2022, for patches). Moving every projection to its quantile in the other cloud and projecting back is
one exact descent step of its square, so no optimiser and no gradients are needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

SAMPLES = 8192
"""Points of a cloud that quantiles are taken from, at most."""

QUANTILES = 256
"""Quantiles of one projection."""

_BINS = 512


def quantiles(projections: Tensor, count: int = QUANTILES) -> Tensor:
    """Evenly spaced quantiles of each row: (n, points) to (n, count), ascending."""
    ordered = projections.sort(dim=1).values
    points = ordered.shape[1]
    at = ((torch.arange(count, device=ordered.device) + 0.5) * (points / count)).long().clamp(max=points - 1)
    return ordered[:, at]


def _table(source: Tensor, target: Tensor) -> Tensor:
    """How far each of `_BINS` even values over a row of `source` quantiles moves to reach `target`'s: (n, bins)."""
    low, high = source[:, :1], source[:, -1:]
    steps = torch.arange(_BINS, device=source.device) / (_BINS - 1)
    values = low + (high - low) * steps
    right = torch.searchsorted(source.contiguous(), values.contiguous()).clamp(1, source.shape[1] - 1)
    before, after = source.gather(1, right - 1), source.gather(1, right)
    share = ((values - before) / (after - before).clamp(min=1e-6)).clamp(0.0, 1.0)
    return target.gather(1, right - 1).lerp(target.gather(1, right), share) - values


def displacement(projections: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """How far each projection moves when the quantiles `source` go to the quantiles `target`.

    Args:
        projections: (n, points).
        source: (n, q) ascending quantiles of the cloud the points belong to.
        target: (n, q) ascending quantiles of the other cloud.

    Returns:
        (n, points); points beyond the outer quantiles move as far as these, so nothing is clamped.
    """
    low, span = source[:, :1], (source[:, -1:] - source[:, :1]).clamp(min=1e-6)
    at = ((projections - low) * ((_BINS - 1) / span)).clamp(0, _BINS - 1)
    return _table(source, target).gather(1, (at + 0.5).long())


def orthonormal(rows: Tensor) -> Tensor:
    """Rows made orthonormal by Gram and Schmidt: (n, size) float64, n <= size.

    Plain sums and products, because LAPACK's QR gives other bits with another number of threads.
    """
    done = torch.zeros_like(rows)
    for index, row in enumerate(rows):
        for _ in range(2):
            row = row - ((done[:index] * row).sum(1, keepdim=True) * done[:index]).sum(0)
        done[index] = row / row.square().sum().sqrt()
    return done


def directions(count: int, size: int, draw: torch.Generator) -> Tensor:
    """Random orthonormal directions: (count, size) float32, count <= size."""
    return orthonormal(torch.randn(count, size, generator=draw, dtype=torch.float64)).float()


def _thin(points: Tensor) -> Tensor:
    """At most `SAMPLES` evenly spaced columns."""
    return points[:, :: -(-points.shape[1] // SAMPLES)]


@dataclass(frozen=True)
class ColourMap:
    """A map of colours onto a palette, as a chain of one-dimensional transports."""

    steps: tuple[tuple[Tensor, Tensor, Tensor], ...]

    _PACE = 0.7

    @classmethod
    def between(cls, content: Tensor, style: Tensor, steps: int = 10) -> ColourMap:
        """The map of the colours of `content` (1, 3, H, W) onto those of `style` (1, 3, h, w)."""
        draw = torch.Generator().manual_seed(7)
        colours, palette = _thin(content[0].flatten(1)), _thin(style[0].flatten(1))
        chain = []
        for _ in range(steps):
            turn = directions(3, 3, draw).to(content)
            source, target = quantiles(turn @ colours, 64), quantiles(turn @ palette, 64)
            chain.append((turn, source, target))
            colours = colours + cls._PACE * (turn.T @ displacement(turn @ colours, source, target))
        return cls(tuple(chain))

    def __call__(self, picture: Tensor) -> Tensor:
        """The picture (1, 3, H, W) in the palette."""
        colours = picture[0].flatten(1)
        for turn, source, target in self.steps:
            colours = colours + self._PACE * (turn.T @ displacement(turn @ colours, source, target))
        return colours.reshape(picture.shape)


def patch_step(
    picture: Tensor,
    target: Tensor,
    size: int,
    projections: int,
    pace: float,
    draw: torch.Generator,
    chosen: Tensor | None = None,
) -> Tensor:
    """Move the patches of a picture one step towards a cloud of patches.

    Args:
        picture: (1, 3, H, W), sides larger than `size // 2`.
        target: (3 * size * size, points) the patches wanted.
        size: side of a patch, odd.
        projections: filters drawn for this step.
        pace: 1 goes all the way along the drawn filters.
        draw: where the filters come from.
        chosen: (n,) int64, the pixels, counted along the rows, whose patches are the cloud that moves; None is all.

    Returns:
        The picture after the step.
    """
    filters = directions(projections, 3 * size * size, draw).to(picture)
    patches = _Everywhere(picture, size) if chosen is None else _Chosen(picture, size, chosen)
    responses = patches.responses(filters)
    width = picture.shape[-1]
    every = -(-responses.shape[1] // SAMPLES)
    every += int(every > 1 and width % every == 0)
    offset = int(torch.randint(0, every, (1,), generator=draw))
    source, wanted = quantiles(responses[:, offset::every]), quantiles(filters @ target)
    back = patches.gathered(filters, displacement(responses, source, wanted))
    return picture + back * (3.0 * pace / projections)


class _Everywhere:
    """All patches of a picture: convolutions."""

    def __init__(self, picture: Tensor, size: int) -> None:
        self._picture, self._size = picture, size

    def _kernels(self, filters: Tensor) -> Tensor:
        return filters.reshape(len(filters), 3, self._size, self._size)

    def responses(self, filters: Tensor) -> Tensor:
        """Every filter's answer at every pixel, (filters, H * W)."""
        padded = F.pad(self._picture, (self._size // 2,) * 4, mode="replicate")
        return F.conv2d(padded, self._kernels(filters))[0].flatten(1)

    def gathered(self, filters: Tensor, moves: Tensor) -> Tensor:
        """What the filters' moves add up to at every pixel, (1, 3, H, W)."""
        height, width = self._picture.shape[-2:]
        pad = self._size // 2
        back = F.conv_transpose2d(moves.reshape(1, -1, height, width), self._kernels(filters))
        return back[..., pad : pad + height, pad : pad + width]


class _Chosen:
    """Some patches of a picture: work only for these."""

    def __init__(self, picture: Tensor, size: int, chosen: Tensor) -> None:
        self._shape, self._pad = picture.shape, size // 2
        padded = F.pad(picture, (self._pad,) * 4, mode="replicate")[0]
        self._wide = padded.shape[-1]
        self._area = padded[0].numel()
        rows, columns = chosen // picture.shape[-1], chosen % picture.shape[-1]
        steps = torch.arange(size)
        window = (steps[:, None] * self._wide + steps).flatten()
        inside = (rows * self._wide + columns)[None] + window[:, None]
        channels = torch.arange(3)[:, None, None] * self._area
        self._places = (inside + channels).reshape(-1, len(chosen))
        self._patches = padded.flatten()[self._places]

    def responses(self, filters: Tensor) -> Tensor:
        """Every filter's answer at the chosen pixels, (filters, n)."""
        return filters @ self._patches

    def gathered(self, filters: Tensor, moves: Tensor) -> Tensor:
        """What the filters' moves add up to at every pixel, (1, 3, H, W)."""
        total = self._patches.new_zeros(3 * self._area)
        total.index_add_(0, self._places.flatten(), (filters.T @ moves).flatten())
        height, width = self._shape[-2:]
        back = total.reshape(1, 3, -1, self._wide)
        return back[..., self._pad : self._pad + height, self._pad : self._pad + width]
