from dataclasses import replace

import pytest
import torch

from impasto.server.errors import BadRequest
from impasto.server.models.style import adain
from impasto.server.models.style.vgg19 import NormalisedVGG19


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """(decoder, encoder) from relu2_1, with the published keys and shapes, filled with seeded numbers."""
    folder = tmp_path_factory.mktemp("adain")
    torch.manual_seed(0)
    torch.save(adain.Decoder("relu2_1").state_dict(), folder / "decoder.pth")
    torch.save(NormalisedVGG19("relu2_2").state_dict(), folder / "vgg.pth")
    return folder / "decoder.pth", folder / "vgg.pth"


@pytest.fixture(scope="module")
def seeded_painter(seeded):
    """Builds a painter of seeded weights from relu2_1, looking at small styles."""
    return lambda style, **options: adain.build(style, *seeded, style_scale=0.125, **options)


def test_the_decoder_has_the_published_number_of_parameters_and_keys():
    with torch.device("meta"):
        state = adain.Decoder("relu4_1").state_dict()
    assert sum(value.numel() for value in state.values()) == adain.DECODER_PARAMETERS == 3_505_219
    keys = (1, 5, 8, 11, 14, 18, 21, 25, 28)
    assert set(state) == {f"{key}.{part}" for key in keys for part in ("weight", "bias")}


def test_seeded_weights_of_the_official_pair_s_keys_and_shapes_load_and_paint_at_relu4_1(tmp_path, plate, style):
    torch.manual_seed(0)
    torch.save(adain.Decoder("relu4_1").state_dict(), tmp_path / "decoder.pth")
    torch.save(NormalisedVGG19("relu4_1").state_dict(), tmp_path / "vgg_normalised.pth")
    painter = adain.build(style, tmp_path / "decoder.pth", tmp_path / "vgg_normalised.pth", style_scale=0.25)
    assert painter.reach == adain.REACH["relu4_1"]
    assert painter.paint(plate).shape == plate.shape


def test_a_mask_of_ones_paints_as_no_mask_with_seeded_weights(seeded_painter, plate, style):
    plain = seeded_painter(style).paint(plate)
    masked = seeded_painter(style, masks=torch.ones(1, 1, 64, 96)).paint(plate)
    assert torch.allclose(plain, masked, atol=1e-5)


def test_each_style_paints_under_its_own_mask_with_seeded_weights(seeded_painter, plate, style):
    other = 1 - style
    left = torch.zeros(1, 1, 64, 96)
    left[..., :48] = 1
    both = seeded_painter([style, other], masks=torch.cat([left, 1 - left], 1)).paint(plate)
    first, second = (seeded_painter(each).paint(plate) for each in (style, other))
    assert torch.allclose(both[..., :32], first[..., :32], atol=1e-5)
    assert torch.allclose(both[..., 64:], second[..., 64:], atol=1e-5)


def test_what_no_mask_covers_is_the_content_decoded_with_seeded_weights(seeded_painter, plate, style):
    nowhere = seeded_painter(style, masks=torch.zeros(1, 1, 64, 96)).paint(plate)
    assert torch.allclose(nowhere, seeded_painter(style, strength=0.0).paint(plate), atol=1e-5)


def test_styles_mix_by_their_shares_with_seeded_weights(seeded_painter, plate, style):
    mixed = seeded_painter([style, 1 - style], shares=[3.0, 0.0]).paint(plate)
    assert torch.allclose(mixed, seeded_painter(style).paint(plate), atol=1e-5)


def test_tiles_with_masks_equal_the_whole_with_seeded_weights(seeded_painter, style):
    frame = torch.rand(1, 3, 120, 136, generator=torch.Generator().manual_seed(1))
    masks = torch.rand(1, 1, 120, 136, generator=torch.Generator().manual_seed(2))
    frozen = seeded_painter(style, masks=masks).prepare([frame])
    tiles, whole = (replace(frozen, tile=tile).paint(frame) for tile in (32, None))
    assert (tiles - whole).abs().max() < 1e-4


def test_another_net_s_decoder_is_refused_by_name(tmp_path, seeded, style):
    torch.save({"1.weight": torch.zeros(64, 128, 3, 3)}, tmp_path / "cut.pth")
    with pytest.raises(BadRequest, match=r"cut\.pth is not an AdaIN decoder \(it lacks '1\.bias'\)"):
        adain.build(style, tmp_path / "cut.pth", seeded[1])


def _pair(assets, block):
    folder = assets / "weights" / "vgg19-normalised"
    return folder / f"feature_invertor_conv{block}_1.pth", folder / "vgg_normalised_conv3_1.pth"


@pytest.mark.assets
@pytest.mark.parametrize("block", [1, 2, 3])
def test_the_published_inverters_give_the_plate_back_at_no_strength(block, assets, plate, style):
    painted = adain.build(style, *_pair(assets, block), strength=0.0).paint(plate)
    psnr = -10 * (painted - plate).square().mean().log10()
    assert psnr > 20


@pytest.mark.assets
def test_the_published_relu3_1_pair_paints_as_stored(assets, plate, style, reference):
    reference("adain_relu3_1", adain.build(style, *_pair(assets, 3), style_scale=0.25).paint(plate))


@pytest.mark.assets
def test_the_style_takes_on_the_plate_s_colours_when_asked(assets, plate, style):
    wanted = plate.mean((0, 2, 3))
    kept, taken = (
        adain.build(style, *_pair(assets, 3), colours=colours, style_scale=0.25).paint(plate).mean((0, 2, 3))
        for colours in (plate, None)
    )
    assert (kept - wanted).abs().max() < 0.5 * (taken - wanted).abs().max()
