"""The file of cuts."""

import pytest

from impasto.client.cuts import choose_cuts, read_cuts, store_cuts, written_cut
from impasto.client.errors import BadRequestError
from impasto.v1 import job_pb2


def test_a_file_is_read_in_any_order_with_words_and_vetoes(tmp_path):
    file = tmp_path / "shot.cuts.txt"
    file.write_text("# a comment\n\n1077 picture\n1031   # where she turns\n1138-1150 dissolve\nno 1188 picture\n")
    cuts, vetoed = read_cuts(file)
    assert [(cut.frame, cut.until) for cut in cuts] == [(1031, 0), (1077, 0), (1138, 1150)]
    assert vetoed == [1188]


@pytest.mark.parametrize("line", ["here", "10:20", "yes 12", "12-", "1.5"])
def test_a_line_that_is_no_cut_is_refused_by_its_number(tmp_path, line):
    file = tmp_path / "cuts"
    file.write_text(f"1031\n{line}\n")
    with pytest.raises(BadRequestError, match="Line 2"):
        read_cuts(file)


def test_a_file_that_is_not_there_is_refused_with_what_may_be_said():
    with pytest.raises(BadRequestError, match="detect, none or such a file"):
        choose_cuts(job_pb2.PlateSource(), "absent.txt")


def test_what_was_written_is_read_back(tmp_path):
    file = tmp_path / "out" / "shot.cuts.txt"
    assert store_cuts(file, "the range 1-250", [written_cut(31, 0, "picture"), written_cut(77, 90, "dissolve")])
    plate = job_pb2.PlateSource()
    choose_cuts(plate, str(file))
    assert plate.cuts == "given"
    assert [(cut.frame, cut.until) for cut in plate.given_cuts] == [(31, 0), (77, 90)]


def test_a_file_changed_by_its_user_is_kept(tmp_path):
    file = tmp_path / "shot.cuts.txt"
    assert store_cuts(file, "the range 1-9", ["5 picture"])
    assert store_cuts(file, "the range 1-9", ["5 picture"])
    file.write_text("no 5\n")
    assert not store_cuts(file, "the range 1-9", ["5 picture"])
    assert file.read_text() == "no 5\n"


def test_a_file_of_vetoes_alone_leaves_the_rest_to_detection(tmp_path):
    file = tmp_path / "cuts"
    file.write_text("no 5\nno 9\n")
    plate = job_pb2.PlateSource()
    choose_cuts(plate, str(file))
    assert plate.cuts == "detect"
    assert list(plate.vetoed_cuts) == [5, 9]
