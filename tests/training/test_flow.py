import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))

import flow

from impasto.server.models.flow.raft import PARAMETERS, Raft


def options(folder, out, **values):
    return flow.Options(folder, out, **({"side": 128, "batch": 1, "updates": 2, "total": 40} | values))


@pytest.fixture
def small(few_pictures, tmp_path):
    return flow.Trainer(options(few_pictures, tmp_path / "out"))


def scene_of(trainer):
    scene = trainer.scenes.draw(torch.Generator().manual_seed(1))
    first, second = flow.shown(scene, torch.Generator().manual_seed(1))
    return 2 * first - 1, 2 * second - 1, scene.motion(0.0, 1.0)[0][None]


def test_predictions_end_where_the_product_s_net_ends(small):
    first, second, _ = scene_of(small)
    made, hidden = flow.predictions(small.net, first, second, 3)
    product = Raft("small")
    product.load_state_dict(small.net.state_dict())
    with torch.no_grad():
        known = product(first, product.features(first), product.features(second), updates=3)
    assert len(made) == 3
    assert float((made[-1].detach() - known).abs().max()) < 1e-3
    assert hidden.shape == (1, 96, 16, 16)


def test_the_later_a_prediction_the_more_it_counts():
    true = torch.zeros(1, 2, 8, 8)
    off, right = true + 1, true
    assert flow.sequence_loss([right, off], true) > flow.sequence_loss([off, right], true) > 0
    assert flow.sequence_loss([true + 1], true + 500) == 0, "motion too long is left out"


def test_the_head_is_paid_for_knowing_its_error():
    true = torch.zeros(1, 2, 16, 16)
    sure, unsure = torch.tensor([0.0, 0, -3, -3]), torch.tensor([0.0, 0, 3, 3])
    said = [each[None, :, None, None].expand(1, 4, 2, 2) for each in (sure, unsure)]
    assert flow.trust_loss(said[0], true, true) < flow.trust_loss(said[1], true, true)
    assert flow.trust_loss(said[0], true + 9, true) > flow.trust_loss(said[1], true + 9, true)
    trust = [float(flow.ConfidenceHead.confidence(each).mean()) for each in said]
    assert trust[0] > 0.9 > 0.2 > trust[1]


def test_a_few_steps_on_one_scene_learn_it(small):
    first, second, true = scene_of(small)
    optimizer = torch.optim.AdamW(small.net.parameters(), lr=4e-4)
    losses = []
    for _ in range(14):
        loss = flow.sequence_loss(flow.predictions(small.net, first, second, 2)[0], true)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert min(losses[-3:]) < 0.85 * losses[0]


def test_a_slice_saves_under_the_published_keys_and_the_next_goes_on(few_pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(flow, "HELD", 1)
    named = ["--assets", str(few_pictures), "--out", str(tmp_path / "out"), "--side", "128", "--batch", "1"]
    for total in (2, 3):
        flow.main([*named, "--updates", "2", "--total", str(total), "--minutes", "5"])
    state = torch.load(tmp_path / "out" / "state.pt", weights_only=True)
    assert state["iteration"] == 3
    saved = load_file(tmp_path / "out" / "impasto-flow.safetensors")
    assert saved.keys() == Raft("small").state_dict().keys()
    assert sum(value.numel() for value in saved.values()) == PARAMETERS["small"]
    told = json.loads((tmp_path / "out" / "impasto-flow.json").read_text())
    assert set(told["error_on_unseen_scenes_in_pixels"]) == {"impasto-flow", "dis"}
    assert told["iterations"] == 3
