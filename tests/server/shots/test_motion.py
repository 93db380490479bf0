import numpy as np
import pytest
import torch

from impasto.server.errors import BadRequest, Cancelled, FrameError
from impasto.server.models.catalogue import find
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.mattes import NO_NEIGHBOUR
from impasto.server.shots.motion import ComputedMotion, GivenMotion

PARTS = ("forward", "backward", "occlusion_next", "occlusion_prev", "confidence_next", "confidence_prev", "cause")
SHAPER = Shaper(1.0)


def textured(frame, falling=2.0, height=40, width=56):
    """Ground that falls `falling` pixels a frame."""
    row = torch.arange(height)[:, None] - falling * frame
    column = torch.arange(width).float()
    waves = [torch.sin(row * a + column * b) for a, b in ((0.31, 0.2), (0.45, -0.37), (0.23, 0.61))]
    return 0.3 + 0.12 * torch.stack(waves)[None]


class FallingShot:
    frames = (1, 2, 3, 4, 5)
    height, width = 40, 56

    def __init__(self, missing=()):
        self.missing = missing

    def readable(self, frame):
        return frame not in self.missing

    def picture(self, frame):
        return textured(frame)

    def digest(self, frame):
        return f"falling {frame}" if self.readable(frame) else "missing"


def computed(tiny, shot, store=None):
    watch = tiny.Audience()
    estimator = find("dis", "flow").build()
    return ComputedMotion(shot, estimator, "dis/1", SHAPER, 0.0, store or tiny.Memory(), watch), watch


def given(tiny, shot, layers, name="vectors.####.exr"):
    return GivenMotion(shot, layers, "digest", SHAPER, tiny.Memory(), tiny.Audience(), name=name)


def down(distance, names=("forward", "backward")):
    sign = {"forward": 1, "backward": -1}
    fields = {name: np.zeros((2, 40, 56), np.float32) for name in names}
    for name, field in fields.items():
        field[1] = sign[name] * distance
    return fields


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


@pytest.mark.parametrize("passes", [PARTS[:2], PARTS[:4], PARTS[:6]])
def test_measured_motion_fed_back_gives_the_same_bits(tiny, passes):
    measured, _ = computed(tiny, FallingShot())

    def written(frame):
        found = measured.frame(frame)
        layers = {"forward": found.forward[0].numpy(), "backward": found.backward[0].numpy()}
        for part in passes[2:]:
            layers[part.replace("_", ".")] = getattr(found, part)[0, 0].half().numpy()
        return layers

    fed = given(tiny, FallingShot(), written)
    for frame in FallingShot.frames:
        for part in PARTS:
            assert torch.equal(getattr(fed.frame(frame), part), getattr(measured.frame(frame), part)), (frame, part)


@pytest.mark.parametrize("name", ["forward", "backward"])
def test_the_direction_not_given_is_derived(tiny, name):
    motion = given(tiny, FallingShot(), lambda frame: down(2.0, (name,))).frame(3)
    assert torch.allclose(motion.forward[0, 1], torch.tensor(2.0), atol=1e-4)
    assert torch.allclose(motion.backward[0, 1], torch.tensor(-2.0), atol=1e-4)
    assert (motion.occlusion_next[..., -1, :] > 0.5).all()
    assert motion.occlusion_next[..., 3:-3, :].max() == 0


def test_vertical_motion_upside_down_is_refused_by_name(tiny):
    with pytest.raises(BadRequest, match=r"'vectors.####.exr' points the wrong way.*multiply forward.v"):
        given(tiny, FallingShot(), lambda frame: down(-2.0)).frame(1)


def test_frames_without_motion_are_refused_by_name(tiny):
    with pytest.raises(BadRequest, match="no motion between frames 2 and 3"):
        given(tiny, FallingShot(), lambda frame: down(2.0) if frame < 2 else None).frame(2)


def test_given_vectors_are_chained_over_an_unreadable_frame_but_taken_as_they_are_where_it_has_none(tiny):
    shot = FallingShot(missing=(3,))
    chained = given(tiny, shot, lambda frame: down(2.0)).frame(2)
    assert torch.allclose(chained.forward[0, 1], torch.tensor(4.0))
    bridged = given(tiny, shot, lambda frame: {2: down(4.0), 4: down(4.0), 3: None}.get(frame, down(2.0))).frame(2)
    assert torch.allclose(bridged.forward[0, 1], torch.tensor(4.0))


def test_vectors_that_are_no_numbers_stand_still(tiny):
    def layers(frame):
        fields = down(2.0)
        fields["forward"][:, :3] = np.nan
        fields["forward"][:, 3:6] = 1e10
        return fields

    motion = given(tiny, FallingShot(), layers).frame(2)
    assert motion.forward[..., :6, :].abs().max() == 0
    assert motion.confidence_next.isfinite().all()


def test_given_mattes_are_kept_and_have_a_cause(tiny):
    def layers(frame):
        matte = np.zeros((40, 56), np.float32)
        matte[10:20] = 1
        return down(2.0) | {"occlusion.next": matte}

    motion = given(tiny, FallingShot(), layers).frame(2)
    assert (motion.occlusion_next[0, 0, 10:20] == 1).all()
    assert (motion.cause[0, 0, 10:20] % 10 > 0).all()
    assert motion.confidence_next[0, 0, 10:20].max() == 0
