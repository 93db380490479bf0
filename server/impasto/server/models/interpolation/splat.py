"""Softmax splatting: both pictures' motion is thrown forward to the moment between, and the pictures fetched along it.

After Niklaus and Liu, "Softmax Splatting for Video Frame Interpolation", CVPR 2020: where several pixels land on one,
the more important wins smoothly. Here it is the motion that is splatted, from either side; the pictures are then
resampled once, by a cubic kernel, so they stay as sharp as they were and every other layer can follow.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from impasto.server.models.card import Model
from impasto.server.models.interpolation.interpolator import Course, Pair
from impasto.server.ops.splat import fill, splat
from impasto.server.ops.warp import warp

LIKENESS = 20.0
"""Importance lost by a difference of 1 along the motion."""
NEARNESS = 10.0
"""Importance gained by what is nearest, where depth is known."""
DOUBT = 0.02
"""Motion is not believed to be trusted less."""
_REACHED = 0.2
"""Share of a pixel that must be reached, else it is a hole and filled from around."""
_SAME = 1.0
"""Pixels: the two sides' motions are averaged where they differ by less; else one of them is right and is taken."""
_SELECTIVE = 40.0
_RADIUS = 2
_UNSEEN = 1e-3
"""What a side counts that did not see the pixel, so that something is there where neither did."""


def importance(pair: Pair) -> Tensor:
    """How much each pixel of the first picture counts where it lands with others, (1, 1, H, W), above 0."""
    unlike = (pair.first - warp(pair.second, pair.forward)).abs().mean(1, keepdim=True)
    weight = -LIKENESS * unlike + pair.trust_first.clamp_min(DOUBT).log()
    if pair.near_first is not None:
        weight = weight + NEARNESS * (pair.near_first - 1)
    return weight.clamp(-20.0, 0.0).exp()


def course(pair: Pair, time: float) -> Course:
    """Where the pixels of the moment between come from.

    Either side proposes motion; where they disagree, the one along which the pictures agree is taken. What only one
    side sees comes from that side alone.

    Args:
        pair: the pictures, their motion and mattes.
        time: 0..1 exclusive, from the first to the second.
    """
    sides = []
    for one, way in ((pair, time), (pair.turned(), 1 - time)):
        motion, reached = _thrown(one, way)
        sides.append((-way * motion, (1 - way) * motion, reached))
    (first_a, second_a, reached_a), (second_b, first_b, reached_b) = sides
    share_a, worth_a = _judged(pair, first_a, second_a, time, reached_a)
    share_b, worth_b = _judged(pair, first_b, second_b, time, reached_b)
    apart = (first_a - first_b).abs().amax(1, keepdim=True)
    better = worth_b / (worth_a + worth_b)
    part = torch.where(apart < _SAME, better, (better > 0.5).float())
    return Course(
        first_a + part * (first_b - first_a),
        second_a + part * (second_b - second_a),
        share_a + part * (share_b - share_a),
    )


def _thrown(pair: Pair, part: float) -> tuple[Tensor, Tensor]:
    """The first picture's motion as it is at the moment between, holes filled; and how much of a pixel was reached."""
    there = pair.forward * part
    sums, total = splat(pair.forward, there, importance(pair))
    reached = splat(torch.ones_like(total), there)[1].clamp(0, 1)
    known = (reached > _REACHED) & (total > 1e-12)
    return fill(sums / total.clamp_min(1e-12), known.float()), reached


def _judged(pair: Pair, to_first: Tensor, to_second: Tensor, time: float, reached: Tensor) -> tuple[Tensor, Tensor]:
    """Share of the second picture along a proposed motion, and what the proposal is worth, above 0."""
    a = warp(torch.cat([pair.first, pair.hidden_first], 1), to_first)
    b = warp(torch.cat([pair.second, pair.hidden_second], 1), to_second)
    # What the second picture says was hidden before is not in the first, and the other way round.
    seen_first = (1 - b[:, 3:]) * _within(to_first) + _UNSEEN
    seen_second = (1 - a[:, 3:]) * _within(to_second) + _UNSEEN
    unlike = (a[:, :3] - b[:, :3]).abs().mean(1, keepdim=True) * torch.minimum(seen_first, seen_second)
    unlike = avg_pool2d(unlike, 2 * _RADIUS + 1, 1, _RADIUS, count_include_pad=False)
    weights = (1 - time) * seen_first, time * seen_second
    return weights[1] / (weights[0] + weights[1]), reached * torch.exp(-_SELECTIVE * unlike) + 1e-6


def _within(motion: Tensor) -> Tensor:
    """1 where motion ends within the picture, (1, 1, H, W)."""
    height, width = motion.shape[-2:]
    x = motion[:, :1] + torch.arange(width, device=motion.device)
    y = motion[:, 1:] + torch.arange(height, device=motion.device)[:, None]
    return ((x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)).float()


class Splat:
    """The pictures along the course; see `Interpolator`."""

    def __call__(self, pair: Pair, time: float, course: Course) -> Tensor:
        """See `Interpolator`."""
        return course.mix(pair.first, pair.second)


MODEL = Model(
    id="splat",
    family="interpolation",
    summary="Softmax splatting of the shot's motion from both sides: any time, no weights.",
    build=Splat,
    smallest=1,
)
