from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from impasto.server.errors import BadRequest, NotFound
from impasto.server.models import catalogue
from impasto.server.models.style import adain, gatys, impasto, johnson, looks, microast, styleformer
from impasto.server.models.style.canvas import SIDE, Canvas
from impasto.server.models.style.feedforward import FeedForwardPainter
from impasto.server.models.style.looks import Manner, after_pictures, of_weights, over_shot
from impasto.server.models.style.preserve import Preserving, with_colour, with_light
from impasto.server.models.style.statistics import Statistics
from impasto.server.models.style.vgg19 import VGG19, NormalisedVGG19
from impasto.server.ops.flatten import luma
from impasto.server.ops.lowpass import lowpass

COARSE = Manner(style_scale=4.0)
"""A canvas of 135 pixels, so that tests are quick."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Weights with the published keys and shapes, filled with seeded numbers, by look."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    save_file({key: value.half() for key, value in impasto.ImpastoNet().state_dict().items()}, folder / "i.safetensors")
    small = microast.MicroAST()
    for part, name in microast.FILES.items():
        torch.save(small.get_submodule(part).state_dict(), folder / name)
    torch.save(adain.Decoder("relu2_1").state_dict(), folder / "decoder.pth")
    torch.save(NormalisedVGG19("relu2_1").state_dict(), folder / "normalised.pth")
    torch.save(VGG19("relu3_1").state_dict(), folder / "vgg.pth")
    former = styleformer.StyleFormer(VGG19("relu3_1"))
    for module in former.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    parts = {"a": former.transformer.state_dict(), "b": former.decoder.state_dict()}
    torch.save(parts, folder / "styleformer.pth")
    net = johnson.JohnsonNet()
    with torch.no_grad():
        net.deconv3.conv2d.weight.mul_(100.0)
        net.deconv3.conv2d.bias.fill_(128.0)
    torch.save(net.state_dict(), folder / "johnson.pth")
    return {
        "swd": (),
        "impasto": (folder / "i.safetensors",),
        "microast": microast.files_in(folder),
        "adain": (folder / "decoder.pth", folder / "normalised.pth"),
        "styleformer": (folder / "styleformer.pth", folder / "vgg.pth"),
        "gatys": (folder / "normalised.pth",),
        "johnson": (folder / "johnson.pth",),
    }


LOOKS = [model.id for model in catalogue.catalogue().values() if model.family == "style" and model.id != "johnson"]
FEED_FORWARD = ["impasto", "microast", "adain"]


def test_every_style_model_is_a_look_but_nets_of_one_look():
    assert sorted(LOOKS) == ["adain", "gatys", "impasto", "microast", "styleformer", "swd"]
    assert looks.find("").id == looks.DEFAULT_LOOK
    with pytest.raises(BadRequest, match="name a net's weights file with --style"):
        looks.find("johnson")
    with pytest.raises(NotFound, match="There is no style model 'cubism'"):
        looks.find("cubism")


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_paints_after_one_and_several_pictures_with_seeded_weights(look, files, plate, style):
    manner = replace(COARSE, parameters={"steps": 2.0} if look == "gatys" else {})
    one = after_pictures(look, [style], [1.0], files[look], manner).paint(plate, start=plate)
    two = after_pictures(look, [style, 1 - style], [0.7, 0.3], files[look], manner).paint(plate, start=plate)
    assert one.shape == two.shape == plate.shape
    assert one.isfinite().all()
    assert not torch.allclose(one, two, atol=1e-6)


def test_a_preset_is_its_paintings_code_for_the_bundled_look_and_a_drawn_picture_for_any_other(files):
    nets = looks.ready_files("impasto")
    assert looks.of_preset("oils", "impasto", nets).shape == (1, impasto.CODE), "run training/presets.py"
    assert looks.of_preset("oils", "impasto", files["impasto"]).shape == (1, 3, 264, 360)  # of other weights
    assert looks.of_preset("oils", "swd", ()).shape == (1, 3, 264, 360)
    manner = replace(COARSE, style_scale=1.0)
    painter = looks.open_style("oils", None, "", manner, "impasto")
    mixed = after_pictures(
        "impasto", [looks.of_preset("oils", "impasto", nets), torch.rand(1, 3, 64, 64)], [1, 1], nets, manner
    )
    plate = torch.rand(1, 3, 64, 96)
    assert painter.paint(plate).isfinite().all()
    assert not torch.allclose(painter.paint(plate), mixed.paint(plate), atol=1e-3)


@pytest.mark.parametrize("look", ["impasto", "swd"])
def test_every_parameter_of_a_look_is_checked(look):
    for known in looks.find(look).parameters:
        if known.name != "style_scale":
            looks.check(look, {known.name: known.minimum})
            with pytest.raises(BadRequest, match=f"{known.name} of the look {look}"):
                looks.check(look, {known.name: known.maximum + 1})
    with pytest.raises(BadRequest, match=f"The look {look} has no parameter 'style_scale'; it has"):
        looks.check(look, {"style_scale": 1.0})


@pytest.mark.parametrize("look", FEED_FORWARD)
def test_a_brush_is_as_large_at_twice_the_size_as_on_the_proxy_with_seeded_weights(look, files, plate, style):
    painter = after_pictures(look, [style], [1.0], files[look], COARSE)
    large = torch.nn.functional.interpolate(plate, scale_factor=6, mode="bilinear", align_corners=False)
    proxy = torch.nn.functional.interpolate(large, scale_factor=0.5, mode="area")
    at_full, at_half = painter.paint(large), painter.paint(proxy)
    reduced = torch.nn.functional.interpolate(at_full, scale_factor=0.5, mode="area")
    assert (reduced - at_half).abs().mean() < 0.02 * at_half.std()


def test_the_canvas_shrinks_as_the_brush_grows_and_keeps_the_shape():
    shown = [
        Canvas.for_scale(None, SIDE, scale).shown(torch.zeros(1, 3, 108, 192)).shape[-2:] for scale in (0.5, 1.0, 2.0)
    ]
    assert shown == [(1080, 1920), (540, 960), (270, 480)]


def test_the_canvas_gives_the_plate_s_detail_back_where_the_paint_follows_it():
    class Same:
        local = False

        def paint(self, content, *, start=None, where=None, seed=0, check=lambda: None):
            return content

    edge = (torch.arange(400)[None, None, None] > 203).float().expand(1, 3, 270, 400).clone()
    painted = Canvas(Same(), 135).paint(edge)
    blurred = torch.nn.functional.interpolate(
        Canvas(Same(), 135).shown(edge), (270, 400), mode="bilinear", align_corners=False
    )
    assert (painted - edge).abs().max() < 0.35 * (blurred - edge).abs().max()


def frames(plate):
    return {1001: plate, 1005: 0.7 * plate, 1009: 0.4 * plate}


@pytest.mark.parametrize("look", FEED_FORWARD)
def test_statistics_are_those_of_the_shot_whatever_the_frame_with_seeded_weights(look, files, plate, style):
    painter = after_pictures(look, [style], [1.0], files[look], replace(COARSE, preserve_luminance=True))
    asked = []

    def samples():
        asked.append(1)
        return frames(plate)

    frozen = over_shot(painter, samples, Statistics.FROZEN)
    assert not asked
    assert torch.equal(frozen(1001).paint(plate), frozen(1009).paint(plate))
    assert len(asked) == 1
    eased = over_shot(painter, lambda: frames(plate), Statistics.SMOOTHED)
    assert not torch.equal(eased(1001).paint(plate), eased(1009).paint(plate))
    alone = over_shot(painter, lambda: frames(plate), Statistics.PER_FRAME)
    assert torch.equal(alone(1001).paint(plate), painter.paint(plate))


def test_a_johnson_net_s_statistics_are_frozen_too_with_seeded_weights(files, plate):
    painter = of_weights(files["johnson"][0], COARSE)
    assert isinstance(painter, Canvas)
    assert isinstance(painter.painter, FeedForwardPainter)
    frozen = over_shot(painter, lambda: frames(plate), Statistics.FROZEN)(1001)
    change = [(p.paint(plate) - p.paint(0.5 * plate)).mean().abs() for p in (frozen, painter)]
    assert change[0] > 3 * change[1]


@pytest.mark.parametrize("look", [*FEED_FORWARD, "johnson"])
def test_frozen_statistics_paint_as_those_of_the_frame_they_were_taken_from_with_seeded_weights(
    look, files, plate, style
):
    painter = johnson.build(*files[look]) if look == "johnson" else _plain(look, files, style)
    assert torch.allclose(painter.prepare([plate]).paint(plate), painter.paint(plate), atol=1e-4)


def _plain(look, files, style):
    return looks.find(look).build([style], *files[look], shares=[1.0], style_scale=0.25)


@pytest.mark.parametrize("look", [*FEED_FORWARD, "johnson"])
def test_bfloat16_paints_nearly_as_float32_with_seeded_weights(look, files, plate, style):
    assert "bfloat16" in catalogue.find(look, "style").precisions
    painter = johnson.build(*files[look]) if look == "johnson" else _plain(look, files, style)
    exact, coarse = (replace(painter, precision=kind).prepare([plate]).paint(plate) for kind in ("float32", "bfloat16"))
    assert coarse.dtype == torch.float32
    assert (coarse - exact).abs().mean() < 0.05 * exact.std()


def test_a_held_style_paints_as_the_trained_form_does_with_seeded_weights(files, plate, style):
    net = impasto.load(*files["impasto"])
    with torch.no_grad():
        plain = net(plate, net.code(impasto.style_at(style, 0.25)))
    assert torch.allclose(_plain("impasto", files, style).paint(plate), plain, atol=1e-4)


def test_preserved_colour_is_the_plate_s_and_preserved_light_is_its_broad_light(plate, style):
    painted = torch.nn.functional.interpolate(style, plate.shape[-2:])
    coloured = with_colour(painted, plate)
    assert torch.allclose(luma(coloured).clamp(0.05), luma(painted).clamp(0.05), atol=0.05)
    chroma = [picture - luma(picture) for picture in (coloured, plate, painted)]
    assert (chroma[0] - chroma[1]).abs().mean() < 0.5 * (chroma[2] - chroma[1]).abs().mean()
    lit = with_light(painted, plate)
    broad = [lowpass(luma(picture), 6.0) for picture in (lit, plate, painted)]
    assert (broad[0] - broad[1]).abs().mean() < 0.5 * (broad[2] - broad[1]).abs().mean()


def test_what_a_local_painter_was_given_stays_when_colour_is_preserved(plate, style):
    painter = after_pictures("swd", [style], [1.0], (), Manner(preserve_colour=True))
    assert isinstance(painter, Preserving)
    where = torch.zeros(1, 1, 64, 96, dtype=torch.bool)
    where[..., 20:40, 30:60] = True
    start = torch.rand(1, 3, 64, 96)
    painted = painter.paint(plate, start=start, where=where)
    assert torch.equal(painted[~where.expand_as(painted)], start[~where.expand_as(painted)])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("look", ["impasto", "microast", "adain", "styleformer", "gatys"])
def test_every_net_paints_on_cuda_as_on_the_cpu_with_seeded_weights(look, files, plate, style):
    manner = replace(COARSE, parameters={"steps": 2.0} if look == "gatys" else {})
    there, here = (
        after_pictures(look, [style], [1.0], files[look], replace(manner, device=device)).paint(plate)
        for device in ("cuda", "cpu")
    )
    assert there.device.type == "cpu"
    assert torch.allclose(there, here, atol=2e-3)


def test_gatys_opens_what_reaches_as_far_as_is_of_use(files):
    net = gatys.open_vgg(files["gatys"][0])
    assert list(net.marks)[-1] == "relu2_1"
