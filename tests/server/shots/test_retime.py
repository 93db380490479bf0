from fractions import Fraction

import numpy as np
import pytest
import torch

from impasto.server import plates
from impasto.server.errors import FrameError
from impasto.server.models import catalogue
from impasto.server.models.interpolation.interpolator import Pair
from impasto.server.models.interpolation.splat import Splat
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import mixing
from impasto.server.shots.depth import LayerDepth
from impasto.server.shots.mattes import mattes
from impasto.server.shots.retime import (
    Between,
    Choice,
    Joined,
    Moment,
    Repaired,
    bridged,
    held,
    is_cut,
    moment,
    nearness,
)


def test_a_moment_lies_between_its_two_frames(tiny):
    shot = tiny.Shot()
    assert moment(shot, Fraction(7, 2)) == Moment(3, 4, 0.5)
    assert moment(shot, Fraction(4)) == Moment(4, 4, 0.0)
    assert moment(shot, Fraction(4)).whole
    assert not moment(shot, Fraction(7, 2)).whole


def test_a_missing_frame_is_named_with_its_cure_and_bridged_where_it_is_repaired(tiny):
    shot = tiny.Shot(missing=(4, 12))
    for time in (Fraction(4), Fraction(7, 2), Fraction(9, 2)):
        with pytest.raises(FrameError, match="--repair"):
            moment(shot, time)
    assert bridged(shot, Fraction(4)) == Moment(3, 5, 0.5)
    assert bridged(shot, Fraction(12)) == Moment(11, 11, 0.0), "held at the end"


class Repeating:
    """A panning shot some of whose frames are the one before, one of them compressed anew."""

    def __init__(self, tiny, repeats, noise=0.0):
        self._shot, self._repeats, self._noise = tiny.Shot(speed=2), repeats, noise
        self.frames, self.height, self.width = self._shot.frames, self._shot.height, self._shot.width

    def readable(self, frame):
        return True

    def picture(self, frame):
        if frame not in self._repeats:
            return self._shot.picture(frame)
        noise = torch.randn(1, 3, self.height, self.width, generator=torch.Generator().manual_seed(frame))
        return self.picture(frame - 1) + self._noise * noise

    def digest(self, frame):
        return str(frame)


@pytest.mark.parametrize("noise", [0.0, 0.001])
def test_frames_that_repeat_the_one_before_are_found(tiny, noise):
    shot = Repaired(Repeating(tiny, {4, 5, 9}, noise), Shaper())
    assert [frame for frame in shot.frames if not shot.readable(frame)] == [4, 5, 9]
    assert shot.digest(4) == "missing"
    assert bridged(shot, Fraction(4)) == Moment(3, 6, 1 / 3)


def test_a_shot_that_moves_slowly_repeats_nothing(tiny):
    shot = Repaired(tiny.Shot(), Shaper())
    assert all(shot.readable(frame) for frame in shot.frames)


def test_the_course_of_a_pan_is_the_pan(tiny):
    shot = tiny.Shot(speed=4)
    join = Between(shot, tiny.Motion(shot), lambda frame: None, tiny.Audience())
    here = moment(shot, Fraction(11, 4))
    pair, course = join.course(here)
    assert torch.allclose(course.to_first[0, 0, 4:-4, 8:-8], torch.tensor(3.0), atol=1e-4)
    assert torch.allclose(course.to_second[0, 0, 4:-4, 8:-8], torch.tensor(-1.0), atol=1e-4)
    made = join.colour(pair, here, course, Splat())
    true = tiny.Shot(speed=1).picture(1 + 7)
    assert float((made - true)[..., 4:-4, 8:-8].abs().mean()) < 1e-3


def test_light_beyond_white_follows_the_course_of_a_net_that_sees_none(tiny):
    """What a net is shown ends at display white; the rest comes back."""

    class Bright(tiny.Shot):
        def picture(self, frame):
            return super().picture(frame) * 20 - 3

    shot = Bright(speed=2)
    join = Between(shot, tiny.Motion(shot), lambda frame: None, tiny.Audience())
    here = moment(shot, Fraction(5, 2))
    pair, course = join.course(here)
    seen = []

    def net(pair, time, course):
        seen.append(pair)
        return course.mix(pair.first, pair.second)

    made = join.colour(pair, here, course, net)
    assert 0 <= float(seen[0].first.min()) <= float(seen[0].first.max()) <= 1
    assert float(made.max()) > 5
    assert float(made.min()) < -0.5


def test_the_mixing_domain_goes_there_and_back_and_is_a_display_s_below_white():
    light = torch.tensor([-4.0, -0.2, 0.0, 0.18, 0.5, 1.0, 40.0])
    assert torch.allclose(mixing.decode(mixing.encode(light)), light, rtol=1e-4, atol=1e-6)
    shown = 1.055 * torch.tensor([0.18, 0.5, 1.0]) ** (1 / 2.4) - 0.055
    assert torch.allclose(mixing.encode(light)[3:6], shown, atol=0.02)


def test_calm_middles_take_the_kernel_method_where_it_is_here():
    models = dict.fromkeys(("splat", "sepconv"), Splat())
    calm, fast, middle = Joined(None, 2.0), Joined(None, 20.0), Moment(1, 2, 0.5)
    assert Choice(models, "auto").of(calm, middle)[0] == "sepconv"
    assert Choice(models, "auto").of(fast, middle)[0] == "splat"
    assert Choice(models, "auto").of(calm, Moment(1, 2, 0.25))[0] == "splat"
    assert Choice(models, "splat").of(calm, middle)[0] == "splat"
    assert Choice({"splat": Splat()}, "auto").of(calm, middle)[0] == "splat"


def test_over_a_cut_the_frame_before_is_held_or_the_nearest_shown():
    assert [held(Moment(4, 5, part), "hold") for part in (0.25, 0.75)] == [4, 4]
    assert [held(Moment(4, 5, part), "nearest") for part in (0.25, 0.75)] == [4, 5]


def test_what_is_near_is_near_and_what_is_nowhere_is_far():
    depth = torch.tensor([1.0, 2, 4, 8, float("inf"), 0] * 10).reshape(1, 1, 6, 10)
    near = nearness(LayerDepth(lambda frame: depth[0, 0].numpy(), False, "Z").near(1)).flatten()[:6]
    assert near[0] == 1
    assert near[4] == near[5] == 0
    assert bool((near[:4].diff() < 0).all())


@pytest.mark.assets
def test_the_cuts_of_a_real_clip_are_cuts_and_its_other_frames_are_not(assets):
    reader = plates.VideoReader(assets / "video" / "bikes.mp4", plates.Limits())
    estimator = catalogue.find("dis", "flow").build()

    def picture(frame):
        plate = reader.read(frame)
        rgb, _, _ = plates.picture(plate, "", plate.data_window, plates.ColourSpace.resolve("auto", plate))
        return mixing.encode(torch.from_numpy(np.ascontiguousarray(rgb))[None])[..., ::4, ::4].contiguous()

    found = {}
    for frame in (30, 76, 29, 100):
        a, b = picture(frame), picture(frame + 1)
        forward, backward = estimator.both(a, b)
        one, other = mattes(a, b, forward, backward), mattes(b, a, backward, forward)
        pair = Pair(a, b, forward, backward, one.occlusion, other.occlusion, one.confidence, other.confidence)
        found[frame] = is_cut(pair)
    assert found == {30: True, 76: True, 29: False, 100: False}
