import pytest
import torch
from torch import nn

from impasto.server.errors import BadRequest
from impasto.server.models.style import vgg19


def _parameters(net: nn.Module) -> int:
    return sum(value.numel() for value in net.parameters())


def test_the_normalised_net_has_the_published_numbers_of_parameters():
    with torch.device("meta"):
        assert _parameters(vgg19.NormalisedVGG19("relu4_1")) == 3_505_740
        # The published 20,024,396 count the three convolutions after relu5_1 too.
        assert _parameters(vgg19.NormalisedVGG19("relu5_4")) == 20_024_396


def test_the_torchvision_net_has_the_published_number_of_parameters():
    with torch.device("meta"):
        assert _parameters(vgg19.VGG19("relu5_4")) == 20_024_384


@pytest.mark.parametrize(
    ("depth", "child"), [("relu1_1", 4), ("relu2_1", 11), ("relu3_1", 18), ("relu4_1", 31), ("relu5_1", 44)]
)
def test_the_normalised_net_ends_where_the_published_one_does(depth, child):
    with torch.device("meta"):
        assert len(vgg19.NormalisedVGG19(depth)) == child


@pytest.mark.parametrize(
    ("depth", "keys"), [("relu3_1", ("0", "2", "5", "7", "10")), ("relu2_2", ("0", "2", "5", "7"))]
)
def test_the_torchvision_net_has_torchvision_s_keys(depth, keys):
    with torch.device("meta"):
        state = vgg19.VGG19(depth).state_dict()
    assert set(state) == {f"features.{key}.{part}" for key in keys for part in ("weight", "bias")}


def test_a_seeded_file_of_torchvision_s_keys_loads_to_any_depth(tmp_path):
    torch.manual_seed(0)
    deep = vgg19.VGG19("relu3_2")
    state = deep.state_dict() | {"classifier.0.weight": torch.zeros(2, 2)}
    torch.save(state, tmp_path / "vgg.pth")
    net = vgg19.load(tmp_path / "vgg.pth", "relu2_1")
    x = torch.rand(1, 3, 20, 24)
    layers = ("relu1_2", "relu2_1")
    with torch.no_grad():
        ours, theirs = net(x, layers), deep(x, layers)
    assert list(ours) == list(layers)
    assert all(torch.equal(ours[layer], theirs[layer]) for layer in layers)
    assert ours["relu2_1"].shape == (1, 128, 10, 12)
    with pytest.raises(BadRequest, match=r"lacks 'features\.14\.bias'"):
        vgg19.load(tmp_path / "vgg.pth", "relu3_3")


def test_average_pooling_is_there_for_gatys(tmp_path):
    torch.save(vgg19.VGG19("relu2_1").state_dict(), tmp_path / "vgg.pth")
    net = vgg19.load(tmp_path / "vgg.pth", "relu2_1", pooling="average")
    assert [type(step) for step in net.features if "Pool" in type(step).__name__] == [nn.AvgPool2d]


def test_a_layer_beyond_the_cut_is_named():
    with pytest.raises(ValueError, match="built to relu1_2 and has no relu3_1"):
        vgg19.VGG19("relu1_2")(torch.rand(1, 3, 8, 8), ["relu3_1"])


def test_the_normalised_net_keeps_odd_rows_and_takes_single_pixels():
    torch.manual_seed(0)
    net = vgg19.NormalisedVGG19("relu3_1")
    with torch.no_grad():
        assert net.features(torch.rand(1, 3, 9, 13), ["relu3_1"])["relu3_1"].shape == (1, 256, 3, 4)
        assert net.features(torch.rand(1, 3, 1, 1), ["relu3_1"])["relu3_1"].shape == (1, 256, 1, 1)


def test_a_file_of_another_model_is_refused_by_name(tmp_path):
    torch.save({"fnet.weight": torch.zeros(1)}, tmp_path / "raft.pth")
    with pytest.raises(BadRequest, match=r"raft\.pth is not torchvision's VGG19"):
        vgg19.load(tmp_path / "raft.pth", "relu1_1")
    with pytest.raises(BadRequest, match=r"raft\.pth is not the normalised VGG19"):
        vgg19.load_normalised(tmp_path / "raft.pth", "relu1_1")


@pytest.mark.assets
@pytest.mark.parametrize("block", [1, 2, 3])
def test_the_published_normalised_nets_load_and_agree(block, assets):
    folder = assets / "weights" / "vgg19-normalised"
    depth = f"relu{block}_1"
    net = vgg19.load_normalised(folder / f"vgg_normalised_conv{block}_1.pth", depth)
    deepest = vgg19.load_normalised(folder / "vgg_normalised_conv3_1.pth", depth)
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    ours, theirs = net.features(x, [depth])[depth], deepest.features(x, [depth])[depth]
    assert torch.allclose(ours, theirs, atol=1e-3)
    assert 0.1 < float(ours.mean()) < 2.0  # rescaled so that the mean activation is about 1
