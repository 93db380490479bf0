"""Light: a plate taken apart into what paint replaces and what stays the plate's own.

A plate is its base (luminance up to the knee) times its gain (highlights above it). Paint replaces the base; the gain
of the plate *now* is put back on top, so energy and flares follow the plate. Below the knee, carried paint follows the
low-frequency brightness of the plate now against the plate at birth, as far as its look answers to light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.server.ops.lowpass import broad
from impasto.server.ops.rise import rise
from impasto.server.plates.shaper import Shaper

_LUMA = (0.2126, 0.7152, 0.0722)
_FLOOR = 0.002
"""Added to luminance (after exposure), so that black divides by something."""
_MOST = 8.0
"""Paint is not relit by more than this, either way."""
_MOST_SHARP = 32.0
"""Nor do glints change it by more."""
_GLINT = 0.02
"""What a pixel near the knee counts beside others: where a glint passes, the light around it has not changed."""
_THINGS = 4.0
"""Times broader than strokes: what is broader still is the tone of the whole picture."""
_EVEN = 1e-3
"""Mean square of a plate's light and shade, in logarithms, from which a look's answer can be told."""
_LITTLE = 1e-4
"""Weight below which nothing is known of the light."""


@dataclass(frozen=True)
class Light:
    """A plate in two parts: plate = decode(base) * gain.

    Attributes:
        base: (1, 3, H, W) float32, shaped (display-like) picture whose luminance ends at the knee.
        gain: (1, 1, H, W) float32, from 1 up, of scene-linear light.
    """

    base: Tensor
    gain: Tensor


def luminance(linear: Tensor) -> Tensor:
    """Rec.709 luminance of (1, 3, H, W), as (1, 1, H, W)."""
    red, green, blue = linear[:, :1], linear[:, 1:2], linear[:, 2:3]
    return red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2]


def knee(shaper: Shaper) -> float:
    """Scene-linear luminance above which light is the plate's own: display white, or more in a bright scene."""
    return max(1.0, 1.0 / float(shaper.exposure))


def excess(linear: Tensor, shaper: Shaper) -> Tensor:
    """How many times the knee a picture's luminance is, (1, 1, H, W), at least 1."""
    times: Tensor = (luminance(linear) / knee(shaper)).clamp_min(1.0)
    return times


def split(linear: Tensor, shaper: Shaper) -> Light:
    """Take a plate apart.

    Args:
        linear: (1, 3, H, W) float32, scene-linear.
        shaper: the shot's.
    """
    gain = excess(linear, shaper)
    return Light(shaper.encode(linear / gain), gain)


def change(now: Light, then: Tensor, there: Tensor, shaper: Shaper) -> Tensor:
    """How the light on carried paint has changed since birth, at low frequency.

    The plates of now and of birth are compared where the paint is now, thing for thing, so that something bright
    passing by does not count as light.

    Args:
        now: light of this frame.
        then: (1, 3, H, W), shaped base of the plate at birth, fetched to where it is now.
        there: (1, 1, H, W) bool, where it was fetched.
        shaper: the shot's.

    Returns:
        (1, 1, H, W) float32, the ratio now / then of scene-linear light, the geometric mean around; exactly 1 where
        both are the same.
    """
    seen, was = _lit(now.base, shaper), _lit(then, shaper)
    most = math.log(_MOST)
    weight = there * (1 - (1 - _GLINT) * rise(torch.maximum(seen, was) / knee(shaper), 0.5, 0.95))
    ratio = (seen / was).log().clamp(-most, most)
    sigma = _sigma(then)
    mean: Tensor = (broad(ratio * weight, sigma) / (broad(weight, sigma) + _LITTLE)).exp()
    return mean


def _lit(base: Tensor, shaper: Shaper) -> Tensor:
    """Scene-linear luminance of a shaped base, (1, 1, H, W), above 0."""
    return luminance(shaper.decode(base)).clamp_min(0.0) + _FLOOR / shaper.exposure


def answer(paint: Tensor, plate: Tensor, where: Tensor, shaper: Shaper) -> float:
    """How far a look answers to light: what is left in its paint of a plate's light and shade.

    The slope of the paint's luminance over the plate's, both as logarithms, in what is broader than strokes and
    narrower than things.

    Args:
        paint: (1, 3, H, W) float32, shaped base of a painted frame.
        plate: (1, 3, H, W), shaped base of its plate.
        where: (1, 1, H, W) bool, where it was painted.
        shaper: the shot's.

    Returns:
        0 for a look that knows no light, 1 for one that keeps it; also 1 where the plate is too even to tell.
    """
    weight = where * (1 - rise(_lit(plate, shaper) / knee(shaper), 0.5, 0.95))
    sigma = _sigma(plate)

    def band(picture: Tensor) -> Tensor:
        light = _lit(picture, shaper).log() * weight
        near, far = (broad(light, size) / (broad(weight, size) + _LITTLE) for size in (sigma, _THINGS * sigma))
        return near - far

    total = weight.sum().clamp_min(1.0)
    light, shade = band(plate), band(paint)
    spread, common = (float((each * weight).sum() / total) for each in (light * light, light * shade))
    return min(1.0, max(0.0, (common + _EVEN) / (spread + _EVEN)))


def _sigma(picture: Tensor) -> float:
    """What counts as low frequency: 6 pixels at 640 columns."""
    return max(3.0, 6.0 * picture.shape[-1] / 640)


def follow(
    paint: Tensor,
    soft: Tensor,
    then: Tensor,
    there: Tensor,
    now: Light,
    shaper: Shaper,
    relight: float,
    answers: float = 1.0,
) -> Tensor:
    """Carried paint under the light of now.

    By the low-frequency ratio; where light is above the knee it moves as glints and is sharp, and paint follows the
    ratio of the pixel itself: where the plate shows a glint, and where the paint was laid as one. Where plate now
    equals plate then the paint comes back bit for bit but for rounding.

    Args:
        paint: (1, 3, H, W), shaped base of the paint, fetched.
        soft: the same, fetched as the plate was; taken where light is sharp, so that both have the same blur.
        then: (1, 3, H, W), shaped base of the plate at birth, fetched.
        there: (1, 1, H, W) bool, where they were fetched.
        now: light of this frame.
        shaper: the shot's.
        relight: 0 leaves paint as it was laid, 1 follows the light fully; glints follow either way.
        answers: 0..1, see `answer`: how far the look's paint goes with light that falls here and not there. Light that
            changes everywhere, as exposure does, is followed fully.

    Returns:
        (1, 3, H, W), shaped base.
    """
    seen = shaper.decode(now.base)
    light_now, light_then = _lit(now.base, shaper), _lit(then, shaper)
    low = change(now, then, there, shaper).log()
    if answers < 1 and bool(there.any()):
        everywhere = low[there].median()
        low = everywhere + (low - everywhere) * answers
    low = low * relight
    sharp = (light_now / light_then).clamp(1 / _MOST_SHARP, _MOST_SHARP).log()
    laid = luminance(shaper.decode(soft)).clamp_min(0.0)
    left = rise(torch.minimum(light_then, laid) / knee(shaper), 0.95, 1.0)
    glint = torch.maximum(rise(now.gain, 1.0, 2.0), left)
    plain = shaper.decode(paint + (soft - paint) * glint)
    broad_gain, gain = low.exp(), torch.exp(low + (sharp - low) * glint)
    # Light that a glint adds has the glint's colour, not the paint's.
    added = luminance(plain).clamp_min(0.0) * (gain - broad_gain).clamp_min(0.0)
    colour = seen / light_now
    return shaper.encode(plain * torch.minimum(gain, broad_gain) + added * colour)


def relit_plate(then: Tensor, ratio: Tensor, shaper: Shaper) -> Tensor:
    """The plate at birth, fetched, with the low-frequency brightness of now: (1, 3, H, W), shaped.

    Args:
        then: (1, 3, H, W), shaped base.
        ratio: (1, 1, H, W), see `change`.
        shaper: the shot's.
    """
    relit: Tensor = shaper.encode(shaper.decode(then) * ratio)
    return relit


def develop(base: Tensor, match: Tensor, now: Light, shaper: Shaper) -> Tensor:
    """Paint with the plate's highlights of now put back: (1, 3, H, W), scene-linear.

    Args:
        base: (1, 3, H, W), shaped base of the paint.
        match: (1, 1, H, W) 0..1, how far the paint takes the plate's highlights.
        now: light of this frame.
        shaper: the shot's.
    """
    return shaper.decode(base) * (1 + (now.gain - 1) * match)


def undevelop(painted: Tensor, plate: Light, shaper: Shaper) -> tuple[Tensor, Tensor]:
    """Take painted light apart the way its plate is: what `develop` undoes at the frame of birth.

    A picture that nowhere exceeds the knee was clipped when it was made: where it is bright under a highlight of the
    plate, the highlight comes back; where the artist painted it over, it does not. A picture that holds highlights of
    its own keeps exactly those.

    Args:
        painted: (1, 3, H, W), scene-linear.
        plate: light of the frame it was painted over.
        shaper: the shot's.

    Returns:
        Its shaped base (1, 3, H, W), and its match (1, 1, H, W).
    """
    own = excess(painted, shaper)
    above = rise(plate.gain, 1.0, 1.5)
    clipped = bool(own.max() <= 1.001)
    if clipped:
        wanted = rise(luminance(painted) / knee(shaper), 0.3, 0.7)
        return shaper.encode(painted), 1 - above * (1 - wanted)
    wanted = ((own - 1) / (plate.gain - 1).clamp_min(1e-6)).clamp(0, 1)
    match = 1 - above * (1 - wanted)
    return shaper.encode(painted / (1 + (plate.gain - 1) * match)), match
