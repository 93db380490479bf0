"""The plate in the keys' colours: the plainest of what may go on where no key sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from impasto.server.shots.fill.example import Example

VERSION = 1
"""Raised when colours come out otherwise; part of the painter's digest."""

_HELD = 1e-4
"""Weight on the unknowns, which holds them where a key's plate is of one colour."""


def affine(examples: Sequence[Example]) -> Tensor:
    """The best affine map of the plate's colours to the paint's, in the sense of least squares.

    Args:
        examples: the keys, at least one; every pixel they paint counts.

    Returns:
        (3, 4) float32: `paint = map[:, :3] @ plate + map[:, 3]`, display values.
    """
    plate, paint = (
        torch.cat([example.colours(getattr(example, part))[0, :, 0] for example in examples], 1).double()
        for part in ("plate", "paint")
    )
    design = torch.cat([plate, torch.ones_like(plate[:1])])
    square = design @ design.T / design.shape[1] + _HELD * torch.eye(4, dtype=torch.float64)
    solved: Tensor = torch.linalg.solve(square, design @ paint.T / design.shape[1])
    return solved.T.float()


class Recoloured:
    """Paints the plate in the keys' colours; see `Painter`. Display values.

    Args:
        examples: gives the keys, at least one; asked when it is first to paint.
    """

    local = True

    def __init__(self, examples: Callable[[], Sequence[Example]]) -> None:
        self._examples = examples
        self._map: Tensor | None = None

    def paint(
        self,
        content: Tensor,
        *,
        start: Tensor | None = None,
        where: Tensor | None = None,
        seed: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Paint `content` where asked; see `Painter.paint`. Nothing is drawn at random."""
        check()
        if self._map is None:
            self._map = affine(self._examples())
        # A sum of planes and no matrix product: its order does not depend on the machine's threads.
        inks = content.clamp(0.0, 1.0).unbind(1)
        planes = [sum((w * ink for w, ink in zip(row[:3], inks, strict=True)), start=row[3]) for row in self._map]
        painted = torch.stack(planes, 1).clamp_(0.0, 1.0)
        return painted if start is None or where is None else torch.where(where, painted, start)
