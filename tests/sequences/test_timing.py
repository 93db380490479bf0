from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.sequences import SequenceError, output_times, parse_frames, read_curve, whole_shot
from impasto.v1.job_pb2 import InterpolateSpec, TimeList, TimingCurve, TimingRow

SHOT = tuple(range(1001, 1005))


def curve(*rows):
    return InterpolateSpec(curve=TimingCurve(rows=[TimingRow(output_frame=a, input_frame=b) for a, b in rows]))


def test_half_speed_and_factor_two_are_the_same():
    slow = output_times(InterpolateSpec(speed=0.5), SHOT)
    assert slow == output_times(InterpolateSpec(factor=2), SHOT)
    assert list(slow) == list(range(1001, 1008))
    assert slow[1002] == Fraction(2003, 2)


def test_ten_steps_of_a_tenth_are_one_frame():
    assert output_times(InterpolateSpec(speed=0.1), SHOT)[1011] == 1002


def test_negative_speed_begins_at_the_last_frame():
    assert [float(t) for t in output_times(InterpolateSpec(speed=-1.5), SHOT).values()] == [1004, 1002.5, 1001]


def test_numbers_of_the_output_are_free():
    assert list(output_times(InterpolateSpec(speed=2, out_first=1), SHOT)) == [1, 2]
    assert list(output_times(InterpolateSpec(at=TimeList(times=[1001.25, 1001.5]), out_first=7), SHOT)) == [7, 8]


def test_repair_alone_keeps_the_shots_own_frames():
    assert output_times(InterpolateSpec(repair=True), SHOT) == {frame: Fraction(frame) for frame in SHOT}


def test_a_curve_is_linear_between_its_rows_and_may_go_back():
    times = output_times(curve((10, 1001), (14, 1003), (16, 1002)), SHOT)
    assert [float(times[frame]) for frame in range(10, 17)] == [1001, 1001.5, 1002, 1002.5, 1003, 1002.5, 1002]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (InterpolateSpec(speed=0), "The speed is 0"),
        (InterpolateSpec(speed=float("nan")), "no number"),
        (InterpolateSpec(factor=1), "between 2 and 1000"),
        (InterpolateSpec(at=TimeList(times=[1004.5])), "outside the shot 1001-1004"),
        (InterpolateSpec(at=TimeList()), "No time"),
        (curve((1, 1001)), "fewer than two rows"),
        (curve((1, 1001), (1, 1002)), "must ascend"),
        (curve((1, 1001), (3, float("nan"))), "no number"),
        (curve((1, 1001), (3, 990)), "outside the shot"),
        (curve((1.2, 1001), (1.8, 1002)), "no whole output frame"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(wish, said):
    with pytest.raises(SequenceError, match=said) as caught:
        output_times(wish, SHOT)
    assert "\n" not in str(caught.value)


def test_one_frame_has_nothing_between():
    with pytest.raises(SequenceError, match="single frame 1001"):
        output_times(InterpolateSpec(speed=0.5), (1001,))


def test_a_curve_is_read_with_and_without_its_heading(tmp_path):
    for text in ("output_frame,input_frame\n1,1001\n2,1002.5\n", "1,1001\n\n2,1002.5\n"):
        (tmp_path / "curve.csv").write_text(text)
        assert read_curve(tmp_path / "curve.csv") == [(1, 1001), (2, 1002.5)]


@pytest.mark.parametrize("text", ["1,2,3\n", "1;2\n", "one,two\n"])
def test_a_row_that_is_not_two_numbers_is_named(tmp_path, text):
    (tmp_path / "curve.csv").write_text(text)
    with pytest.raises(SequenceError, match="two numbers"):
        read_curve(tmp_path / "curve.csv")
    with pytest.raises(SequenceError, match="cannot be read"):
        read_curve(tmp_path / "none.csv")


def test_the_whole_shot_names_what_lacks_but_not_what_a_step_leaves_out():
    assert whole_shot([1001, 1002, 1004]) == (1001, 1002, 1003, 1004)
    assert whole_shot([1001, 1003, 1005]) == (1001, 1003, 1005)
    assert whole_shot([5]) == (5,)


@given(st.floats(0.01, 50), st.integers(2, 40))
def test_times_ascend_and_stay_in_the_shot(speed, length):
    shot = parse_frames(f"1-{length}")
    times = list(output_times(InterpolateSpec(speed=speed), shot).values())
    assert times == sorted(set(times))
    assert shot[0] == times[0]
    assert times[-1] <= shot[-1] < times[-1] + Fraction(speed).limit_denominator(1_000_000)
