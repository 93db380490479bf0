import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))

import stages
import staging
from torch.nn import functional as F

from impasto.server.ops.warp import warp


@pytest.fixture(scope="module")
def some():
    random = torch.Generator().manual_seed(3)
    smooth = [F.interpolate(torch.rand(1, 3, 7, 7, generator=random), (96, 96), mode="bicubic")[0] for _ in range(4)]
    drawer = staging.Stages(smooth, 72, 96, 8.0)
    return [drawer.draw(torch.Generator().manual_seed(seed)) for seed in (1, 2, 3)]


def test_the_motion_is_exact_wherever_it_says_that_a_pixel_is_seen(some):
    for stage in some:
        motion, hidden, _ = stage.motion(0.0, 1.0)
        fetched = warp(stage.picture(1.0)[None], motion[None], "bicubic")[0]
        error = (fetched - stage.picture(0.0)).abs().mean(0)[hidden[0] < 0.5]
        assert float(error.median()) < 0.005
        assert float((error > 0.1).float().mean()) < 0.03, "at most borders and glints"


def test_there_and_back_ends_where_it_began_unless_something_covers_it(some):
    for stage in some:
        there, hidden, number = stage.motion(0.0, 0.7)
        back, _, other = stage.motion(0.7, 0.0)
        same = (warp(other[None], there[None], "nearest")[0] == number) & (hidden < 0.5)
        apart = (there + warp(back[None], there[None])[0]).square().sum(0).sqrt()
        assert float(apart[same[0]].median()) < 0.01
        assert same.float().mean() > 0.5


def test_a_moment_to_itself_moves_nothing_and_hides_next_to_nothing(some):
    motion, hidden, _ = some[1].motion(0.4, 0.4)
    assert float(motion.abs().max()) < 2e-2
    assert float(hidden.mean()) < 2e-3


def test_stages_repeat_by_their_seed_and_differ_by_it():
    textures = [staging.patterned(torch.Generator().manual_seed(seed)) for seed in range(8)]
    drawer = staging.Stages(textures, 32, 40)
    first, again, other = (drawer.draw(torch.Generator().manual_seed(seed)).picture(0.3) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_shape_is_hit_where_it_stands():
    random = torch.Generator().manual_seed(1)
    for shape in ("plane", "card", "ring", "blade", "ball", "box", "tube"):
        course = stages.Course(torch.tensor([0.0, 0.0, 4.0]), torch.zeros(3), torch.eye(3), torch.zeros(3))
        texture = staging._pyramid(staging.patterned(random))
        thing = stages.Thing(course, shape, torch.ones(3), None, texture, 10.0, 1.0, torch.ones(3), (0.0, 1.0))
        aim = torch.tensor([[0.0, 0.0, 1.0], [0.15, 0.1, 1.0], [3.0, 3.0, 1.0]])
        s, own, _ = thing.hit(torch.tensor([0.0, 0.0, -4.0]), aim)
        assert torch.isfinite(s[0]) == (shape not in ("ring", "tube")), "a ring has a hole, a tube no lid"
        assert torch.isfinite(s[1]) == (shape != "tube"), shape
        assert shape == "plane" or not torch.isfinite(s[2]), shape
        met = torch.isfinite(s)
        assert torch.allclose(own[met], torch.tensor([0.0, 0.0, -4.0]) + s[met][:, None] * aim[met], atol=1e-5)
