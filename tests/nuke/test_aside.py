"""Inputs written aside: two chunks of a farm that begin at once do each other no harm."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from impasto.nuke import aside, places
from impasto.nuke.errors import NodeError

FRAMES, VIEWS, MADE_OF = (1, 2, 3), ("main",), {"knobs": "k", "files": {"/show/a.exr": [3, 4]}}


@pytest.fixture
def pattern(tmp_path: Path) -> str:
    return (tmp_path / "inputs/plate.####.exr").as_posix()


@pytest.fixture
def record(tmp_path: Path) -> str:
    return (tmp_path / "inputs.json").as_posix()


def written(pattern: str, content: str) -> str:
    """What a Nuke writes aside."""
    beside = aside.pattern_beside(pattern)
    for path in places.files_of(beside, FRAMES, VIEWS):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(f"{content} {Path(path).name}", encoding="utf-8")
    return beside


def standing(pattern: str) -> set[str]:
    return {Path(path).read_text(encoding="utf-8").split()[0] for path in places.files_of(pattern, FRAMES, VIEWS)}


def test_of_two_that_write_the_same_the_first_ones_frames_stay(pattern: str, record: str) -> None:
    one, other = written(pattern, "one"), written(pattern, "other")
    assert not Path(places.path_of(pattern, 1)).exists()
    aside.put_in_place(one, pattern, FRAMES, VIEWS, record, MADE_OF)
    read = [Path(path).stat().st_ino for path in places.files_of(pattern, FRAMES, VIEWS)]  # by the first one's command
    aside.put_in_place(other, pattern, FRAMES, VIEWS, record, MADE_OF)
    assert standing(pattern) == {"one"}
    assert [Path(path).stat().st_ino for path in places.files_of(pattern, FRAMES, VIEWS)] == read
    assert aside.read_record(record) == {pattern: MADE_OF}
    assert {path.name for path in Path(pattern).parent.iterdir()} == {f"plate.000{n}.exr" for n in FRAMES}


def test_what_was_made_of_something_else_is_replaced_and_what_lacks_is_put_in(pattern: str, record: str) -> None:
    aside.put_in_place(written(pattern, "old"), pattern, FRAMES, VIEWS, record, MADE_OF)
    aside.put_in_place(written(pattern, "new"), pattern, FRAMES, VIEWS, record, {"knobs": "others"})
    assert standing(pattern) == {"new"}
    Path(places.path_of(pattern, 2)).unlink()
    aside.put_in_place(written(pattern, "late"), pattern, FRAMES, VIEWS, record, {"knobs": "others"})
    assert standing(pattern) == {"new", "late"}


def test_what_a_killed_nuke_left_goes_after_a_day(pattern: str, record: str) -> None:
    left, at_work = (Path(written(pattern, name)).parent for name in ("left", "at work"))
    os.utime(left, (time.time() - 2 * aside.LEFT,) * 2)
    aside.put_in_place(written(pattern, "one"), pattern, FRAMES, VIEWS, record, MADE_OF)
    assert not left.exists()
    assert at_work.exists()


def test_a_frame_that_cannot_be_put_in_its_place_is_told(pattern: str, record: str) -> None:
    beside = written(pattern, "one")
    Path(places.path_of(beside, 2)).unlink()
    with pytest.raises(NodeError, match="cannot be put in its place"):
        aside.put_in_place(beside, pattern, FRAMES, VIEWS, record, MADE_OF)
    assert aside.read_record(record) == {}
