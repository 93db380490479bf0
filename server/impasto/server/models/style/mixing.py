"""The shares of several styles that paint as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.server.errors import BadRequest


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
