"""A soft skin spanned over a region from the values at its border: what makes two paintings continue each other."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_EDGE = 0.1
"""Difference of the guide that counts as an edge."""
_PRECISION = 1e-3
"""What is left of the error when the iteration ends; fixed, as the number of steps follows from it."""


def membrane(values: Tensor, known: Tensor, inside: Tensor, guide: Tensor, reach: float) -> Tensor:
    """Solve the screened Laplace equation `(laplacian - 1 / reach^2) d = 0` inside, with `values` around it.

    Adding `d` to a patch is its gradient-domain blend into what surrounds it (Perez et al. 2003, "Poisson image
    editing"), easing out over `reach`. Where the guide has an edge little flows across it. Solved by a fixed number of
    Chebyshev steps (Golub and Varga 1961), which need no sums over the picture: the bits depend on neither threads nor
    what else is in the picture.

    Args:
        values: (1, C, H, W) float32, read where `known`.
        known: (1, 1, H, W) bool, the surroundings; where neither known nor inside, nothing flows through.
        inside: (1, 1, H, W) bool, where to solve; apart from `known`.
        guide: (1, 3, H, W) float32, display-like.
        reach: pixels over which the values ease out towards 0.

    Returns:
        (1, C, H, W) float32: `d` inside, 0 elsewhere.
    """
    result = torch.zeros_like(values)
    rows = inside.any(-1).flatten().nonzero()
    columns = inside.any(-2).flatten().nonzero()
    if len(rows) == 0:
        return result
    height, width = values.shape[-2:]
    top, bottom = max(int(rows[0]) - 1, 0), min(int(rows[-1]) + 2, height)
    left, right = max(int(columns[0]) - 1, 0), min(int(columns[-1]) + 2, width)
    crop = (..., slice(top, bottom), slice(left, right))
    links = _Links(guide[crop], (known | inside)[crop])
    result[crop] = _solve(torch.where(known, values, 0.0)[crop], links, inside[crop].float(), 1.0 / reach**2)
    return result


class _Links:
    """How strongly neighbours hold together, 0..1, to the right and down."""

    def __init__(self, guide: Tensor, there: Tensor) -> None:
        right = (guide[..., 1:] - guide[..., :-1]).abs().amax(1, keepdim=True)
        down = (guide[..., 1:, :] - guide[..., :-1, :]).abs().amax(1, keepdim=True)
        self.right = torch.exp(-((right / _EDGE) ** 2)) * (there[..., 1:] & there[..., :-1])
        self.down = torch.exp(-((down / _EDGE) ** 2)) * (there[..., 1:, :] & there[..., :-1, :])

    def pull(self, picture: Tensor) -> Tensor:
        """Sum of the differences to the neighbours, each by its link."""
        across = (picture[..., 1:] - picture[..., :-1]) * self.right
        along = (picture[..., 1:, :] - picture[..., :-1, :]) * self.down
        return F.pad(across, (0, 1)) - F.pad(across, (1, 0)) + F.pad(along, (0, 0, 0, 1)) - F.pad(along, (0, 0, 1, 0))


def _solve(around: Tensor, links: _Links, inside: Tensor, screen: float) -> Tensor:
    low, high = screen, 8.0 + screen
    centre, half = (high + low) / 2, (high - low) / 2
    ratio = math.sqrt(high / low)
    steps = math.ceil(math.log(2 / _PRECISION) / math.log((ratio + 1) / (ratio - 1)))
    found, direction = around, torch.zeros_like(around)
    alpha = 0.0
    for count in range(steps):
        left = (links.pull(found) - screen * found) * inside
        beta = (half * alpha) ** 2 * (0.5 if count == 1 else 0.25)
        alpha = 1 / (centre - beta / alpha) if count else 1 / centre
        direction = left + direction * beta
        found = found + direction * alpha
    return found * inside
