"""Weight-free painting by patch statistics: sliced Wasserstein steps between nearest patches, from coarse to fine.

At every level of a pyramid the plate, brought into the style's palette, guides each patch to its nearest in the
style (`patches`), which lays the strokes; patches of like broad colour are the distribution that sliced Wasserstein
steps then move the picture to (`transport`), which gives back what voting blurs. What a level painted is enlarged,
gets back the plate's detail of the next level, and is painted again. After Elnekave and Weiss (ECCV 2022) and Elad
and Milanfar (2017).

Only a few boxes around `where` are worked on, pixels outside `where` stay as they are and take part in every patch
that reaches over the border, so new paint continues the old.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.models.card import Model, Parameter
from impasto.server.models.style.mixing import checked
from impasto.server.models.style.patches import PatchTable
from impasto.server.models.style.regions import boxes, joined, widen
from impasto.server.models.style.transport import ColourMap, patch_step
from impasto.server.ops.enlarge import doubled
from impasto.server.ops.flatten import flattened

PROJECTIONS = 32
"""Filters drawn for one step."""

_COARSEST = 80
_LARGEST = 2_300_000
_CONTEXT = 32


@dataclass(frozen=True)
class _Work:
    """What is done at one level: rounds of voting, patch side, pixels between patches, steps after each vote."""

    rounds: int
    size: int
    stride: int
    steps: int
    guidance: float


_COARSE = _Work(rounds=2, size=7, stride=2, steps=8, guidance=0.1)
_MIDDLE = _Work(rounds=2, size=7, stride=2, steps=8, guidance=0.3)
_FINE = _Work(rounds=1, size=7, stride=2, steps=5, guidance=0.35)


def _reduce(picture: Tensor, factor: int) -> Tensor:
    return F.avg_pool2d(picture, factor) if factor > 1 else picture


class SlicedWassersteinPainter:
    """Paints in the manner of one picture; see `impasto.server.models.style.painter.Painter`.

    Work is bounded: the levels, rounds and steps are fixed, 32 projections a step, quantiles of at most 8192
    patches, no level above 2.3 million pixels or finer than twice the style picture's own detail (the result is
    enlarged with the plate's detail then).
    """

    local = True

    def __init__(self, style: Tensor, style_scale: float, content: float) -> None:
        self._style, self._scale, self._content = style, style_scale, content
        self._tables: dict[tuple[int, int], PatchTable] = {}

    def _style_at(self, height: int, smallest: int = 12) -> Tensor:
        """The style picture as if its height were `height` times the style scale."""
        tall, wide = self._style.shape[-2:]
        high = max(round(height * self._scale), smallest)
        size = (high, max(round(high * wide / tall), smallest))
        return F.interpolate(self._style, size=size, mode="bilinear", antialias=True, align_corners=False)

    def _table(self, height: int, size: int) -> PatchTable:
        if (height, size) not in self._tables:
            self._tables[height, size] = PatchTable.of(self._style_at(height), size)
        return self._tables[height, size]

    def _factors(self, height: int, width: int) -> list[int]:
        """Reductions of the levels that are painted, coarsest first; all are powers of two."""
        coarsest = 1
        while min(height, width) // (coarsest * 2) >= _COARSEST:
            coarsest *= 2
        finest = 1
        detail = 2 * self._style.shape[-2] / self._scale
        while finest < coarsest and (height * width > _LARGEST * finest**2 or height / finest > detail):
            finest *= 2
        return [coarsest >> level for level in range((coarsest // finest).bit_length())]

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
        """Paint `content` (1, 3, H, W) float32, display-like.

        Args:
            content: the plate.
            start: paint that is there already, same shape; without `where` it is what painting begins from.
            where: (1, 1, H, W) bool, the pixels to paint; all others are returned as `start`, bit by bit.
            seed: of the filters.
            check: called at every step; raises to stop.

        Returns:
            (1, 3, H, W) float32, unclamped.

        Raises:
            ValueError: `where` without `start`.
        """
        if where is not None and start is None:
            raise ValueError("Painting only `where` needs `start`, the paint around it.")
        height, width = content.shape[-2:]
        factors = self._factors(height, width)
        unit = factors[0]
        pad = (0, -width % unit, 0, -height % unit)
        plate = F.pad(content, pad, mode="replicate")
        small = _reduce(plate, unit)
        palette = ColourMap.between(small, self._style_at(height // unit))
        if where is None:
            before = None if start is None else F.pad(start, pad, mode="replicate")
            return self._box(plate, palette, before, None, height, factors, seed, check)[..., :height, :width]
        assert start is not None
        paint, mask = F.pad(start, pad, mode="replicate"), F.pad(where, pad)
        context = max(_CONTEXT, 8 * unit)
        for box in joined(boxes(mask), context, *plate.shape[-2:]):
            x0, y0, x1, y1 = widen(box, context, plate.shape[-2], plate.shape[-1])
            rows, columns = slice(y0, y1), slice(x0, x1)
            inside = torch.zeros_like(mask)
            inside[..., box[1] : box[3], box[0] : box[2]] = mask[..., box[1] : box[3], box[0] : box[2]]
            inside = inside[..., rows, columns]
            crop = paint[..., rows, columns]
            done = self._box(plate[..., rows, columns], palette, crop, inside, height, factors, seed, check)
            paint[..., rows, columns] = torch.where(inside, done, crop)
            mask[..., box[1] : box[3], box[0] : box[2]] = False
        return paint[..., :height, :width].contiguous()

    def _box(
        self,
        plate: Tensor,
        palette: ColourMap,
        start: Tensor | None,
        where: Tensor | None,
        height: int,
        factors: list[int],
        seed: int,
        check: Callable[[], None],
    ) -> Tensor:
        """Paint one rectangle, whose sides are multiples of the coarsest factor, through all levels."""
        smooth = flattened(plate)
        picture = guide = plate
        for level, factor in enumerate(factors):
            check()
            finer = palette(_reduce(smooth, factor))
            mask = None if where is None else _reduce(where.float(), factor) > 0
            fixed = None if start is None else _reduce(start, factor)
            if level == 0:
                picture = finer if fixed is None or mask is not None else fixed
            else:
                picture = doubled(picture) + self._content * (finer - doubled(guide))
            guide = finer
            work = _COARSE if level == 0 else _FINE if factor == 1 else _MIDDLE
            draw = torch.Generator().manual_seed(_mixed(seed, factor))
            picture = self._level(picture, guide, fixed, mask, work, height // factor, draw, check)
        for factor in [factors[-1] >> step for step in range(1, factors[-1].bit_length())]:
            finer = palette(_reduce(smooth, factor))
            picture, guide = doubled(picture) + self._content * (finer - doubled(guide)), finer
        return picture

    def _level(
        self,
        picture: Tensor,
        guide: Tensor,
        fixed: Tensor | None,
        where: Tensor | None,
        work: _Work,
        height: int,
        draw: torch.Generator,
        check: Callable[[], None],
    ) -> Tensor:
        """Paint one level: vote, then move to the distribution of the style's patches of like colour."""

        def hold(painted: Tensor) -> Tensor:
            return painted if where is None or fixed is None else torch.where(where, painted, fixed)

        table = self._table(height, work.size)
        guidance = 2.0 * self._content * work.guidance
        picture = hold(picture)
        reach = None if where is None else F.max_pool2d(where.float(), work.size, stride=1, padding=work.size // 2)
        moving = None if reach is None else reach.flatten().nonzero()[:, 0]
        for _ in range(work.rounds):
            painted, target = table.vote(picture, guide, where, guidance, work.stride, check)
            picture = hold(painted)
            for _ in range(work.steps):
                check()
                picture = hold(patch_step(picture, target, work.size, PROJECTIONS, 0.6, draw, moving))
        return picture


def _mixed(seed: int, factor: int) -> int:
    """One seed from two numbers (SplitMix64's finaliser), so that neighbouring seeds draw unlike filters."""
    mixed = (seed * 0x9E3779B97F4A7C15 + factor) & 0xFFFFFFFFFFFFFFFF
    for shift, multiplier in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = ((mixed ^ (mixed >> shift)) * multiplier) & 0xFFFFFFFFFFFFFFFF
    return (mixed ^ (mixed >> 31)) >> 1


def collage(styles: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """Several styles side by side as one: each at the height of the first, on its share of the width.

    Args:
        styles: (1, 3, h, w) each.
        shares: of each, summing to 1.

    Returns:
        (1, 3, h, w'): patches of every style, as many as its share says.
    """
    if len(styles) == 1:
        return styles[0]
    height = styles[0].shape[-2]
    same = [
        F.interpolate(
            style, (height, max(1, round(style.shape[-1] * height / style.shape[-2]))), mode="bilinear", antialias=True
        )
        for style in styles
    ]
    # As wide as can be without repeating any of them.
    total = min(style.shape[-1] / share for style, share in zip(same, shares, strict=True) if share > 0)
    parts = []
    for style, share in zip(same, shares, strict=True):
        width = min(style.shape[-1], round(total * share))
        left = (style.shape[-1] - width) // 2
        parts.append(style[..., left : left + width])
    return torch.cat(parts, -1)


def build(
    style: Tensor | Sequence[Tensor],
    *,
    shares: Sequence[float] | None = None,
    style_scale: float = 1.0,
    content: float = 0.5,
) -> SlicedWassersteinPainter:
    """A painter in the manner of one or several pictures.

    Args:
        style: (1, 3, h, w) float32, display-like, or several such.
        shares: of each style; equal where not given. Patches are taken from a `collage` of them.
        style_scale: height of the style picture over the height of what is painted, 0.25..4; larger is a larger
            brush, whatever the resolution.
        content: 0..1, how closely the plate's own detail is followed.

    Raises:
        BadRequest: shares that do not fit the styles.
    """
    styles = [style] if isinstance(style, Tensor) else list(style)
    return SlicedWassersteinPainter(collage(styles, checked(shares, len(styles)).tolist()), style_scale, content)


MODEL = Model(
    id="swd",
    family="style",
    summary="Paints in the manner of any picture by its patch statistics; needs no weights.",
    build=build,
    smallest=1,
    parameters=(
        Parameter("style_scale", 1.0, 0.25, 4.0, "Size of the brush: height of the style picture over the plate's."),
        Parameter("content", 0.5, 0.0, 1.0, "How closely the plate's own detail is followed."),
    ),
    version=2,
)
