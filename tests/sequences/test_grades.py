import pytest

from impasto.sequences import DEFAULTS, FIGURES, LESS_IS_WORSE, Threshold, grade


@pytest.mark.parametrize(("value", "word"), [(0.1, "green"), (0.3, "green"), (0.31, "yellow"), (0.7, "red")])
def test_above_a_threshold_a_frame_is_yellow_or_red(value: float, word: str) -> None:
    found, reasons = grade({"occluded": value}, [Threshold("occluded", 0.3, 0.6)])
    assert found == word
    assert bool(reasons) == (word != "green")


def test_of_some_numbers_less_is_worse() -> None:
    found = grade({"carried": 0.2}, [Threshold("carried", 0.5, 0.25, below=True)])
    assert found == ("red", ("carried 0.2 below 0.25",))


def test_the_worst_counts_and_every_reason_is_told() -> None:
    thresholds = [Threshold("occluded", 0.3, None), Threshold("error_ratio", 2.0, 5.0)]
    found, reasons = grade({"occluded": 0.4, "error_ratio": 7.0}, thresholds)
    assert found == "red"
    assert reasons == ("occluded 0.4 above 0.3", "error_ratio 7 above 5")


def test_every_view_is_graded_and_what_is_missing_is_not() -> None:
    assert grade({"left.occluded": 0.1, "right.occluded": 0.9}, [Threshold("occluded", None, 0.5)])[0] == "red"
    assert grade({}, DEFAULTS) == ("green", ())


def test_defaults_and_directions_speak_of_known_numbers() -> None:
    assert {threshold.figure for threshold in DEFAULTS} | LESS_IS_WORSE <= set(FIGURES)
