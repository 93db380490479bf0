import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))

import scenes
from torch.nn import functional as F

from impasto.server.ops.warp import warp


@pytest.fixture(scope="module")
def some():
    random = torch.Generator().manual_seed(3)
    smooth = [F.interpolate(torch.rand(1, 3, 7, 7, generator=random), (96, 96), mode="bicubic")[0] for _ in range(4)]
    drawer = scenes.Scenes(smooth, 72, 96, 16.0)
    return [drawer.draw(torch.Generator().manual_seed(seed)) for seed in (1, 2, 3)]


def test_the_motion_is_exact_wherever_it_says_that_a_pixel_is_seen(some):
    for scene in some:
        motion, hidden, _ = scene.motion(0.0, 1.0)
        fetched = warp(scene.picture(1.0)[None], motion[None], "bicubic")[0]
        seen = hidden[0] < 0.5
        error = (fetched - scene.picture(0.0)).abs().mean(0)[seen]
        assert float(error.median()) < 0.002
        assert float((error > 0.1).float().mean()) < 0.02, "at most the soft edges of layers"


def test_there_and_back_ends_where_it_began_unless_something_covers_it(some):
    scene = some[0]
    there, hidden, number = scene.motion(0.0, 0.7)
    back, _, other = scene.motion(0.7, 0.0)
    same = (warp(other[None], there[None], "nearest")[0] == number) & (hidden < 0.5)
    apart = (there + warp(back[None], there[None])[0]).square().sum(0).sqrt()
    assert float(apart[same[0]].median()) < 0.01
    assert same.float().mean() > 0.5


def test_a_moment_to_itself_moves_nothing_and_hides_nothing(some):
    motion, hidden, _ = some[1].motion(0.4, 0.4)
    assert float(motion.abs().max()) < 2e-3
    assert float(hidden.mean()) == 0


def test_scenes_repeat_by_their_seed_and_differ_by_it():
    drawer = scenes.Scenes([torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1))], 32, 40)
    first, again, other = (drawer.draw(torch.Generator().manual_seed(seed)).picture(0.3) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert 0 <= float(first.min()) <= float(first.max()) <= 1


def test_a_shutter_blurs_what_moves(some):
    sharp, blurred = some[2].picture(0.5), some[2].picture(0.5, shutter=0.5)
    steps = [picture.diff(dim=-1).abs().mean() for picture in (sharp, blurred)]
    assert steps[1] < steps[0]
