"""A soft skin spanned over a region from the values at its border: what makes two paintings continue each other."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_PRECISION = 1e-3
"""What is left of the error when the iteration ends; fixed, as the number of steps follows from it."""


def membrane(values: Tensor, known: Tensor, inside: Tensor, reach: float) -> Tensor:
    """Solve the screened Laplace equation `(laplacian - 1 / reach^2) d = 0` inside, with `values` around it.

    Adding `d` to a patch gives the gradient-domain blend of the patch into its surroundings (Perez et al. 2003, "Poisson
    image editing"), easing out over `reach`. Solved by a fixed number of Chebyshev steps (Golub and Varga 1961), which
    need no sums over the picture: the bits depend on neither threads nor what else is in the picture.

    Args:
        values: (1, C, H, W) float32, read where `known`.
        known: (1, 1, H, W) bool, the surroundings; where neither known nor inside, nothing flows through.
        inside: (1, 1, H, W) bool, where to solve; apart from `known`.
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
    result[crop] = _solve(values[crop], known[crop], inside[crop].float(), reach)
    return result


def _solve(values: Tensor, known: Tensor, inside: Tensor, reach: float) -> Tensor:
    source = _around(torch.where(known, values, torch.zeros_like(values))) * inside
    links = _around(known.float() + inside)
    screen = 1.0 / reach**2
    low, high = screen, 8.0 + screen
    centre, half = (high + low) / 2, (high - low) / 2
    ratio = math.sqrt(high / low)
    steps = math.ceil(math.log(2 / _PRECISION) / math.log((ratio + 1) / (ratio - 1)))
    found = torch.zeros_like(source)
    step = torch.zeros_like(source)
    alpha = beta = 0.0
    for count in range(steps):
        left = source - ((links + screen) * found - _around(found)) * inside
        if count == 0:
            alpha, beta = 1 / centre, 0.0
        else:
            beta = (half * alpha) ** 2 * (0.5 if count == 1 else 0.25)
            alpha = 1 / (centre - beta / alpha)
        step = left * alpha + step * (beta if count else 0.0)
        found = found + step
    return found


def _around(picture: Tensor) -> Tensor:
    """Sum of the four neighbours, those outside counting 0."""
    padded = F.pad(picture, (1, 1, 1, 1))
    return padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:] + padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1]
