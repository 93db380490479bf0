from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.sequences import SequenceError, format_frames, parse_frames


def test_a_range_a_step_and_a_single_frame_are_joined_ascending_and_once() -> None:
    assert parse_frames("1105,1001-1007x2, 1003-1004") == (1001, 1003, 1004, 1005, 1007, 1105)


def test_frames_may_be_negative() -> None:
    assert parse_frames("-5--1x2,-10") == (-10, -5, -3, -1)
    assert parse_frames("-2-1") == (-2, -1, 0, 1)


@given(st.sets(st.integers(-5000, 5000), min_size=1, max_size=80))
def test_what_is_written_is_read_back(frames: set[int]) -> None:
    assert parse_frames(format_frames(frames)) == tuple(sorted(frames))


def test_no_frames_are_written_as_nothing() -> None:
    assert format_frames([]) == ""


@pytest.mark.parametrize("text", ["1-10:3", "1-10y3"])
def test_signs_of_other_programs_are_refused_by_name(text: str) -> None:
    with pytest.raises(SequenceError, match=f"holds '{text[4]}'"):
        parse_frames(text)


@pytest.mark.parametrize("text", ["", ",", "1001,", "a", "1001-", "1.5", "1-2-3", "1-10x", "1-10x-2", "٣"])
def test_what_is_no_range_is_refused_with_examples(text: str) -> None:
    with pytest.raises(SequenceError, match="write 1001-1100"):
        parse_frames(text)


def test_a_range_that_ends_before_it_begins_is_told_turned_round() -> None:
    with pytest.raises(SequenceError, match="write 1001-1100"):
        parse_frames("1100-1001")


def test_a_step_of_nothing_is_refused() -> None:
    with pytest.raises(SequenceError, match="step of 0"):
        parse_frames("1-10x0")


@pytest.mark.parametrize("text", ["1-2000000", "1-900000,1000000-1900000"])
def test_a_range_too_large_is_refused_before_it_fills_memory(text: str) -> None:
    with pytest.raises(SequenceError, match="more than 1,000,000 frames"):
        parse_frames(text)


@given(st.text(max_size=20))
def test_any_text_gives_frames_or_one_error(text: str) -> None:
    with contextlib.suppress(SequenceError):
        frames = parse_frames(text)
        assert list(frames) == sorted(set(frames))
