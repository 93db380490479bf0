"""The published nets of the field, on checkpoints of the right keys and shapes filled with seeded numbers: the real
weights are not at hand, so pictures are not compared with their authors'."""

import pytest
import torch

from impasto.server.errors import BadRequest
from impasto.server.models.interpolation import ifnet, sepconv
from impasto.server.models.interpolation.interpolator import Course, Pair
from impasto.server.models.interpolation.kernels import padded, separable
from impasto.server.models.weights import read


def seeded(net, scale=0.05):
    random = torch.Generator().manual_seed(3)
    return {key: scale * torch.randn(value.shape, generator=random) for key, value in net.state_dict().items()}


def pair_of(height, width):
    random = torch.Generator().manual_seed(5)
    a, b = (torch.rand(1, 3, height, width, generator=random) for _ in range(2))
    still, one = torch.zeros(1, 2, height, width), torch.ones(1, 1, height, width)
    return Pair(a, b, still, still, 0 * one, 0 * one, one, one), Course(still, still, 0.5 * one)


@pytest.fixture(scope="module")
def sepconv_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("sepconv") / "network-lf.pytorch"
    named = {key.replace("net", "module", 1): value.half() for key, value in seeded(sepconv.SepConv()).items()}
    torch.save(named, file)
    return file


def test_sepconv_has_the_weights_of_the_paper():
    assert sum(parameter.numel() for parameter in sepconv.SepConv().parameters()) == sepconv.PARAMETERS == 21_675_452


def test_sepconv_loads_the_published_keys_filled_with_seeded_numbers_and_makes_the_middle(sepconv_file):
    model = sepconv.build(sepconv_file)
    pair, course = pair_of(33, 40)
    made = model(pair, 0.5, course)
    assert made.shape == (1, 3, 33, 40)
    assert bool(torch.isfinite(made).all())
    with pytest.raises(ValueError, match="makes the middle"):
        model(pair, 0.25, course)


def test_sepconv_in_strips_of_rows_is_the_whole_with_seeded_numbers(sepconv_file):
    net = sepconv.SepConv()
    net.load_state_dict({sepconv.own_key(key): value.float() for key, value in read(sepconv_file).items()})
    pair, _ = pair_of(40, 32)
    with torch.no_grad():
        strips, whole = net(pair.first, pair.second, rows=7), net(pair.first, pair.second, rows=400)
        seen = net._looked(torch.cat([pair.first, pair.second], 1)[..., :32, :])
        head = net.netVertical1
        parts = [sepconv._grown(head, head[:6](seen), start, start + 8, 32, 32) for start in range(0, 32, 8)]
        kernels = head(seen)
    assert float((strips - whole).abs().max()) < 1e-5 * float(whole.abs().max())
    assert float((torch.cat(parts, 2) - kernels).abs().max()) < 1e-5 * float(kernels.abs().max())


def test_kernels_of_one_tap_move_the_picture():
    picture = torch.rand(1, 3, 9, 12)
    vertical, horizontal = torch.zeros(1, 51, 9, 12), torch.zeros(1, 51, 9, 12)
    vertical[:, 25 + 1], horizontal[:, 25 - 2] = 1, 1
    made = separable(padded(picture), vertical, horizontal)
    assert torch.equal(made[..., :-1, 2:], picture[..., 1:, :-2])


@pytest.fixture(scope="module")
def ifnet_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("ifnet") / "flownet.pkl"
    named = {f"module.{key}": value for key, value in seeded(ifnet.IFNet()).items()}
    named["module.block_tea.conv0.0.0.weight"] = named["module.caltime.0.weight"] = torch.zeros(1)
    torch.save(named, file)
    return file


def test_ifnet_has_the_tensors_of_version_4_6():
    assert len(ifnet.IFNet().state_dict()) == ifnet.TENSORS == 120


def test_ifnet_loads_the_published_keys_filled_with_seeded_numbers_at_any_time_and_size(ifnet_file):
    model = ifnet.build(ifnet_file)
    pair, course = pair_of(33, 70)
    early, late = model(pair, 0.2, course), model(pair, 0.8, course)
    assert early.shape == (1, 3, 33, 70)
    assert bool(torch.isfinite(early).all())
    assert not torch.equal(early, late)


def test_ifnet_that_sees_no_motion_mixes_what_is_there(tmp_path):
    net = ifnet.IFNet()
    empty = {key: torch.zeros_like(value) for key, value in net.state_dict().items()}
    torch.save(empty, tmp_path / "flownet.pkl")
    pair, course = pair_of(32, 32)
    made = ifnet.build(tmp_path / "flownet.pkl")(pair, 0.5, course)
    assert torch.allclose(made, (pair.first + pair.second) / 2, atol=1e-6)


@pytest.mark.parametrize(("model", "other"), [(sepconv, "ifnet_file"), (ifnet, "sepconv_file")])
def test_weights_of_another_net_are_refused_by_name(model, other, request):
    with pytest.raises(BadRequest, match="is not") as caught:
        model.build(request.getfixturevalue(other))
    assert caught.value.reason == "WEIGHTS_UNKNOWN"
