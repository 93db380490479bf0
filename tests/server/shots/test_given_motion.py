import numpy as np
import pytest
import torch
from falling import PARTS, SHAPER, FallingShot, computed

from impasto.server.errors import BadRequest
from impasto.server.shots.given_motion import GivenMotion


def given(tiny, shot, layers, name="vectors.####.exr"):
    return GivenMotion(shot, layers, "digest", SHAPER, tiny.Memory(), tiny.Audience(), name=name)


def down(distance, names=("forward", "backward")):
    sign = {"forward": 1, "backward": -1}
    fields = {name: np.zeros((2, 40, 56), np.float32) for name in names}
    for name, field in fields.items():
        field[1] = sign[name] * distance
    return fields


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
