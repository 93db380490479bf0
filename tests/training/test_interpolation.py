import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))

import interpolation

from impasto.server.models.interpolation.blend_net import BlendNet


@pytest.fixture(scope="module")
def given():
    random = torch.Generator().manual_seed(2)
    return torch.rand(2, 11, 32, 40, generator=random)


def test_the_untrained_net_gives_the_course_s_own_mix(given):
    mix = given[:, :3] + given[:, 8:9].clamp(1e-3, 1 - 1e-3) * (given[:, 3:6] - given[:, :3])
    with torch.no_grad():
        assert torch.allclose(BlendNet()(given), mix, atol=1e-5)


def test_turning_a_batch_turns_given_and_truth_alike(given):
    true = given[:, :3]
    for seed in range(4):
        a, b = interpolation.turned(given, true, torch.Generator().manual_seed(seed))
        assert torch.equal(a[:, :3], b)


def test_a_slice_learns_from_scenes_saves_and_the_next_goes_on(few_pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(interpolation, "HELD", 1)
    monkeypatch.setattr(interpolation, "SIDE", 64)
    named = ["--assets", str(few_pictures), "--out", str(tmp_path / "out"), "--examples", "2", "--batch", "2"]
    for total in (2, 3):
        interpolation.main([*named, "--of-shots", "0", "--total", str(total), "--minutes", "5"])
    state = torch.load(tmp_path / "out" / "state.pt", weights_only=True)
    assert (state["iteration"], state["slice"]) == (3, 1)
    told = json.loads((tmp_path / "out" / "impasto-blend.json").read_text())
    assert told["iterations"] == 3
    assert "orbit" in told["trained_on"]
