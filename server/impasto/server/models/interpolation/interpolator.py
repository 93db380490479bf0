"""What every interpolation model is given and gives: two pictures with their motion, and the one between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from impasto.server.ops.warp import Method, warp


@dataclass(frozen=True)
class Pair:
    """Two pictures and all that is known of what moves between them. All float32.

    Attributes:
        first: (1, 3, H, W), display-like, any range.
        second: the same.
        forward: (1, 2, H, W) motion from the first to the second, pixels, x right, y down.
        backward: from the second to the first.
        hidden_first: (1, 1, H, W) 0..1, 1 = seen in the first, hidden or outside in the second.
        hidden_second: the other way.
        trust_first: (1, 1, H, W) 0..1, how far `forward` can be trusted.
        trust_second: the same of `backward`.
        near_first: (1, 1, H, W) 0..1, 1 = nearest to the camera; None where no depth is known.
        near_second: the same of the second.
    """

    first: Tensor
    second: Tensor
    forward: Tensor
    backward: Tensor
    hidden_first: Tensor
    hidden_second: Tensor
    trust_first: Tensor
    trust_second: Tensor
    near_first: Tensor | None = None
    near_second: Tensor | None = None

    def turned(self) -> Pair:
        """The same pair with the second picture first."""
        return Pair(
            self.second,
            self.first,
            self.backward,
            self.forward,
            self.hidden_second,
            self.hidden_first,
            self.trust_second,
            self.trust_first,
            self.near_second,
            self.near_first,
        )


@dataclass(frozen=True)
class Course:
    """Where every pixel of the picture between comes from; whatever the two pictures hold follows it.

    Attributes:
        to_first: (1, 2, H, W) float32 motion from the picture between to the first, pixels, x right, y down.
        to_second: to the second.
        share: (1, 1, H, W) float32 0..1, how much the second counts: 1 where only it saw the pixel.
    """

    to_first: Tensor
    to_second: Tensor
    share: Tensor

    def mix(self, first: Tensor, second: Tensor, method: Method = "bicubic") -> Tensor:
        """What lies between two layers (1, C, H, W) of any range, float32."""
        a, b = warp(first, self.to_first, method), warp(second, self.to_second, method)
        return a + self.share * (b - a)

    def take(self, first: Tensor, second: Tensor, method: Method = "nearest") -> Tensor:
        """The same from whichever of the two counts more: values are carried and never mixed over time."""
        carried = warp(first, self.to_first, method), warp(second, self.to_second, method)
        return torch.where(self.share > 0.5, carried[1], carried[0])


class Interpolator(Protocol):
    """Makes the picture between; made by an interpolation model's `build`."""

    def __call__(self, pair: Pair, time: float, course: Course) -> Tensor:
        """The picture at a time.

        Args:
            pair: the pictures and their motion.
            time: 0..1 exclusive, from the first to the second.
            course: as `splat.course` found it for this time.

        Returns:
            (1, 3, H, W) float32, display-like.
        """
        ...
