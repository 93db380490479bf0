"""What is hidden in the neighbouring frame, how far motion can be trusted, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d, pad

from impasto.server.ops.rise import rise
from impasto.server.shots.depth_order import Nearness, order
from impasto.server.shots.signs import Signs, mean, outside, weighed

VISIBLE, INCONSISTENT, OUTSIDE, HIDDEN, PHOTOMETRIC, NO_NEIGHBOUR, DEPTH = range(7)
"""The causes of `occlusion.cause`: 0 seen; 1 motion there and back disagree; 2 leaves the picture; 3 nothing of the
other picture comes from here, so something covers it; 4 looks different there; 5 no frame there (the shot ends);
6 something nearer stands there, by depth."""

VERSION = 9
"""Raised when the judging changes; part of every cache key."""

_NEAR = 24
"""Pixels within which motion must differ at all for something to be hidden."""
_LEAST = 1e-3
"""Score of a cause that no rule speaks for."""
_NEVER = torch.tensor(1e4)
"""Pixels; longer than motion that counts."""


@dataclass(frozen=True)
class Mattes:
    """One direction of one frame. Each (1, 1, H, W) float32, rounded to half floats.

    Attributes:
        occlusion: 0..1, 1 = visible here, hidden or outside there; the threshold is a half.
        confidence: 0..1, how far the motion can be trusted; never above 1 - occlusion.
        cause: the code of what weighed most where occlusion is above a half, else 0; of equals the surer one.
    """

    occlusion: Tensor
    confidence: Tensor
    cause: Tensor


class Judge(Protocol):
    """Weighs all signs of hiding at once; made by a matte model's `build`."""

    def __call__(self, signs: Tensor) -> Tensor:
        """Judge every pixel.

        Args:
            signs: (1, C, H, W) as `shots.signs.weighed` gives them.

        Returns:
            (1, 1, H, W) float32 in 0..1: how far a pixel is hidden.
        """
        ...


def mattes(
    here: Tensor, there: Tensor, out: Tensor, home: Tensor, near: Nearness | None = None, judge: Judge | None = None
) -> Mattes:
    """Mattes of one picture towards another.

    What nothing of the other picture comes from is hidden there (range map: Wang et al. 2018, "Occlusion Aware
    Unsupervised Learning of Optical Flow"), unless motion there and back agree, as it does where a surface grows.
    Motion that disagrees (Sundaram et al. 2010) or pictures that differ after local gain speak of hiding only where
    what is found at the other end has a consistent home of its own elsewhere; else the motion is merely wrong, which
    takes confidence and no more. Nor is anything hidden amid motion that is one and the same as far as it can be
    trusted: vectors gone astray on a noisy wall are no border. Motion as exact as a renderer's needs no such caution:
    there the plain check decides.

    These rules give every pixel its cause. How far it is hidden the judge says, where there is one, within the picture
    and for all but exact motion.

    Args:
        here: (1, 3, H, W) float32, display-like.
        there: the other picture.
        out: (1, 2, H, W) motion from here to there, pixels, x right, y down.
        home: motion from there to here.
        near: of both pictures, where depth is known: what it says of hiding comes before all but exact motion.
        judge: a net that weighs the signs; None leaves it to the rules.
    """
    signs = Signs.of(here, there, out, home)
    exact = _exactness(out, signs.back, signs.parted)
    scores, trust = _by_rules(signs, exact)
    if judge is not None and float(exact) < 1:
        ruled = half(_strongest(scores))
        said = judge(weighed(signs, torch.cat([ruled, half(torch.minimum(trust, 1 - ruled))], 1)))
        scores = _moved(scores, said, exact)
    if near is not None:
        scores = _with_depth(scores, signs, near, exact)
    weight, strongest = torch.cat(list(scores.values()), 1).max(1, keepdim=True)  # of equals the first
    cause = torch.tensor(list(scores), dtype=torch.float32)[strongest]
    occlusion = half(weight)
    return Mattes(
        occlusion,
        half(torch.minimum(trust, 1 - occlusion)),
        torch.where(occlusion > 0.5, cause, torch.zeros_like(occlusion)),
    )


def _by_rules(signs: Signs, exact: Tensor) -> tuple[dict[int, Tensor], Tensor]:
    """How much each cause weighs, (1, 1, H, W) 0..1, and how far motion is trusted."""
    parted, taken, arrived = signs.parted, 1 - signs.taken, signs.arrived.clamp(0, 1)
    reached = mean(arrived, 1)
    differs = mean(signs.differs, 1)
    clear = (1 - exact) * _parting(signs.out, mean(((parted < 0.3) & (arrived > 0.7)).float(), 1) > 0.6)
    covered = torch.minimum(rise(1 - reached, 0.2, 0.44), rise(parted, 0.0, 0.2))
    scores = {
        OUTSIDE: outside(signs.out),
        HIDDEN: exact * rise(parted, 0.5, 1.5) + clear * covered,
        INCONSISTENT: clear * rise(parted, 0.5, 1.5) * rise(taken, 0.0, 0.6) * rise(1 - reached, 0.05, 0.25),
        PHOTOMETRIC: clear * rise(differs, 0.03, 0.09) * rise(parted, 0.1, 0.9) * rise(taken, -0.5, 0.5),
    }
    return scores, torch.exp(-(parted - 0.25).clamp_min(0)) * (1 - 0.5 * rise(differs, 0.03, 0.12))


def _with_depth(scores: Mapping[int, Tensor], signs: Signs, near: Nearness, exact: Tensor) -> dict[int, Tensor]:
    """Scores after depth has had its word."""
    hiding = {sign: scores[sign] for sign in (HIDDEN, INCONSISTENT, PHOTOMETRIC)}
    trusted = torch.exp(-2 * signs.parted) * (1 - rise(1 - signs.arrived.clamp(0, 1), 0.1, 0.4))
    depth = order(near, signs.out, trusted, _strongest(hiding))
    allowed = exact + (1 - exact) * depth.behind
    heard = {sign: score * allowed for sign, score in hiding.items()}
    return {OUTSIDE: scores[OUTSIDE], DEPTH: (1 - exact) * depth.covered, **heard}


def _strongest(scores: Mapping[int, Tensor]) -> Tensor:
    return torch.cat(list(scores.values()), 1).amax(1, keepdim=True)


def _moved(scores: Mapping[int, Tensor], hidden: Tensor, exact: Tensor) -> dict[int, Tensor]:
    """Scores of the rules so raised or lowered that the strongest, but for `OUTSIDE`, is what the judge says.

    Where no rule speaks, nothing coming from here (`HIDDEN`) is the cause.
    """
    signs = {HIDDEN: scores[HIDDEN] + _LEAST, INCONSISTENT: scores[INCONSISTENT], PHOTOMETRIC: scores[PHOTOMETRIC]}
    most = _strongest(signs)
    moved = {sign: exact * scores[sign] + (1 - exact) * hidden * (score / most) for sign, score in signs.items()}
    return {OUTSIDE: scores[OUTSIDE], **moved}


def _parting(motion: Tensor, trusted: Tensor) -> Tensor:
    """0..1, (1, 1, H, W): whether the motion trusted around a pixel differs enough for something to be hidden there.

    What is hidden lies no farther from the border of the thing that hides it than the two move apart: within
    `_NEAR` pixels they must differ at all, within twice as many and so on by half of that.
    """
    height, width = motion.shape[-2:]
    ends = torch.cat([torch.where(trusted, motion, -_NEVER), torch.where(trusted, -motion, -_NEVER)], 1)
    step, reach = 4, _NEAR
    ends = _most(ends, step)
    found = torch.zeros(1, 1, height, width)
    while True:
        around = max_pool2d(pad(ends, (reach // step,) * 4, mode="replicate"), 2 * (reach // step) + 1, 1)
        differ = (around[:, :2] + around[:, 2:]).clamp_min(0).square().sum(1, keepdim=True).sqrt()
        limits = (0.75, 2.0) if reach == _NEAR else (reach / 4, reach / 2)
        enough = interpolate(rise(differ, *limits), scale_factor=float(step), mode="bilinear")
        found = torch.maximum(found, enough[..., :height, :width])
        if 2 * reach > max(height, width) / 2:
            return found
        ends, step, reach = _most(ends, 2), 2 * step, 2 * reach


def _most(values: Tensor, factor: int) -> Tensor:
    """The greatest of every square of pixels, borders replicated."""
    height, width = values.shape[-2:]
    return max_pool2d(pad(values, (0, -width % factor, 0, -height % factor), mode="replicate"), factor)


def _exactness(out: Tensor, back: Tensor, parted: Tensor) -> Tensor:
    """1 for motion whose two directions agree to a hundredth of a pixel where they agree at all, 0 from a fiftieth.

    Measured motion is never so exact; a renderer's is, even rounded to half floats, whose step grows with the length.
    """
    consistent = parted < 1
    if not bool(consistent.any()):
        return out.new_zeros(())
    apart = (out + back).square().sum(1, keepdim=True).sqrt()
    length = out.square().sum(1, keepdim=True).sqrt()
    return 1 - rise((apart / (1 + length / 32))[consistent].median(), 0.01, 0.02)


def nobody_there(height: int, width: int) -> Mattes:
    """Mattes towards a frame that is not there: occlusion 1, confidence 0."""
    one = torch.ones(1, 1, height, width)
    return Mattes(one, torch.zeros_like(one), one * NO_NEIGHBOUR)


def half(values: Tensor) -> Tensor:
    """Values as they are after being written as half floats."""
    return values.half().float()
