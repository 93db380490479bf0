import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))

import mattes
import pairs

from impasto.server.models.mattes.matte_net import SEEN


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(pairs, "HEIGHT", 48)
    monkeypatch.setattr(pairs, "WIDTH", 64)
    monkeypatch.setattr(pairs, "MEASURED", ("dis",))
    monkeypatch.setattr(mattes, "HELD", 1)


def test_a_run_draws_learns_and_saves_and_the_next_goes_on(small, few_pictures, tmp_path):
    named = ["--assets", str(few_pictures), "--out", str(tmp_path), "--pairs", "3", "--batch", "2", "--side", "32"]
    for total in (2, 3):
        mattes.main([*named, "--total", str(total), "--minutes", "5"])
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["iteration"] == 3
    told = json.loads((tmp_path / "impasto-mattes.json").read_text())
    assert told["iterations"] == 3
    assert "f1 net" in told["curve"][-1]
    assert len(list((tmp_path / "signs").glob("*.npy"))) == 8, "three pairs, one of them twice, both ways"


def test_the_area_is_how_often_a_good_one_scores_above_a_bad_one():
    scores, good = torch.tensor([0.1, 0.4, 0.4, 0.8]), torch.tensor([False, False, True, True])
    assert mattes.area(scores, good) == pytest.approx(0.875)
    assert mattes.area(-scores, good) == pytest.approx(0.125)


def test_a_turned_batch_keeps_its_truth_with_its_signs():
    crops = torch.rand(2, SEEN + 3, 8, 8, generator=torch.Generator().manual_seed(1))
    crops[:, SEEN] = crops[:, SEEN - 1]
    for seed in range(6):
        turned = mattes.turned(crops, torch.Generator().manual_seed(seed))
        assert torch.equal(turned[:, SEEN], turned[:, SEEN - 1])


def test_a_sure_and_true_matte_loses_nothing_and_a_false_one_much():
    hidden = (torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(2)) < 0.3).float()
    close, counts = 1 - hidden, torch.ones_like(hidden)
    right = torch.cat([hidden, close], 1) * 40 - 20
    assert all(float(value) < 0.01 for value in mattes.losses(right, hidden, close, counts).values())
    assert all(float(value) > 0.3 for value in mattes.losses(-right, hidden, close, counts).values())
