import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.server.errors import Cancelled
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import picking
from impasto.server.shots.picking import Coverage, count, cover, pick

PIXELS = 16


def coverage_of(masks):
    """A coverage of one frame from a list of sets of pixels."""
    bits = np.zeros((len(masks), 1, PIXELS), bool)
    for place, mask in enumerate(masks):
        bits[place, 0, list(mask)] = True
    return Coverage(tuple(range(1, len(masks) + 1)), (1,), (1, PIXELS), np.packbits(bits, axis=-1))


def test_two_frames_are_taken_where_the_best_single_ones_would_need_three():
    greedy_trap = coverage_of([{*range(4, 13)}, {*range(8)}, {*range(8, 16)}])
    assert [each.frame for each in pick(greedy_trap, 1.0)] == [2, 3]


def test_shares_are_told_alone_and_together_in_the_order_of_help():
    picks = pick(coverage_of([{*range(4)}, {*range(12)}, {12, 13, 14, 15}]), 1.0)
    assert [(each.frame, each.alone, each.together) for each in picks] == [(2, 0.75, 0.75), (3, 0.25, 1.0)]


def test_one_frame_is_enough_where_it_is():
    assert [each.frame for each in pick(coverage_of([{0}, {*range(15)}, {*range(15)}]), 0.9)] == [2]


def test_frames_painted_already_count_and_come_first():
    picks = pick(coverage_of([{*range(6)}, {*range(12)}, {*range(4, 16)}]), 1.0, painted=[1])
    assert [(each.frame, each.painted) for each in picks] == [(1, True), (3, False)]
    assert len(pick(coverage_of([{*range(16)}, {0}]), 1.0, painted=[1])) == 1


def test_no_more_are_picked_than_allowed():
    picks = pick(coverage_of([{n} for n in range(16)]), 1.0, most=3)
    assert len(picks) == 3
    assert picks[-1].together == 3 / 16


@given(st.lists(st.sets(st.integers(0, PIXELS - 1)), min_size=1, max_size=6), st.floats(0.05, 1.0))
def test_one_and_two_frames_are_the_best_there_are(masks, share):
    coverage = coverage_of(masks)
    picks = pick(coverage, share)
    best = [max(len(set().union(*some)) for some in itertools.combinations(masks, k)) for k in range(1, len(masks) + 1)]
    reached = [covered / PIXELS >= share for covered in best]
    if any(reached[:2]):
        assert len(picks) == reached.index(True) + 1
    assert picks[-1].together == count(coverage.of([each.frame - 1 for each in picks])) / PIXELS


def test_paint_is_carried_by_the_rules_of_the_keys(tiny):
    shot = tiny.Shot(speed=2)
    coverage = cover(shot, tiny.Motion(shot), Shaper(1.0), shot.frames, (), tiny.Audience())
    assert coverage.candidates == coverage.frames == shot.frames
    middle = coverage.mask([5], 1)
    assert middle.shape == (24, 40)
    assert not middle[:, :10].any(), "what frame 6 has lost to the left it cannot paint in frame 1"
    assert middle[:, 11:].all()
    assert [each.frame for each in pick(coverage, 1.0)] == [1, 12]


def test_a_long_shot_is_tried_at_evenly_spread_frames_and_those_painted(tiny, monkeypatch):
    monkeypatch.setattr(picking, "CANDIDATES", 3)
    monkeypatch.setattr(picking, "SAMPLES", 5)
    shot = tiny.Shot(speed=0)
    coverage = cover(shot, tiny.Motion(shot), Shaper(1.0), shot.frames, (2,), tiny.Audience())
    assert coverage.candidates == (1, 2, 7, 12)
    assert len(coverage.frames) == 5
    assert [each.frame for each in pick(coverage, 0.99)] == [1]


def test_it_stops_when_told_to(tiny):
    shot = tiny.Shot()
    with pytest.raises(Cancelled):
        cover(shot, tiny.Motion(shot), Shaper(1.0), shot.frames, (), tiny.Audience(stop=Cancelled("stop")))
