from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.sequences import SequenceError, SequencePattern


@pytest.mark.parametrize(
    "text",
    ["/shots/a b/shot.####.exr", "/shots/a b/shot.%04d.exr", "/shots/a b/shot.$F4.exr", "/shots/a b/shot.@@@@.exr"],
)
def test_every_way_of_writing_four_digits_is_one_pattern(text: str) -> None:
    pattern = SequencePattern.parse(text)
    assert pattern.path(7) == Path("/shots/a b/shot.0007.exr")
    assert pattern.path(-7) == Path("/shots/a b/shot.-007.exr")
    assert pattern.path(123456) == Path("/shots/a b/shot.123456.exr")


@pytest.mark.parametrize("text", ["shot.#.exr", "shot.%d.exr", "shot.$F.exr"])
def test_one_mark_means_no_filling_up(text: str) -> None:
    assert SequencePattern.parse(text).path(7) == Path("shot.7.exr")


def test_views_stand_in_folders_and_names(tmp_path: Path) -> None:
    pattern = SequencePattern.parse(tmp_path / "%V" / "shot_%v.####.exr")
    assert pattern.has_views
    for view in ("left", "right"):
        path = pattern.path(1001, view)
        assert path == tmp_path / view / f"shot_{view[0]}.1001.exr"
        path.parent.mkdir()
        path.touch()
    (tmp_path / "left" / "shot_r.1002.exr").touch()
    assert list(pattern.on_disk()) == [(1001, "left"), (1001, "right")]


def test_a_view_may_follow_the_frame(tmp_path: Path) -> None:
    pattern = SequencePattern.parse(tmp_path / "shot.####.%V.exr")
    pattern.path(1, "left").touch()
    assert list(pattern.on_disk()) == [(1, "left")]


def test_a_pattern_with_views_asks_for_one() -> None:
    with pytest.raises(SequenceError, match="%V"):
        SequencePattern.parse("shot.%V.####.exr").path(1)


def test_the_disk_is_read_by_number_and_other_files_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "Prisë [v1] #2"
    folder.mkdir()
    names = ["a+b.1001.exr", "a+b.0999.exr", "a+b.-002.exr", "a+b.12345.exr"]
    for name in [*names, "a+b.1.exr", "a+b.01002.exr", "axb.1002.exr", "a+b.1003.png", "a+b.1004.exr.tmp", "a+b.x.exr"]:
        (folder / name).touch()
    (folder / "a+b.2000.exr").mkdir()
    pattern = SequencePattern.parse(folder / "a+b.####.exr")
    assert pattern.on_disk() == {
        (-2, ""): folder / names[2],
        (999, ""): folder / names[1],
        (1001, ""): folder / names[0],
        (12345, ""): folder / names[3],
    }


def test_missing_frames_are_named(tmp_path: Path) -> None:
    pattern = SequencePattern.parse(tmp_path / "shot.####.exr")
    for frame in (1001, 1003):
        pattern.path(frame).touch()
    assert pattern.missing(range(1001, 1005)) == (1002, 1004)


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert SequencePattern.parse(tmp_path / "no" / "shot.####.exr").on_disk() == {}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that may not be read")
def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(SequenceError, match="closed"):
        SequencePattern.parse(tmp_path / "closed" / "shot.####.exr").on_disk()


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("shot.1001.exr", 1001),
        ("shot_0042.png", 42),
        ("1006.png", 1006),
        ("shot_v02.exr", 1),
        ("still.jpg", 1),
        ("key.-5.exr", -5),
    ],
)
def test_a_single_file_is_the_frame_its_name_says(tmp_path: Path, name: str, frame: int) -> None:
    (tmp_path / name).touch()
    pattern = SequencePattern.parse(tmp_path / name)
    assert not pattern.has_frames
    assert pattern.on_disk() == {(frame, ""): tmp_path / name}
    assert pattern.path(frame) == tmp_path / name


def test_a_video_is_known_by_its_suffix_and_counts_from_one() -> None:
    pattern = SequencePattern.parse("a/b/cut_0042.MOV")
    assert pattern.is_video
    assert pattern.only_frame == 1
    assert not SequencePattern.parse("a/shot.####.exr").is_video


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no file"),
        ("folder/", "names no file"),
        ("shot.####.####.exr", "one frame number"),
        ("shot.%04d.##.exr", "one frame number"),
        ("sh####_v2.exr", "one frame number"),
        ("shot.1001-1010#.exr", "--frames"),
        ("####/shot.exr", "belongs in the file's name"),
        ("$F4/shot.exr", "belongs in the file's name"),
        ("a\0b", "names no file"),
    ],
)
def test_a_pattern_that_cannot_work_says_why(text: str, says: str) -> None:
    with pytest.raises(SequenceError, match=says):
        SequencePattern.parse(text)


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_one_sentence(text: str) -> None:
    with contextlib.suppress(SequenceError):
        assert isinstance(SequencePattern.parse(text).path(1001, "left"), Path)


@given(st.integers(-99999, 999999), st.integers(1, 6))
def test_a_frame_written_is_the_frame_found(tmp_path_factory: pytest.TempPathFactory, frame: int, digits: int) -> None:
    pattern = SequencePattern.parse(tmp_path_factory.mktemp("shot") / f"s.{'#' * digits}.exr")
    pattern.path(frame).touch()
    assert list(pattern.on_disk()) == [(frame, "")]
