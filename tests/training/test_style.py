import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))

import data
import losses
import style


def test_the_schedule_goes_through_its_stages_in_order():
    starts = [stage.start for stage in style.STAGES]
    assert starts == sorted(set(starts))
    assert style.weights_at(0) == style.weights_at(100) == style.CONTENT_HEAVY
    ends = [*starts[1:], style.STAGES[-1].total]
    assert all(style.weights_at(end - 1) == stage.weights for stage, end in zip(style.STAGES, ends, strict=True))
    assert style.CONTENT_HEAVY.patches < style.weights_at(300).patches < style.STAGES[1].weights.patches
    assert style.rate_at(0, 1e-3) < style.rate_at(99, 1e-3) > style.rate_at(style.STAGES[-1].total, 1e-3)


def test_drawn_pictures_are_pictures_and_repeat_by_their_seed():
    first, second, other = (data.drawn(48, 64, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert first.shape == (3, 48, 64)
    assert 0 <= first.min() < first.max() <= 1
    assert first.std() > 0.02


def test_crops_repeat_by_their_seed_and_fit_any_picture():
    pictures = data.Pictures([torch.rand(3, 40, 200), torch.rand(3, 160, 160)], torch.device("cpu"))
    first, second = (pictures.crops(2, 64, (0.7, 2.2), torch.Generator().manual_seed(3)) for _ in range(2))
    assert first.shape == (2, 3, 64, 64)
    assert torch.equal(first, second)


def test_a_picture_has_no_style_or_content_distance_to_itself():
    features = {name: torch.rand(2, 8, 9, 9) for name in ("relu1_1", "relu2_1", "relu3_1", "relu4_1")}
    others = {name: torch.rand(2, 8, 9, 9) for name in features}
    assert all(value == 0 for value in losses.style_loss(losses.manner(features), losses.manner(features)))
    assert all(value > 0 for value in losses.style_loss(losses.manner(others), losses.manner(features)))
    assert losses.content_loss(losses.structure(features), losses.structure(features)) == 0
    assert losses.content_loss(losses.structure(others), losses.structure(features)) > 1
    slices = losses.Slices(4, 7, torch.Generator().manual_seed(0), torch.device("cpu"))
    picture = torch.rand(1, 3, 32, 32)
    shuffled = torch.rand(1, 3, 32, 32) * 0.5
    assert losses.sliced_patches(slices(picture), slices(picture)) == 0
    assert losses.sliced_patches(slices(shuffled), slices(picture)) > 0.05


def test_a_push_moves_a_picture_by_a_few_pixels():
    grid = losses.pushed(32, 48, 2, torch.Generator().manual_seed(0))
    still = torch.nn.functional.affine_grid(torch.eye(2, 3).expand(2, 2, 3), [2, 3, 32, 48], align_corners=False)
    pixels = (grid - still) * torch.tensor([48 / 2, 32 / 2])
    assert 0.1 < pixels.abs().mean() < 16


@pytest.mark.assets
def test_a_slice_of_training_saves_and_the_next_goes_on(assets, tmp_path):
    def options(until, resume):
        return style.Options(assets, tmp_path, resume=resume, quick=True, side=64, batch=2, until=until, reuse=2)

    first = style.Trainer(options(2, resume=False))
    steps = [first.step() for _ in range(2)]
    first.curve.append({"iteration": 2})
    first.save()
    assert all(value == value for step in steps for value in step.values())
    second = style.Trainer(options(3, resume=True))
    second.resume()
    assert second.iteration == 2
    assert all(
        torch.equal(ours, theirs) for ours, theirs in zip(first.net.parameters(), second.net.parameters(), strict=True)
    )
    second.step()
    card = json.loads((tmp_path / "impasto.json").read_text())
    assert card["iterations"] == 2
    assert card["bytes"] == (tmp_path / "impasto.safetensors").stat().st_size
    assert (tmp_path / "sheet.000002.png").exists()


@pytest.mark.assets
def test_unseen_styles_and_trained_ones_do_not_overlap(assets):
    held = data.unseen(assets / "pictures" / "masters")
    assert len(held) == data.UNSEEN
    _, styles = data.gather(assets, torch.device("cpu"), quick=True)
    assert len(styles) == 8
