"""What RAFT holds at once: by calculation at 4096x2160, and measured at 1080p (a soak test)."""

import subprocess
import sys

import pytest

from impasto.server.models.flow.raft import STRIDE
from impasto.server.ops.correlation import CHUNK, form, table_cells

GIB = 1 << 30

MEASURE = """
import resource, torch
from impasto.server.models.flow.raft import Raft
from impasto.server.models.flow.raft_estimator import RaftEstimator
estimator = RaftEstimator(Raft("small").eval().requires_grad_(False), updates=2, settled=0, polish=False)
picture = torch.rand(1, 3, 1080, 1920)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
estimator.both(picture, picture.roll(3, -1))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def most(size: str, height: int, width: int, ways: int) -> int:
    """Bytes of float32 a pair takes at the most, from the layers' widths, the correlation looked up.

    The encoders hold up to five tensors of the stem's width at half size; an update holds features and their table, a
    chunk four times (gathered, turned, products, answer), both answers, gates and motion; the end of the large net its
    mask three times and the mixes.
    """
    stem, features, hidden, seen, motion, mask = {
        "small": (32, 128, 96, 196, 82, 0),
        "large": (64, 256, 128, 324, 128, 576),
    }[size]
    cells = (height // STRIDE) * (width // STRIDE)
    encoding = 5 * stem * (height // 2) * (width // 2)
    looking = features * (cells + table_cells(height // STRIDE, width // STRIDE)) + 2 * seen * cells
    updating = (12 * hidden + 4 * motion) * cells
    enlarging = 3 * mask * cells + 4 * 2 * height * width
    shared = 2 * (features * cells + 2 * 3 * height * width)
    return ways * (4 * max(encoding, looking + updating + enlarging) + 4 * CHUNK) + 4 * shared


def test_a_pair_of_4096x2160_fits_a_card_of_8_gib_and_both_ways_at_once_a_machine_of_24():
    assert form(2160 // STRIDE, 4096 // STRIDE, 24 * GIB) == "lookup"
    assert most("large", 2160, 4096, ways=1) < 6 * GIB
    assert most("large", 2160, 4096, ways=2) < 12 * GIB
    assert most("small", 2160, 4096, ways=2) < 6 * GIB


@pytest.mark.soak
def test_both_ways_of_a_1080p_pair_stay_within_the_calculation():
    grown = int(subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True).stdout)
    assert grown < most("small", 1080, 1920, ways=2) + GIB // 4
