"""What the other picture shows too, told by motion from there, and what it does to prices."""

import numpy as np
import torch

from impasto.server.models.flow.planes import flat
from impasto.server.models.flow.prices import Prices
from impasto.server.models.flow.visibility import reached


def drawn(seed=4, height=64, width=96, shift=8):
    """Ground that stands and a square of rows 20-44, columns 30-54 that moves to the right: both pictures."""
    generator = torch.Generator().manual_seed(seed)
    ground, thing = (
        torch.nn.functional.interpolate(
            torch.rand(1, 3, height // 3 + 1, width // 3 + 1, generator=generator), (height, width), mode="bicubic"
        )[0]
        .permute(1, 2, 0)
        .numpy()
        .clip(0, 1)
        for _ in range(2)
    )
    first, second = ground.copy(), ground.copy()
    first[20:44, 30:54] = thing[20:44, 30:54]
    second[20:44, 30 + shift : 54 + shift] = thing[20:44, 30:54]
    return np.ascontiguousarray(first), np.ascontiguousarray(second)


def back(shift=8, height=64, width=96):
    motion = np.zeros((height, width, 2), np.float32)
    motion[20:44, 30 + shift : 54 + shift, 0] = -shift
    return motion


def test_nothing_moves_to_what_will_be_covered():
    share = reached(back())
    assert share.shape == (64, 96)
    assert share[24:40, 56:60].max() < 0.1
    share[18:46, 52:64] = 1
    assert share.min() > 0.9


def test_a_surface_that_grows_is_reached_all_over():
    rows, columns = np.indices((40, 60), dtype=np.float32)
    motion = np.dstack([0.25 * (columns - 30), 0.25 * (rows - 20)]).astype(np.float32)
    assert reached(motion).min() > 0.9


def test_what_leaves_the_picture_is_not_reached():
    motion = np.zeros((20, 30, 2), np.float32)
    motion[..., 0] = 6
    share = reached(motion)
    assert share[:, :4].max() < 0.1
    assert share[:, 8:].min() > 0.9


def test_hidden_neighbours_do_not_make_the_true_motion_dear():
    first, second = drawn()
    prices = Prices(first, second, 0.0)
    still = flat(np.zeros((32, 48, 2), np.float32))
    rim = (slice(12, 20), slice(31, 34))
    before = prices.of_planes(still)[rim].mean()
    whole = prices.of_motion(np.zeros((64, 96, 2), np.float32))[24:40, 62:66].mean()
    prices.believe(reached(back()[::2, ::2] / 2))
    assert prices.of_planes(still)[rim].mean() < 0.7 * before
    assert prices.of_motion(np.zeros((64, 96, 2), np.float32))[24:40, 62:66].mean() < 0.9 * whole
