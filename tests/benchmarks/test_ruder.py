"""Ruder's formula on examples whose answer was computed by hand."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

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
