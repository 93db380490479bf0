"""Patches of a style picture, and painting with the nearest of them.

After Efros and Freeman's image quilting (2001), Kwatra et al., "Texture optimization for example-based synthesis"
(2005) and Elad and Milanfar, "Style transfer via texture synthesis" (2017): every patch of the picture looks for its
nearest in the style, and overlapping patches vote for each pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from impasto.server.models.style.transport import orthonormal

_DIMENSIONS = 24
_QUERIES = 8192
_BROAD = 4
_SAMPLE = 6000


def _window(size: int, like: Tensor) -> Tensor:
    """Weight of each value of a patch in the vote, (3 * size * size, 1): raised cosine, strongest in the middle."""
    along = torch.cos((torch.arange(size, device=like.device) - size // 2) * (torch.pi / (size + 1))) ** 2
    return (along[:, None] * along).flatten().repeat(3)[:, None]


def _principal(covariance: Tensor, count: int, rounds: int = 12) -> Tensor:
    """Nearly the `count` strongest principal directions, (size, count), by orthogonal iteration.

    Only their span matters here; LAPACK's eigenvectors have other bits with another number of threads.
    """
    draw = torch.Generator().manual_seed(5)
    found = torch.randn(count, len(covariance), generator=draw, dtype=torch.float64).to(covariance)
    for _ in range(rounds):
        found = orthonormal(found @ covariance)
    return found.T


@dataclass(frozen=True)
class PatchTable:
    """Patches of one style picture at one size.

    Attributes:
        size: side of a patch in pixels, odd.
        patches: (3 * size * size, points) float32.
        mean: (3 * size * size, 1).
        basis: (3 * size * size, d) principal directions.
        codes: (d, points) the patches in that basis.
    """

    size: int
    patches: Tensor
    mean: Tensor
    basis: Tensor
    codes: Tensor

    @classmethod
    def of(cls, style: Tensor, size: int, most: int = 6000) -> PatchTable:
        """At most `most` patches of `style` (1, 3, h, w), drawn the same way every time; sides at least `size`."""
        patches = F.unfold(style, size)[0]
        chosen = torch.randperm(patches.shape[1], generator=torch.Generator().manual_seed(11))[:most]
        patches = patches[:, chosen.sort().values.to(style.device)].contiguous()
        mean = patches.mean(1, keepdim=True)
        centred = (patches - mean).double()
        basis = _principal(centred @ centred.T, min(_DIMENSIONS, len(mean))).float()
        return cls(size, patches, mean, basis, basis.T @ (patches - mean))

    def nearest(
        self,
        patches: Tensor,
        guide: Tensor,
        guidance: float,
        check: Callable[[], None],
        dimensions: int = _DIMENSIONS,
    ) -> Tensor:
        """Which patch of the table is nearest to each patch, seen together with its guide.

        Args:
            patches: (3 * size * size, n) of the picture so far.
            guide: the same patches of the plate in the style's palette.
            guidance: weight of the guide beside the picture.
            check: called at every block of patches.
            dimensions: how many principal directions count; few look at broad colour only.

        Returns:
            (n,) int64.
        """
        # |q - s|^2 + g |m - s|^2 is least where (q + g m) . s - (1 + g) |s|^2 / 2 is largest.
        codes = self.codes[:dimensions]
        wanted = self.basis[:, :dimensions].T @ (patches + guidance * guide - (1.0 + guidance) * self.mean)
        lengths = (codes * codes).sum(0) * ((1.0 + guidance) / 2.0)
        blocks = []
        for block in wanted.split(_QUERIES, dim=1):
            check()
            blocks.append(torch.addmm(-lengths[None], block.T, codes).argmax(1))
        return torch.cat(blocks)

    def vote(
        self,
        picture: Tensor,
        guide: Tensor,
        where: Tensor | None,
        guidance: float,
        stride: int,
        check: Callable[[], None],
    ) -> tuple[Tensor, Tensor]:
        """Paint a picture over with the nearest patches.

        Args:
            picture: (1, 3, H, W).
            guide: (1, 3, H, W), the plate in the style's palette.
            where: (1, 1, H, W) bool, the pixels to paint; only patches that touch them are looked for.
            guidance: see `nearest`.
            stride: pixels between patches.
            check: called at every block of patches.

        Returns:
            The painted picture, and the patches it should have, (3 * size * size, n): those of like broad colour. The
            nearest themselves would not do, for they are the smoother ones wherever the picture is still smooth.
        """
        size = self.size
        height, width = picture.shape[-2:]
        # Beyond the border so far that patches on a grid from the first pixel reach the last one.
        reach = size // 2
        pad = (reach, reach + -(width - 1) % stride, reach, reach + -(height - 1) % stride)
        padded = F.pad(picture, pad, mode="replicate")
        patches = F.unfold(padded, size, stride=stride)[0]
        guides = F.unfold(F.pad(guide, pad, mode="replicate"), size, stride=stride)[0]
        columns, touched = patches.shape[1], None
        if where is not None:
            touched = F.unfold(F.pad(where.float(), pad), size, stride=stride)[0].amax(0).nonzero()[:, 0]
            patches, guides = patches[:, touched], guides[:, touched]
        used = self.nearest(patches, guides, guidance, check)
        window = _window(size, picture)
        votes, weights = self.patches[:, used] * window, window.expand(-1, len(used))
        if touched is not None:
            votes = votes.new_zeros(votes.shape[0], columns).index_copy_(1, touched, votes)
            weights = votes.new_zeros(votes.shape).index_copy_(1, touched, weights)
        shape = (int(padded.shape[-2]), int(padded.shape[-1]))
        total = F.fold(weights[None], shape, size, stride=stride)
        painted = torch.where(
            total > 0, F.fold(votes[None], shape, size, stride=stride) / total.clamp(min=1e-9), padded
        )
        every = -(-patches.shape[1] // _SAMPLE)
        like = self.nearest(patches[:, ::every], guides[:, ::every], guidance, check, _BROAD)
        return painted[..., reach : reach + height, reach : reach + width], self.patches[:, like]
