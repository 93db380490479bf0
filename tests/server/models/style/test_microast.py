from dataclasses import replace

import pytest
import torch

from impasto.server.errors import BadRequest, NotFound
from impasto.server.models.style import microast
from impasto.server.models.style.feedforward import style_at


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """The four files with the published keys and shapes, filled with seeded numbers."""
    folder = tmp_path_factory.mktemp("microast")
    torch.manual_seed(0)
    net = microast.MicroAST()
    for part, name in microast.FILES.items():
        torch.save(net.get_submodule(part).state_dict(), folder / name)
    return microast.files_in(folder)


def test_the_net_has_the_published_numbers_of_parameters():
    net = microast.MicroAST()
    counts = [sum(value.numel() for value in net.get_submodule(part).parameters()) for part in microast.FILES]
    assert counts == [157_792, 157_792, 2_560, 153_843]
    assert counts[0] == microast.ENCODER_PARAMETERS
    assert counts[2:] == [microast.MODULATOR_PARAMETERS, microast.DECODER_PARAMETERS]


def test_tiles_of_seeded_weights_equal_the_whole_once_statistics_are_frozen(seeded, style):
    painter = microast.build(style, *seeded, style_scale=0.125)
    frame = torch.rand(1, 3, 232, 244, generator=torch.Generator().manual_seed(1))
    frozen = painter.prepare([frame])
    whole = replace(frozen, tile=None).paint(frame)
    assert (replace(frozen, tile=128).paint(frame) - whole).abs().max() < 1e-4
    assert torch.allclose(whole, replace(painter, tile=None).paint(frame), atol=1e-4)


def test_pixels_beyond_the_reach_move_nothing_with_seeded_weights(seeded, style):
    painter = microast.build(style, *seeded, style_scale=0.25)
    frame = torch.rand(1, 3, 32, 400, generator=torch.Generator().manual_seed(1))
    frozen = painter.prepare([frame])
    changed = frame.clone()
    changed[..., :8] = 1 - changed[..., :8]
    difference = (frozen.paint(frame) - frozen.paint(changed)).abs().amax((0, 1, 2))
    assert difference[8 + microast.REACH :].max() == 0
    assert difference[:8].max() > 0


def test_no_strength_decodes_the_content_s_own_statistics(seeded, plate, style):
    painted = [microast.build(style, *seeded, strength=s).paint(plate) for s in (0.0, 0.5, 1.0)]
    assert (painted[0] - painted[2]).abs().mean() > (painted[0] - painted[1]).abs().mean() > 0


def test_a_folder_without_the_files_is_refused_by_name(tmp_path, style):
    with pytest.raises(NotFound, match="decoder_iter_160000"):
        microast.build(style, *microast.files_in(tmp_path))


def test_parts_in_each_other_s_place_are_refused(seeded, style):
    with pytest.raises(BadRequest, match="not MicroAST's content net"):
        microast.build(style, *[seeded[0]] * 4)


def test_a_held_style_paints_as_the_published_form_does_with_seeded_weights(seeded, plate, style):
    net = microast.load(*seeded)
    looked_at = style_at(style, 0.25)
    with torch.no_grad():
        plain = net(plate, microast.Style.of(net.style, net.modulator, looked_at), 0.7)
    held = microast.build(style, *seeded, style_scale=0.25, strength=0.7).paint(plate)
    assert torch.allclose(held, plain, atol=1e-4)


def test_styles_mix_by_their_shares_with_seeded_weights(seeded, plate, style):
    mixed = microast.build([style, 1 - style], *seeded, shares=[2.0, 0.0], style_scale=0.25).paint(plate)
    assert torch.allclose(mixed, microast.build(style, *seeded, style_scale=0.25).paint(plate), atol=1e-5)


@pytest.mark.assets
def test_the_published_net_paints_as_stored(assets, plate, style, reference):
    files = microast.files_in(assets / "weights" / "microast")
    reference("microast", microast.build(style, *files, style_scale=0.25).paint(plate))
