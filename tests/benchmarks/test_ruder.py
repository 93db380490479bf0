"""Ruder's formula on examples whose answer was computed by hand, and beside a loop written from the paper."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def unreliable():
    sys.path.append(str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("ruder_of_benchmarks", BENCHMARKS / "ruder.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module.unreliable


def test_what_stands_still_is_relied_on(unreliable):
    assert unreliable(torch.zeros(1, 2, 9, 9), torch.zeros(1, 2, 9, 9)).max() < 1e-6


def test_one_stray_vector_is_worse_than_uncertain_and_eats_into_its_neighbours(unreliable):
    out = torch.zeros(1, 2, 11, 11)
    out[0, 0, 5, 5] = 0.8  # 0.64 > 0.01 * 0.64 + 0.5: -1; beside it the slope is 0.4, and 0.16 > 0.002: 0
    found = unreliable(out, torch.zeros(1, 2, 11, 11))
    # Gaussian of 0.8 at 0..3 pixels: 0.4987, 0.2283, 0.0219, 0.0004.
    assert found[5, 5] == pytest.approx(2 * 0.4987**2 + 4 * 0.4987 * 0.2283, abs=1e-3)
    beside = 2 * 0.4987 * 0.0219 + 0.4987 * 0.2283 + 2 * 0.2283 * 0.0219 + 0.4987 * 0.0004
    assert found[5, 7] == pytest.approx(beside, abs=1e-3)
    assert np.allclose(found, found[:, ::-1], atol=1e-6)


def test_half_a_pixel_of_disagreement_is_borne(unreliable):
    out = torch.full((1, 2, 9, 9), 0.5)  # squared length 0.5, against 0.01 * 0.5 + 0.5
    assert unreliable(out, torch.zeros(1, 2, 9, 9))[:5, :5].max() < 1e-3
    out[:, 0] = 0.52  # 0.5204 against 0.5052
    assert unreliable(out, torch.zeros(1, 2, 9, 9))[:5, :5].min() == 1


def test_what_leaves_the_picture_is_not_relied_on(unreliable):
    out = torch.zeros(1, 2, 12, 24)
    out[:, 0] = 5
    found = unreliable(out, -out)
    assert found[:, -2:].min() > 0.99
    assert found[:, :-9].max() < 1e-3
    assert found[6, -5] == pytest.approx(0.5 + 0.4987 / 2, abs=1e-3)  # the border lies between columns


def literally(out: np.ndarray, home: np.ndarray) -> tuple[np.ndarray, bool]:
    """The matte pixel by pixel, from sections 4.1 and 4.2 of the paper and what its authors say of their smoothing.

    Returns:
        The matte (H, W), and whether some pixel lies so near a threshold that rounding decides.
    """
    height, width = out.shape[1:]
    certain, close = np.empty((height, width)), False

    def between(y: float, x: float) -> np.ndarray:
        row, column = min(int(y), height - 2), min(int(x), width - 2)
        down, right = y - row, x - column
        above = (1 - right) * home[:, row, column] + right * home[:, row, column + 1]
        below = (1 - right) * home[:, row + 1, column] + right * home[:, row + 1, column + 1]
        return (1 - down) * above + down * below

    def slope(way: np.ndarray, place: int) -> float:
        if place in (0, len(way) - 1):
            return way[1] - way[0] if place == 0 else way[-1] - way[-2]
        return (way[place + 1] - way[place - 1]) / 2

    for row in range(height):
        for column in range(width):
            u, v = out[:, row, column]
            x, y = column + u, row + v
            close |= any(abs(edge) < 1e-4 for edge in (x, y, width - 1 - x, height - 1 - y))
            if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
                certain[row, column] = 0
                continue
            back_u, back_v = between(y, x)
            far = (u + back_u) ** 2 + (v + back_v) ** 2
            borne = 0.01 * (u**2 + v**2 + back_u**2 + back_v**2) + 0.5
            edge = sum(slope(part[:, column], row) ** 2 + slope(part[row], column) ** 2 for part in out)
            sharp = 0.01 * (u**2 + v**2) + 0.002
            close |= abs(far / borne - 1) < 1e-4 or abs(edge / sharp - 1) < 1e-4
            certain[row, column] = -1 if far > borne else 0 if edge > sharp else 1
    tap = np.exp(-np.square(np.arange(-3, 4)) / (2 * 0.8**2))
    tap /= tap.sum()
    mirrored = np.pad(certain, 3, mode="reflect")
    smooth = np.zeros_like(certain)
    for row in range(7):
        for column in range(7):
            smooth += tap[row] * tap[column] * mirrored[row : row + height, column : column + width]
    return 1 - smooth.clip(0, 1), bool(close)


@given(
    st.integers(5, 11),
    st.integers(5, 11),
    st.floats(0, 4),
    st.sampled_from([0.0, 0.05, 0.4, 2.0]),
    st.integers(0, 999),
)
def test_it_is_the_papers_formula_pixel_by_pixel(unreliable, height, width, pan, roughness, seed):
    draws = np.random.default_rng(seed)
    turn = draws.uniform(0, 2 * np.pi)
    steady = pan * np.float64([np.cos(turn), np.sin(turn)])[:, None, None]
    out, home = (
        (way * steady + roughness * draws.standard_normal((2, height, width))).astype(np.float32) for way in (1, -1)
    )
    wanted, close = literally(out.astype(np.float64), home.astype(np.float64))
    assume(not close)
    found = unreliable(torch.from_numpy(out)[None], torch.from_numpy(home)[None])
    assert np.abs(found - wanted).max() < 1e-4
