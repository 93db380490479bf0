import pytest
import torch

from impasto.server.errors import BadRequest
from impasto.server.models.style import styleformer
from impasto.server.models.style.vgg19 import VGG19


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """(weights, encoder) with the right shapes, filled with seeded numbers; no published weights are at hand."""
    folder = tmp_path_factory.mktemp("styleformer")
    torch.manual_seed(0)
    net = styleformer.StyleFormer(VGG19("relu3_1"))
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    parts = {"a": net.transformer.state_dict(), "b": net.decoder.state_dict()}
    parts["a"] = {f"module.{key}": value for key, value in parts["a"].items()}
    parts["b"] = {f"module.model.{key}": value for key, value in parts["b"].items()}
    torch.save(parts, folder / "styleformer.pth")
    torch.save(net.encoder.state_dict(), folder / "vgg.pth")
    return folder / "styleformer.pth", folder / "vgg.pth"


def test_transformer_and_decoder_have_the_published_numbers_of_parameters():
    with torch.device("meta"):
        net = styleformer.StyleFormer(VGG19("relu3_1"))
    counts = [sum(value.numel() for value in part.parameters()) for part in (net.transformer, net.decoder)]
    assert counts == [styleformer.TRANSFORMER_PARAMETERS, styleformer.DECODER_PARAMETERS] == [14_664_009, 2_325_315]


def test_the_keys_are_those_of_the_published_source_as_its_checkpoint_was_never_at_hand():
    with torch.device("meta"):
        net = styleformer.StyleFormer(VGG19("relu3_1"))
    blocks = {key.rpartition(".")[0] for key in net.transformer.state_dict()}
    splat, local = (["coeffs.splat_features.0.conv", "coeffs.splat_features.1.conv"],
                    ["coeffs.local_features.0.conv", "coeffs.local_features.1.conv"])  # fmt: skip
    attention = [f"att.conv{name}.conv" for name in ("c1", "c2", "s1", "s2", "sr")]
    guide = ["guide.conv1.conv", "guide.conv2.conv"]
    assert blocks == {*splat, *local, "coeffs.conv_out.conv", *attention, *guide, "fcc", "fcs"}
    assert "coeffs.local_features.1.conv.bias" not in net.transformer.state_dict()
    convolutions = (1, 4, 7, 10, 14, 17, 21, 24)
    assert {int(key.split(".")[0]) for key in net.decoder.state_dict()} == set(convolutions)


def test_seeded_weights_load_and_paint_any_size(seeded, plate, style):
    painter = styleformer.build(style, *seeded, style_scale=0.25)
    assert painter.paint(plate).shape == plate.shape
    assert painter.paint(plate[..., :1, :1]).shape == (1, 3, 1, 1)
    assert painter.paint(plate).isfinite().all()


def test_one_style_alone_and_mixed_with_nothing_paint_alike_with_seeded_weights(seeded, plate, style):
    alone = styleformer.build(style, *seeded, style_scale=0.25).paint(plate)
    mixed = styleformer.build([style, 1 - style], *seeded, shares=[2.0, 0.0], style_scale=0.25).paint(plate)
    other = styleformer.build(1 - style, *seeded, style_scale=0.25).paint(plate)
    assert torch.allclose(alone, mixed, atol=1e-5)
    assert not torch.allclose(alone, other, atol=1e-5)


def test_an_identity_map_everywhere_gives_the_features_back():
    grid = torch.zeros(1, 16, 17, 4, 3, 5)
    grid[:, range(16), range(16)] = 1.0
    grid[:, :, 16] = 0.25
    pixels = torch.randn(1, 16, 12, 20, generator=torch.Generator().manual_seed(0))
    guide = torch.rand(1, 12, 20, generator=torch.Generator().manual_seed(1))
    out = styleformer._apply(grid.view(1, 272, 4, 3, 5), guide, pixels)
    assert torch.allclose(out, pixels + 0.25, atol=1e-5)


def test_the_guide_picks_the_upper_half_of_the_bins():
    grid = torch.zeros(1, 16, 17, 4, 1, 1)
    grid[:, :, 16] = torch.arange(4.0).view(4, 1, 1)
    pixels = torch.zeros(1, 16, 1, 2)
    out = styleformer._apply(grid.view(1, 272, 4, 1, 1), torch.tensor([[[0.0, 1.0]]]), pixels)
    assert torch.allclose(out[0, 0, 0], torch.tensor([1.5, 3.0]), atol=1e-5)


def test_attention_routes_each_place_to_the_style_it_is_like(style):
    torch.manual_seed(0)
    attention = styleformer.Attention()
    with torch.no_grad():
        flat = torch.zeros(1, 16, 16, 16)
        bank = torch.randn(1, 1088, 4, 4)
        grid = attention(flat, flat, bank)
    assert grid.shape == (1, 272, 4, 4, 4)
    # Where all places are alike but for the borders, the middle gathers the same maps.
    assert torch.allclose(grid[..., 1, 1], grid[..., 2, 1], atol=1e-4)


def test_a_file_of_another_model_is_refused_by_name(seeded, tmp_path, style):
    torch.save({"a": {"fnet.weight": torch.zeros(1)}, "b": {}}, tmp_path / "other.pth")
    with pytest.raises(BadRequest, match=r"other\.pth is not StyleFormer's transformer"):
        styleformer.build(style, tmp_path / "other.pth", seeded[1])
    torch.save({"fnet.weight": torch.zeros(1)}, tmp_path / "raft.pth")
    with pytest.raises(BadRequest, match=r"raft\.pth holds no net named 'a'"):
        styleformer.build(style, tmp_path / "raft.pth", seeded[1])
