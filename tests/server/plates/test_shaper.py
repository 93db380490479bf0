import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.server.plates import Shaper
from impasto.server.plates.shaper import KNEE, TOP

EXPOSURES = [0.02, 0.5, 1.0, 3.7, 40.0]


def light(exposure: float) -> np.ndarray:
    return (np.geomspace(1e-7, TOP, 100_001) / exposure).astype(np.float32)


@pytest.mark.parametrize("exposure", EXPOSURES)
def test_light_up_to_64_after_exposure_comes_back_within_a_thousandth(exposure: float) -> None:
    shaper, x = Shaper(exposure), light(exposure)
    back = shaper.decode(shaper.encode(x))
    assert back.dtype == np.float32
    assert (np.abs(back - x) / x).max() < 1e-3


@pytest.mark.parametrize("exposure", EXPOSURES)
def test_the_curve_is_odd_exactly(exposure: float) -> None:
    shaper, x = Shaper(exposure), light(exposure)
    y = shaper.encode(x)
    assert np.array_equal(shaper.encode(-x), -y)
    assert np.array_equal(shaper.decode(-y), -shaper.decode(y))
    assert shaper.encode(np.zeros(1, np.float32)) == 0


def test_the_curve_never_falls_and_its_slope_does_not_jump_at_the_knee() -> None:
    x = np.linspace(0, 2 * TOP, 200_001).astype(np.float32)
    y = Shaper().encode(x).astype(np.float64)
    assert (np.diff(y) >= 0).all()
    below, knee, above = Shaper().encode(np.float64([KNEE - 1e-5, KNEE, KNEE + 1e-5]))
    assert (knee - below) == pytest.approx(above - knee, rel=1e-3)


def test_64_becomes_1_and_the_logarithm_goes_on_beyond() -> None:
    shaper = Shaper(2.0)
    assert shaper.clip_point == 32
    assert shaper.encode(np.float32([32]))[0] == pytest.approx(1, abs=1e-6)
    far = np.float32([64, 1000, 65504])
    assert (shaper.encode(far) > 1).all()
    assert np.allclose(shaper.decode(shaper.encode(far)), far, rtol=1e-3)


def test_mid_tones_look_like_srgb() -> None:
    assert Shaper().encode(np.float32([0.18]))[0] == pytest.approx(0.4613, abs=1e-3)


def test_torch_and_numpy_agree() -> None:
    x = np.concatenate([-light(1), light(1)])
    ours = Shaper(1.3).encode(torch.from_numpy(x))
    assert ours.dtype == torch.float32
    assert np.allclose(ours.numpy(), Shaper(1.3).encode(x), atol=1e-6)
    assert np.allclose(Shaper(1.3).decode(ours).numpy(), x, rtol=1e-3)


@given(st.floats(-100, 100, width=32))
def test_whatever_a_painter_answers_becomes_finite_light(value: float) -> None:
    assert np.isfinite(Shaper(1e-3).decode(np.float32([value]))).all()


@pytest.mark.parametrize("exposure", [0.0, -1.0, float("nan"), float("inf")])
def test_an_exposure_that_is_no_exposure_is_refused(exposure: float) -> None:
    with pytest.raises(ValueError, match="exposure"):
        Shaper(exposure)
