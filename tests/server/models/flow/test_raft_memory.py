"""What RAFT holds at once and how pictures are cut: by calculation, and measured at 1080p (a soak test)."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.server.models.flow.raft_memory import TILES, Arrangement, arranged, held, in_words, needed, window

GIB = 1 << 30

MEASURE = """
import resource, sys, torch
from impasto.server.models.flow.raft import Raft
from impasto.server.models.flow.raft_estimator import RaftEstimator
net = Raft("small").eval().requires_grad_(False)
estimator = RaftEstimator(net, updates=2, settled=0, polish=False, tiles=int(sys.argv[1]))
picture = torch.rand(1, 3, 1080, 1920)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
estimator.both(picture, picture.roll(3, -1))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_a_pair_of_4096x2160_fits_a_card_of_8_gib_and_both_ways_at_once_a_machine_of_24():
    assert needed("large", 2160, 4096, ways=1, memory=8 * GIB) < 6 * GIB
    assert needed("large", 2160, 4096, ways=2, memory=24 * GIB) < 12 * GIB
    assert needed("small", 2160, 4096, ways=2, memory=8 * GIB) < 6 * GIB
    assert arranged("large", 2160, 4096, ways=1, memory=8 * GIB) == Arrangement()
    assert arranged("large", 2160, 4096, ways=2, memory=24 * GIB) == Arrangement()


def test_what_is_larger_is_refined_in_tiles_from_motion_of_the_reduced_whole():
    tiled = arranged("large", 2160, 4096, ways=2, memory=8 * GIB)
    assert tiled == Arrangement(2, 2048)
    assert in_words(tiled) == "in tiles of 2048 pixels, begun at 1/2 of the size"
    assert in_words(Arrangement()) == ""


def test_tiles_asked_for_are_taken_unless_the_picture_is_no_larger():
    assert arranged("small", 360, 640, 2, 8 * GIB, tile=256) == Arrangement(2, 256)
    assert arranged("small", 360, 640, 2, 8 * GIB, tile=640) == Arrangement()


@given(
    st.sampled_from(["small", "large"]),
    st.integers(1, 8192),
    st.integers(1, 8192),
    st.sampled_from([1, 2]),
    st.integers(2 * GIB, 64 * GIB),
)
def test_every_picture_stays_within_three_quarters_of_the_memory_or_takes_the_smallest_tiles(
    size, height, width, ways, memory
):
    way = arranged(size, height, width, ways, memory)
    if not way.tile:
        assert needed(size, height, width, ways, memory) <= 3 * memory // 4
        return
    tile, small = window(way.tile), (-(-height // way.reduce), -(-width // way.reduce))
    most = needed(size, min(tile, height), min(tile, width), ways, memory)
    if way.tile > TILES[-1]:
        assert max(most, needed(size, *small, ways, memory)) + held(height, width) <= 3 * memory // 4
    else:
        assert needed(size, *small, ways, memory) <= needed(size, tile, tile, ways, memory) or min(small) <= 128


@pytest.mark.soak
def test_both_ways_of_a_1080p_pair_stay_within_the_calculation():
    assert grown(0) < needed("small", 1080, 1920, 2, 8 * GIB) + GIB // 4


@pytest.mark.soak
def test_in_tiles_a_1080p_pair_takes_what_a_tile_takes(tell):
    found, most = grown(256), needed("small", window(256), window(256), 2, 8 * GIB) + held(1080, 1920)
    tell(f"{found >> 20} MiB in tiles of 256, {most >> 20} calculated")
    assert found < most + GIB // 4


def grown(tiles: int) -> int:
    """Bytes a process grows by while it measures both ways."""
    command = [sys.executable, "-c", MEASURE, str(tiles)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
