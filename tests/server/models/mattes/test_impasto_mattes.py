from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from impasto.server.errors import BadRequest, NotReady
from impasto.server.models.card import BUNDLED
from impasto.server.models.catalogue import find
from impasto.server.models.mattes import impasto_mattes
from impasto.server.models.mattes.impasto_mattes import MODEL, build, judge
from impasto.server.models.mattes.matte_net import REACH, SEEN, MatteNet
from impasto.server.models.weights import first_difference
from impasto.server.ops.threads import fixed_threads

FILE = BUNDLED / "impasto-mattes.safetensors"


def some_signs(height, width, seed=1):
    return (torch.rand(1, SEEN, height, width, generator=torch.Generator().manual_seed(seed))).half()


def test_the_bundled_file_is_the_small_net_its_card_tells_of():
    state = load_file(FILE)
    assert first_difference(state, MatteNet().state_dict()) == ""
    assert all(value.dtype == torch.float16 for value in state.values())
    assert 40_000 <= sum(value.numel() for value in state.values()) <= 100_000
    assert find("impasto-mattes", "mattes") is MODEL
    assert MODEL.weights.size == FILE.stat().st_size
    assert "orbit" not in MODEL.weights.trained_on


def test_the_untrained_net_says_what_the_rules_say():
    signs = some_signs(16, 24).float()
    with torch.no_grad():
        said = torch.sigmoid(MatteNet()(signs))
    assert torch.allclose(said, signs[:, -2:].clamp(0.06, 0.94), atol=1e-5)


def test_the_same_signs_have_the_same_answer_at_any_size():
    for height, width in ((1, 1), (7, 50), (33, 40)):
        signs = some_signs(height, width)
        with fixed_threads():
            first, again = judge()(signs), judge()(signs)
        assert torch.equal(first, again)
        assert first.shape == (1, 1, height, width)
        assert 0 <= float(first.min()) <= float(first.max()) <= 1


def test_tiles_show_no_seam(monkeypatch):
    signs = some_signs(3 * REACH + 5, 4 * REACH)
    whole = judge()(signs)
    monkeypatch.setattr(impasto_mattes, "TILE", 64)
    assert float((judge()(signs) - whole).abs().max()) < 1e-5


def test_a_pixel_depends_on_no_more_than_the_reach():
    net = MatteNet()
    torch.nn.init.normal_(net.leave.weight, generator=torch.Generator().manual_seed(1))
    for shift in range(8):
        signs = torch.rand(1, SEEN, 200, 200, generator=torch.Generator().manual_seed(2)).requires_grad_()
        net(signs)[0, :, 100 + shift, 100 + shift].sum().backward()
        rows, columns = (signs.grad[0].abs().sum(0) > 0).nonzero().unbind(1)
        assert max(int((place - 100 - shift).abs().max()) for place in (rows, columns)) <= REACH - 8


def test_another_net_s_file_is_refused(tmp_path):
    save_file({"enter.0.0.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(BadRequest, match="not the net of mattes"):
        build(tmp_path / "other.safetensors")


def test_a_build_without_the_file_says_so(monkeypatch):
    absent = replace(MODEL, weights=replace(MODEL.weights, file="absent.safetensors"))
    monkeypatch.setattr(impasto_mattes, "MODEL", absent)
    with pytest.raises(NotReady, match="not in this build"):
        judge.__wrapped__()
