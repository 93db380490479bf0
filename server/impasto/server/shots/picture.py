"""The picture: coats of paint laid over each other, under the plate's highlights of now; strength last."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.keyed import Coat
from impasto.server.shots.relight import Light, develop


def overlay(keys: Coat | None, ground: Coat | None) -> Coat:
    """The keys' coat over the ground's; sources are those of the heavier.

    Args:
        keys: the keys' coat, or None.
        ground: the ground's, or None where the keys cover everything.
    """
    if keys is None or ground is None:
        found = ground if keys is None else keys
        assert found is not None
        return found
    upper = keys.cover
    over = upper > 0.5
    return Coat(
        keys.base * upper + ground.base * (1 - upper),
        keys.match * upper + ground.match * (1 - upper),
        upper + ground.cover * (1 - upper),
        torch.where(over, keys.x, ground.x),
        torch.where(over, keys.y, ground.y),
        torch.where(over, keys.born, ground.born),
    )


def picture(coat: Coat, light: Light, shaper: Shaper) -> Tensor:
    """The painted picture at full strength, (1, 3, H, W) scene-linear."""
    return develop(coat.base, coat.match, light, shaper)


def finish(plate: Tensor, painted: Tensor, strength: float | Tensor) -> Tensor:
    """Mix strength, in scene-linear: plate + s (painted - plate).

    Args:
        plate: (1, 3, H, W) float32, scene-linear.
        painted: the same, at full strength.
        strength: 0..1, or (1, 1, H, W) of it; 0 gives the plate's bits, 1 the painted picture's.
    """
    share = torch.as_tensor(strength, dtype=plate.dtype, device=plate.device)
    mixed = plate + share * (painted - plate)
    return torch.where(share == 0, plate, torch.where(share == 1, painted, mixed))
