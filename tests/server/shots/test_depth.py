import math

import numpy as np
import torch

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.depth import EstimatedDepth, LayerDepth

DEPTHS = np.array([[2.0, 8.0, 0.0], [-4.0, math.inf, math.nan]], np.float32)


def test_a_layer_of_distances_is_near_where_it_is_small_and_sky_lies_behind_all():
    depth = LayerDepth(lambda frame: DEPTHS, False, "depth.Z")
    near = depth.near(1)[0, 0]
    assert near[0, 0] > near[1, 0] > near[0, 1], "signs are dropped"
    assert near[0, 2] == near[1, 1] == near[1, 2] < near[0, 1]
    assert torch.allclose(depth.distance(1)[0, 0], torch.tensor([[2.0, 8, 0], [4, 0, 0]]))


def test_a_layer_of_inverse_depth_is_near_where_it_is_large():
    depth = LayerDepth(lambda frame: DEPTHS, True, "depth.Z")
    near = depth.near(1)[0, 0]
    assert near[0, 1] > near[1, 0] > near[0, 0] > near[0, 2]
    assert torch.allclose(depth.distance(1)[0, 0, 0], torch.tensor([0.5, 0.125, 0]))


def test_the_plate_s_own_depth_needs_no_pass_beside_it():
    assert LayerDepth(lambda frame: None, False, "depth.Z").kept
    assert not LayerDepth(lambda frame: None, True, "depth.Z").kept
    assert LayerDepth(lambda frame: None, False, "Z").near(1) is None


class Shot:
    """Frames of a rising ramp, each brighter than the one before; a store and a watch that keep nothing."""

    frames = tuple(range(1, 6))
    height, width = 8, 16

    def readable(self, frame):
        return True

    def digest(self, frame):
        return str(frame)

    def picture(self, frame):
        return torch.linspace(0, frame / 10, 128).reshape(1, 1, 8, 16).expand(1, 3, 8, 16)

    def load(self, key): ...

    def save(self, key, arrays): ...

    def check(self): ...

    def stage(self, name, frame): ...


def estimated():
    return EstimatedDepth(Shot(), lambda picture: picture[:, :1] * 100, "model/1", Shaper(1.0), Shot(), Shot())


def test_estimates_share_one_scale_over_the_shot_whatever_was_asked_before():
    depth = estimated()
    first = depth.distance(4)
    assert 19 < first.max() <= 20
    assert first.min() < 2
    assert not torch.allclose(depth.distance(1).min(), first.min()), "frames keep their differences"
    assert torch.equal(estimated().distance(4), first)
    assert torch.allclose(depth.near(4), -first.log())
