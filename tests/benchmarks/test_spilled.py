"""Arrays on disk come back as they were, and go with their keeper."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "spilled.py"


@pytest.fixture
def spilled():
    spec = importlib.util.spec_from_file_location("spilled_of_benchmarks", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Spilled()


def test_what_is_put_in_comes_out_bit_by_bit_and_in_order(spilled):
    wild = np.float32([[np.nan, -0.0, 1e-42], [np.inf, 3.0, 1.0]])
    spilled[7] = wild
    spilled["motion", "forward"] = np.arange(3) > 1
    assert list(spilled) == [7, ("motion", "forward")]
    assert spilled[7].tobytes() == wild.tobytes()
    assert spilled[7].dtype == np.float32
    assert spilled["motion", "forward"].tolist() == [False, False, True]


def test_the_last_of_a_key_counts_and_the_taker_may_write_on_it(spilled):
    spilled[1] = np.zeros(4)
    spilled[1] = np.ones(2)
    spilled[1][:] = 9
    assert spilled[1].tolist() == [1, 1]
    assert len(spilled) == 1


def test_what_is_let_go_leaves_the_disk(spilled):
    spilled[1] = np.zeros(1000)
    kept = spilled.nbytes()
    spilled[2] = np.zeros(1000)
    folder = Path(spilled._folder.name)
    del spilled[2]
    assert spilled.nbytes() == kept
    assert 2 not in spilled
    assert len(list(folder.iterdir())) == 1
    with pytest.raises(KeyError):
        spilled[2]
    spilled._folder.cleanup()
    assert not folder.exists()
