"""The domain in which frames are mixed over time and resampled: sRGB up to display white, a logarithm above.

The shot's own shaper begins its logarithm at middle grey times the exposure; a cubic kernel loses half a decibel there
on pictures that are to be seen on a display. With its knee at display white the curve is sRGB's wherever a display
shows anything, and highlights and negatives come back as exactly.
"""

from __future__ import annotations

import math

from torch import Tensor

from impasto.server.plates.shaper import KNEE, Shaper

LIGHT = Shaper(KNEE)
_WHITE = 1.055 * math.pow(KNEE, 1 / 2.4) - 0.055


def encode(linear: Tensor) -> Tensor:
    """Scene-linear light, any value, to 0..1 for 0..display white, more above."""
    shaped: Tensor = LIGHT.encode(linear)
    return shaped / _WHITE


def decode(mixed: Tensor) -> Tensor:
    """The other way."""
    linear: Tensor = LIGHT.decode(mixed * _WHITE)
    return linear
