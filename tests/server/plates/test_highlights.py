import numpy as np
import pytest
import torch

from impasto.server.plates import Shaper, highlights

SHAPER = Shaper(1.0)


@pytest.fixture
def plate() -> np.ndarray:
    return np.geomspace(1e-3, 400, 3 * 8 * 8).reshape(8, 8, 3).transpose(2, 0, 1).astype(np.float32)


def test_an_unbounded_painter_that_changes_nothing_gives_the_plate_back(plate: np.ndarray) -> None:
    for back in (
        highlights.inverse(SHAPER.encode(plate), SHAPER),
        highlights.blend(SHAPER.encode(plate), plate, SHAPER),
    ):
        below = plate < 60
        assert np.allclose(back[below], plate[below], rtol=2e-3)


def test_ratio_keeps_the_energy_of_light_a_bounded_painter_cannot_see(plate: np.ndarray) -> None:
    painted = np.minimum(SHAPER.encode(plate), 1)
    back = highlights.ratio(painted, plate, SHAPER)
    assert highlights.luminance(back).sum() == pytest.approx(highlights.luminance(plate).sum(), rel=0.01)


def test_residual_adds_what_was_clipped_by_its_amount(plate: np.ndarray) -> None:
    painted = np.minimum(SHAPER.encode(plate), 1)
    assert np.allclose(highlights.residual(painted, plate, SHAPER), plate, rtol=2e-3)
    assert np.allclose(highlights.residual(painted, plate, SHAPER, 0), np.minimum(plate, 64), rtol=2e-3)


def test_the_gain_can_be_smoothed(plate: np.ndarray) -> None:
    flat = highlights.ratio(SHAPER.encode(plate), plate, SHAPER, smooth=lambda gain: gain * 0 + 1)
    assert flat.max() <= 64.01
    assert highlights.gain(plate, SHAPER).min() == 1


def test_a_key_left_alone_gets_its_highlights_back_and_a_painted_one_does_not(plate: np.ndarray) -> None:
    key = np.minimum(plate, 1)
    assert np.array_equal(highlights.restore_clipped(key, plate), plate)
    key[:, 7, 7] = 0.5
    back = highlights.restore_clipped(key, plate)
    assert (back[:, 7, 7] == 0.5).all()
    assert np.array_equal(back[:, :7], plate[:, :7])


def test_torch_and_numpy_agree(plate: np.ndarray) -> None:
    tensor = torch.from_numpy(plate)[None]
    painted = SHAPER.encode(plate)
    for mode in (highlights.ratio, highlights.residual, highlights.blend):
        ours = mode(torch.from_numpy(painted)[None], tensor, SHAPER)
        assert np.allclose(ours[0].numpy(), mode(painted, plate, SHAPER), rtol=1e-4)
    key = np.minimum(plate, 1)
    ours = highlights.restore_clipped(torch.from_numpy(key), torch.from_numpy(plate))
    assert np.array_equal(ours.numpy(), highlights.restore_clipped(key, plate))
