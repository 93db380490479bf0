"""What is hidden in the neighbouring frame, how far motion can be trusted, and why not."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, pad

from impasto.server.ops.rise import rise
from impasto.server.ops.splat import splat
from impasto.server.ops.warp import warp
from impasto.server.shots.depth_order import Nearness, order

VISIBLE, INCONSISTENT, OUTSIDE, HIDDEN, PHOTOMETRIC, NO_NEIGHBOUR, DEPTH = range(7)
"""The causes of `occlusion.cause`: 0 seen; 1 motion there and back disagree; 2 leaves the picture; 3 nothing of the
other picture comes from here, so something covers it; 4 looks different there; 5 no frame there (the shot ends);
6 something nearer stands there, by depth."""

VERSION = 7
"""Raised when the judging changes; part of every cache key."""

_NEAR = 24
"""Pixels within which motion must differ at all for something to be hidden."""
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


def mattes(here: Tensor, there: Tensor, out: Tensor, home: Tensor, near: Nearness | None = None) -> Mattes:
    """Mattes of one picture towards another.

    What nothing of the other picture comes from is hidden there (range map: Wang et al. 2018, "Occlusion Aware
    Unsupervised Learning of Optical Flow"), unless motion there and back agree, as it does where a surface grows.
    Motion that disagrees (Sundaram et al. 2010) or pictures that differ after local gain speak of hiding only where
    what is found at the other end has a consistent home of its own elsewhere; else the motion is merely wrong, which
    takes confidence and no more. Nor is anything hidden amid motion that is one and the same as far as it can be
    trusted: vectors gone astray on a noisy wall are no border. Motion as exact as a renderer's needs no such caution:
    there the plain check decides.

    Args:
        here: (1, 3, H, W) float32, display-like.
        there: the other picture.
        out: (1, 2, H, W) motion from here to there, pixels, x right, y down.
        home: motion from there to here.
        near: of both pictures, where depth is known: what it says of hiding comes before all but exact motion.
    """
    parted = disagreement(out, home)
    taken = 1 - warp(disagreement(home, out), out)
    arrived = splat(torch.ones_like(parted), home)[1].clamp(0, 1)
    reached = _mean(arrived, 1)
    differs = _difference(here, warp(there, out))
    exact = _exactness(out, home, parted)
    clear = (1 - exact) * _parting(out, _mean(((parted < 0.3) & (arrived > 0.7)).float(), 1) > 0.6)
    covered = torch.minimum(rise(1 - reached, 0.2, 0.44), rise(parted, 0.0, 0.2))
    scores = {
        OUTSIDE: _outside(out),
        HIDDEN: exact * rise(parted, 0.5, 1.5) + clear * covered,
        INCONSISTENT: clear * rise(parted, 0.5, 1.5) * rise(taken, 0.0, 0.6) * rise(1 - reached, 0.05, 0.25),
        PHOTOMETRIC: clear * rise(differs, 0.03, 0.09) * rise(parted, 0.1, 0.9) * rise(taken, -0.5, 0.5),
    }
    if near is not None:
        hidden = torch.cat([score for sign, score in scores.items() if sign != OUTSIDE], 1).amax(1, keepdim=True)
        trusted = torch.exp(-2 * parted) * (1 - rise(1 - arrived, 0.1, 0.4))
        said = order(near, out, trusted, hidden)
        for sign in (HIDDEN, INCONSISTENT, PHOTOMETRIC):
            scores[sign] = scores[sign] * (exact + (1 - exact) * said.behind)
        scores = {OUTSIDE: scores.pop(OUTSIDE), DEPTH: (1 - exact) * said.covered, **scores}
    weight, strongest = torch.cat(list(scores.values()), 1).max(1, keepdim=True)  # of equals the first
    cause = torch.tensor(list(scores), dtype=torch.float32)[strongest]
    occlusion = half(weight)
    trust = torch.exp(-(parted - 0.25).clamp_min(0)) * (1 - 0.5 * rise(differs, 0.03, 0.12))
    return Mattes(
        occlusion,
        half(torch.minimum(trust, 1 - occlusion)),
        torch.where(occlusion > 0.5, cause, torch.zeros_like(occlusion)),
    )


def disagreement(out: Tensor, home: Tensor) -> Tensor:
    """Squared distance from where motion there and back ends to where it began, in tolerances.

    The tolerance grows with the motion, and with the picture from 1024 pixels of width (Sundaram et al. 2010, "Dense
    point trajectories by GPU-accelerated large displacement optical flow").

    Args:
        out: (1, 2, H, W) motion from here to there, pixels.
        home: motion from there to here.

    Returns:
        (1, 1, H, W), 1 = just too far.
    """
    back = warp(home, out)
    steady = 0.5 * max(1.0, out.shape[-1] / 1024) ** 2
    lengths = out.square().sum(1, keepdim=True) + back.square().sum(1, keepdim=True)
    return (out + back).square().sum(1, keepdim=True) / (0.01 * lengths + steady)


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


def _exactness(out: Tensor, home: Tensor, parted: Tensor) -> Tensor:
    """1 for motion whose two directions agree to a hundredth of a pixel where they agree at all, 0 from a fiftieth.

    Measured motion is never so exact; a renderer's is, even rounded to half floats, whose step grows with the length.
    """
    consistent = parted < 1
    if not bool(consistent.any()):
        return out.new_zeros(())
    apart = (out + warp(home, out)).square().sum(1, keepdim=True).sqrt()
    length = out.square().sum(1, keepdim=True).sqrt()
    return 1 - rise((apart / (1 + length / 32))[consistent].median(), 0.01, 0.02)


def nobody_there(height: int, width: int) -> Mattes:
    """Mattes towards a frame that is not there: occlusion 1, confidence 0."""
    one = torch.ones(1, 1, height, width)
    return Mattes(one, torch.zeros_like(one), one * NO_NEIGHBOUR)


def half(values: Tensor) -> Tensor:
    """Values as they are after being written as half floats."""
    return values.half().float()


def _outside(motion: Tensor) -> Tensor:
    """0 where motion ends within the picture, 1 from a quarter of a pixel beyond the centres of its border."""
    height, width = motion.shape[-2:]
    x = motion[:, 0:1] + torch.arange(width)
    y = motion[:, 1:2] + torch.arange(height)[:, None]
    beyond = torch.maximum(torch.maximum(-x, x - (width - 1)), torch.maximum(-y, y - (height - 1)))
    return rise(beyond, 0.0, 0.25)


def _difference(here: Tensor, there: Tensor) -> Tensor:
    """Mean absolute difference after the local gain that brings the one to the other's brightness."""
    brightness = [_mean(picture.mean(1, keepdim=True), 4) + 0.02 for picture in (here, there)]
    gain = (brightness[0] / brightness[1]).clamp(0.5, 2.0)
    return _mean((here - there * gain).abs().mean(1, keepdim=True), 1)


def _mean(values: Tensor, radius: int) -> Tensor:
    """Mean over a square, borders replicated."""
    return avg_pool2d(pad(values, (radius,) * 4, mode="replicate"), 2 * radius + 1, 1)
