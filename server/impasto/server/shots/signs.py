"""What speaks of hiding, pixel by pixel: the signs that rules and a net judge by."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from impasto.server.models.mattes.matte_net import SEEN
from impasto.server.ops.lowpass import broad
from impasto.server.ops.rise import rise
from impasto.server.ops.splat import splat
from impasto.server.ops.warp import warp

_WIDE = 12.0
"""Standard deviation in pixels of the surroundings a vector is compared with."""
_FLAT = 0.02
"""Contrast, display-like, below which grain would decide what a picture looks like."""

VECTORS = ((10, 11), (12, 13), (14, 15), (16, 17))
"""Channels of `weighed` that are x and y of a vector: they turn with the picture."""


@dataclass(frozen=True)
class Signs:
    """What both rules and net judge one direction by. All (1, C, H, W) float32.

    Attributes:
        here: display-like picture.
        there: the other one.
        out: motion from here to there, pixels, x right, y down.
        home: motion from there to here.
        back: `home` where `out` ends.
        found: `there` along `out`, after the local gain that brings it to the brightness of `here`.
        parted: see `disagreement`.
        taken: the same of the other direction, where `out` ends: small where what is there has a home of its own.
        arrived: how many pixels of the other picture come to each.
    """

    here: Tensor
    there: Tensor
    out: Tensor
    home: Tensor
    back: Tensor
    found: Tensor
    parted: Tensor
    taken: Tensor
    arrived: Tensor

    @property
    def differs(self) -> Tensor:
        """(1, 1, H, W): mean absolute difference of the pictures along `out`."""
        return (self.here - self.found).abs().mean(1, keepdim=True)

    @staticmethod
    def of(here: Tensor, there: Tensor, out: Tensor, home: Tensor) -> Signs:
        """Those of two pictures and the motion between them."""
        along, back = warp(torch.cat([there, home], 1), out).split([3, 2], 1)
        return Signs(
            here,
            there,
            out,
            home,
            back,
            gained(here, along),
            disagreement(out, back),
            warp(disagreement(home, warp(out, home)), out),
            splat(torch.ones_like(out[:, :1]), home)[1],
        )


def weighed(signs: Signs, ruled: Tensor) -> Tensor:
    """What the net of mattes is given.

    Args:
        signs: of one direction.
        ruled: (1, 2, H, W) occlusion and trust by rules, 0..1.

    Returns:
        (1, `SEEN` of the net, H, W) float16; differences and motion are squeezed into -1..1.
    """
    met = _met(signs)  # first, for it takes the most memory
    kept, place = torch.empty(1, SEEN, *ruled.shape[-2:], dtype=torch.float16), 0
    for sign in itertools.chain(_of_pictures(signs), _of_motion(signs), met, _of_slopes(signs), [ruled]):
        kept[:, place : place + sign.shape[1]] = sign
        place += sign.shape[1]
    assert place == SEEN
    return kept


def _of_pictures(signs: Signs) -> Iterator[Tensor]:
    """How here and there look, and how they differ along the motion, the motion home, and none."""
    here, there = (picture.mean(1, keepdim=True) for picture in (signs.here, signs.there))
    found, differs = signs.found.mean(1, keepdim=True), signs.differs
    yield here
    yield found
    yield _squeezed(signs.here - signs.found, 0.05)
    yield _squeezed(differs, 0.05)
    yield _squeezed(mean(differs, 2), 0.03)
    yield _squeezed(here - gained(here, warp(there, -signs.home)), 0.05)
    yield _squeezed((signs.here - signs.there).abs().mean(1, keepdim=True), 0.05)
    yield _squeezed((plain(here) - plain(found)).abs(), 0.5)


def _of_motion(signs: Signs) -> Iterator[Tensor]:
    """How motion parts from its surroundings and from that of the other picture."""
    out, home, error = signs.out, signs.home, signs.out + signs.back
    for vector in (error, out - mean(out, 3), out - broad(out, _WIDE), out + home):
        yield _squeezed(vector, 1.5)
    yield _squeezed(error.square().sum(1, keepdim=True).sqrt(), 1.0)
    yield _squeezed(signs.parted, 1.0)
    yield _squeezed(signs.taken, 1.0)
    yield signs.arrived.clamp(0, 3) - 1


def _met(signs: Signs) -> list[Tensor]:
    """How many pixels meet where motion ends, and how much less alike than theirs this one's picture is."""
    load, crowd = splat(signs.differs, signs.out)
    rivals = warp(load / crowd.clamp_min(1e-3), signs.out)
    return [warp(crowd, signs.out).clamp(0, 4) - 1, _squeezed(signs.differs - rivals, 0.03)]


def _of_slopes(signs: Signs) -> Iterator[Tensor]:
    """Whether motion leaves the picture, and how it changes from pixel to pixel on either side."""
    out = signs.out
    yield outside(out)
    slopes, turned = gradients(out), gradients(signs.home)
    yield _squeezed(torch.cat(slopes, 1).square().sum(1, keepdim=True).sqrt(), 0.3)
    yield _squeezed(slopes[0][:, :1] + slopes[1][:, 1:], 0.3)
    yield _squeezed(warp(turned[0][:, :1] + turned[1][:, 1:], out), 0.3)


def disagreement(out: Tensor, back: Tensor) -> Tensor:
    """Squared distance from where motion there and back ends to where it began, in tolerances.

    The tolerance grows with the motion, and with the picture from 1024 pixels of width (Sundaram et al. 2010, "Dense
    point trajectories by GPU-accelerated large displacement optical flow").

    Args:
        out: (1, 2, H, W) motion from here to there, pixels.
        back: the motion home again, where `out` ends.

    Returns:
        (1, 1, H, W), 1 = just too far.
    """
    steady = 0.5 * max(1.0, out.shape[-1] / 1024) ** 2
    lengths = out.square().sum(1, keepdim=True) + back.square().sum(1, keepdim=True)
    return (out + back).square().sum(1, keepdim=True) / (0.01 * lengths + steady)


def outside(motion: Tensor) -> Tensor:
    """0 where motion ends within the picture, 1 from a quarter of a pixel beyond the centres of its border."""
    height, width = motion.shape[-2:]
    x = motion[:, 0:1] + torch.arange(width)
    y = motion[:, 1:2] + torch.arange(height)[:, None]
    beyond = torch.maximum(torch.maximum(-x, x - (width - 1)), torch.maximum(-y, y - (height - 1)))
    return rise(beyond, 0.0, 0.25)


def gained(here: Tensor, there: Tensor) -> Tensor:
    """`there` (1, C, H, W) after the local gain that brings it to the brightness of `here`."""
    brightness = [mean(picture.mean(1, keepdim=True), 4) + 0.02 for picture in (here, there)]
    return there * (brightness[0] / brightness[1]).clamp(0.5, 2.0)


def mean(values: Tensor, radius: int) -> Tensor:
    """Mean over a square, borders replicated."""
    return avg_pool2d(pad(values, (radius,) * 4, mode="replicate"), 2 * radius + 1, 1)


def plain(luma: Tensor) -> Tensor:
    """(1, 1, H, W): brightness without its surroundings' mean and contrast, so that light does not count."""
    level = mean(luma, 2)
    return (luma - level) / (mean((luma - level).square(), 2) + _FLAT**2).sqrt()


def gradients(values: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes to the right and down, of (1, C, H, W), by central differences."""
    padded = pad(values, (1, 1, 1, 1), mode="replicate")
    right = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    return right, (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2


def _squeezed(values: Tensor, unit: float) -> Tensor:
    """-1..1, half of it at `unit`."""
    return values / (values.abs() + unit)
