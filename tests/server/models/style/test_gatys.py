import pytest
import torch

from impasto.server.errors import BadRequest, Cancelled
from impasto.server.models.style import gatys
from impasto.server.models.style.gatys import Recipe
from impasto.server.models.style.vgg19 import VGG19
from impasto.server.ops.moments import gram

QUICK = Recipe(steps=(6, 6))


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """VGG19 to relu2_1 with torchvision's keys and seeded numbers."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("gatys") / "vgg.pth"
    torch.save(VGG19("relu2_1").state_dict(), path)
    return path


def _distance(net, painted, style):
    """How far painted Gram matrices lie from the style's, relative."""
    ours, theirs = (gram(net.features(side, ["relu2_1"])["relu2_1"]) for side in (painted, style))
    return float((ours - theirs).square().sum() / theirs.square().sum())


@pytest.mark.soak
def test_seeded_vgg_of_torchvision_s_keys_paints_and_is_deterministic(vgg, plate, style):
    painter = gatys.build(style, vgg, depth="relu2_1", recipe=QUICK)
    first, second = painter.paint(plate), painter.paint(plate)
    assert first.shape == plate.shape
    assert torch.equal(first, second)
    assert (first - plate).abs().mean() > 0.001


def test_cancelling_stops_between_evaluations(vgg, plate, style):
    def cancel() -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        gatys.build(style, vgg, depth="relu2_1", recipe=QUICK).paint(plate, check=cancel)


def test_a_layer_that_vgg_has_not_is_named(vgg, style):
    with pytest.raises(BadRequest, match="no layer 'relu9_9'"):
        gatys.build(style, vgg, depth="relu9_9")


def test_a_file_of_another_model_is_refused_by_name(tmp_path, style):
    torch.save({"fnet.weight": torch.zeros(1)}, tmp_path / "raft.pth")
    with pytest.raises(BadRequest, match=r"raft\.pth is not torchvision's VGG19"):
        gatys.build(style, tmp_path / "raft.pth")


def _normalised(assets):
    return assets / "weights" / "vgg19-normalised" / "vgg_normalised_conv3_1.pth"


@pytest.mark.soak
@pytest.mark.assets
@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_either_optimiser_brings_the_gram_matrices_to_the_style_s(method, assets, plate, style):
    recipe = Recipe(method=method, steps=(20, 20))
    painter = gatys.build(style, _normalised(assets), depth="relu3_1", recipe=recipe)
    net = gatys.open_vgg(_normalised(assets), "relu2_1")
    assert _distance(net, painter.paint(plate), style) < 0.5 * _distance(net, plate, style)


@pytest.mark.assets
def test_luma_only_keeps_the_plate_s_chroma(assets, plate, style):
    recipe = Recipe(steps=(8,), luma_only=True)
    painted = gatys.build(style, _normalised(assets), depth="relu3_1", recipe=recipe).paint(plate)
    chroma = [side - side.mean(1, keepdim=True) for side in (painted, plate)]
    assert torch.allclose(*chroma, atol=1e-5)
    assert (painted - plate).abs().mean() > 0.01


@pytest.mark.soak
@pytest.mark.assets
def test_guided_grams_paint_each_style_under_its_mask(assets, plate, style):
    left = torch.zeros(1, 1, 64, 96)
    left[..., :48] = 1
    styles = [torch.tensor([1.0, 0.1, 0.1]), torch.tensor([0.1, 0.1, 1.0])]
    tinted = [style * colour[:, None, None] for colour in styles]
    recipe = Recipe(steps=(30,), style=100.0)
    masks = torch.cat([left, 1 - left], 1)
    painted = gatys.build(tinted, _normalised(assets), masks=masks, depth="relu3_1", recipe=recipe).paint(plate)
    redness = (painted[:, 0] - painted[:, 2]).mean(1)[0]
    before = (plate[:, 0] - plate[:, 2]).mean(1)[0]
    gain = redness - before
    assert gain[:40].mean() > 0.05
    assert gain[56:].mean() < -0.05
