import pytest
import torch
from falling import PARTS, SHAPER, FallingShot, computed, textured

from impasto.server.errors import Cancelled, FrameError
from impasto.server.models.catalogue import find
from impasto.server.shots.mattes import NO_NEIGHBOUR
from impasto.server.shots.motion import ComputedMotion


def test_motion_is_measured_both_ways_and_ends_stand_still(tiny):
    motion, _ = computed(tiny, FallingShot())
    middle, last = motion.frame(3), motion.frame(5)
    assert abs(middle.forward[0, 1, 12:-12, 12:-12].mean() - 2) < 0.1
    assert abs(middle.backward[0, 1, 12:-12, 12:-12].mean() + 2) < 0.1
    assert last.forward.abs().max() == 0
    assert last.occlusion_next.min() == 1
    assert last.confidence_next.max() == 0
    assert (last.cause % 10 == NO_NEIGHBOUR).all()


def test_frames_do_not_depend_on_what_was_asked_before(tiny):
    one, _ = computed(tiny, FallingShot())
    other, _ = computed(tiny, FallingShot())
    for frame in (5, 1, 3):
        other.frame(frame)
    for part in PARTS:
        assert torch.equal(getattr(one.frame(3), part), getattr(other.frame(3), part))


def test_a_pair_is_measured_once_and_kept(tiny):
    store = tiny.Memory()
    first, watch = computed(tiny, FallingShot(), store)
    first.frame(2)
    assert len(watch.stages) == 2
    second, later = computed(tiny, FallingShot(), store)
    second.frame(2)
    assert later.stages == []


def test_an_unreadable_frame_is_bridged_and_has_no_motion_itself(tiny):
    motion, _ = computed(tiny, FallingShot(missing=(3,)))
    assert motion.neighbours(2) == (1, 4)
    assert abs(motion.frame(2).forward[0, 1, 14:-14, 14:-14].mean() - 4) < 0.2
    with pytest.raises(FrameError, match="Frame 3 cannot be read"):
        motion.frame(3)


class HoledShot(FallingShot):
    """The same behind a block of dead pixels that stands on the screen."""

    def picture(self, frame):
        picture = textured(frame).clone()
        picture[..., 14:28, 20:38] = 0
        return picture

    def holes(self, frame):
        holes = torch.zeros(1, 1, 40, 56)
        holes[..., 14:28, 20:38] = 1
        return holes


def test_holes_move_as_what_is_around_them_does_and_are_not_trusted(tiny):
    def measured(**known):
        return ComputedMotion(
            HoledShot(), find("dis", "flow").build(), "dis/1", SHAPER, 0.0, tiny.Memory(), tiny.Audience(), **known
        )

    seen, holed = measured().frame(3), measured(holes=HoledShot().holes).frame(3)
    inside, around = (..., slice(14, 28), slice(20, 38)), (..., slice(10, 32), slice(14, 44))
    down = holed.forward[:, 1:2]
    assert abs(down[inside].mean() - 2) < 0.2
    assert abs(seen.forward[:, 1:2][inside].mean() - 2) > 1, "as black structure they stand"
    assert (down[around] - 2).abs().max() < 0.5 * (seen.forward[:, 1:2][around] - 2).abs().max()
    assert holed.confidence_next[inside].max() == 0
    assert holed.confidence_next[..., 10:12, 24:30].min() > 0.5 > holed.confidence_next[..., 13, 24:30].max()
    assert holed.occlusion_next[around].mean() < 0.05


def test_work_stops_on_demand(tiny):
    motion, watch = computed(tiny, FallingShot())
    watch.stop = Cancelled("stopped")
    with pytest.raises(Cancelled):
        motion.frame(1)
