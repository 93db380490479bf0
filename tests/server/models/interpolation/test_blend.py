"""The net of the house, on seeded numbers and untrained: its trained weights are not bundled yet."""

import pytest
import torch
from safetensors.torch import save_file

from impasto.server.errors import BadRequest
from impasto.server.models.interpolation import impasto_blend
from impasto.server.models.interpolation.blend_net import BlendNet, brought
from impasto.server.models.interpolation.interpolator import Course, Pair


def pair_of(height, width):
    random = torch.Generator().manual_seed(5)
    a, b = (torch.rand(1, 3, height, width, generator=random) for _ in range(2))
    still, one = torch.zeros(1, 2, height, width), torch.ones(1, 1, height, width)
    share = torch.rand(1, 1, height, width, generator=random) * 0.9 + 0.05
    return Pair(a, b, still, still, 0 * one, 0 * one, one, 0.5 * one), Course(still + 0.5, still - 0.5, share)


def test_the_net_is_shown_both_pictures_along_the_course_their_trust_share_and_time():
    pair, course = pair_of(16, 24)
    given = brought(pair, 0.25, course)
    assert given.shape == (1, 11, 16, 24)
    assert torch.allclose(
        given[:, :3] + course.share * (given[:, 3:6] - given[:, :3]), course.mix(pair.first, pair.second)
    )
    assert torch.equal(given[:, 6:8], torch.tensor([1.0, 0.5])[None, :, None, None].expand(1, 2, 16, 24))
    assert bool((given[:, 10] == 0.25).all())


@pytest.mark.parametrize("size", [(33, 70), (1, 1)])
def test_untrained_it_is_the_splats_own_mix_at_any_size(tmp_path, size):
    save_file(BlendNet().state_dict(), tmp_path / "impasto-blend.safetensors")
    pair, course = pair_of(*size)
    made = impasto_blend.build(tmp_path / "impasto-blend.safetensors")(pair, 0.25, course)
    assert torch.allclose(made, course.mix(pair.first, pair.second), atol=1e-5)


def test_seeded_weights_change_the_picture_and_half_floats_load(tmp_path):
    random = torch.Generator().manual_seed(1)
    state = {key: 0.1 * torch.randn(value.shape, generator=random) for key, value in BlendNet().state_dict().items()}
    save_file({key: value.half() for key, value in state.items()}, tmp_path / "impasto-blend.safetensors")
    pair, course = pair_of(16, 16)
    made = impasto_blend.build(tmp_path / "impasto-blend.safetensors")(pair, 0.5, course)
    assert bool(torch.isfinite(made).all())
    assert not torch.allclose(made, course.mix(pair.first, pair.second), atol=1e-3)


def test_another_net_s_weights_are_refused(tmp_path):
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(BadRequest, match="is not the blend net"):
        impasto_blend.build(tmp_path / "other.safetensors")
