from __future__ import annotations

from pathlib import Path

import pytest

from impasto.cli.parsing import parse_keys, parse_memory, parse_passes
from impasto.client import BadRequestError, Painting


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", 0),
        ("8G", 8 << 30),
        ("512m", 512 << 20),
        ("2.5GiB", 5 << 29),
        ("1TB", 1 << 40),
        ("1000", 1000),
        ("4 K", 4096),
    ],
)
def test_memory_is_read_with_its_unit(text: str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["-8G", "8X", "G", "0", "1e9", "9999999999T"])
def test_memory_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadRequestError, match="such as 8G"):
        parse_memory(text)


def test_a_key_is_a_frame_and_a_file_with_weight_and_hold() -> None:
    assert parse_keys(["1006=a b/key,v2=x.png,weight=2.5,hold=1001-1003,1008,1010", "-5=k.exr"], []) == {
        1006: Painting("a b/key,v2=x.png", 2.5, "1001-1003,1008,1010"),
        -5: Painting("k.exr"),
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("key.png", "write FRAME=FILE"),
        ("1006=", "write FRAME=FILE"),
        ("x=key.png", "write FRAME=FILE"),
        ("1006=k.png,weight=heavy", "number above 0"),
        ("1006=k.png,weight=0", "number above 0"),
        ("1006=k.png,weight=nan", "number above 0"),
        ("1006=k.png,matte=m.png", "'matte', which is not known"),
    ],
)
def test_a_key_that_cannot_be_read_says_how_to_write_it(text: str, says: str) -> None:
    with pytest.raises(BadRequestError, match=says):
        parse_keys([text], [])


def test_keys_of_a_pattern_are_found_by_number(tmp_path: Path) -> None:
    for frame in (1001, 1010):
        (tmp_path / f"painted.{frame}.png").touch()
    found = parse_keys(["5=other.png"], [str(tmp_path / "painted.####.png")])
    assert found == {
        5: Painting("other.png"),
        1001: Painting(tmp_path / "painted.1001.png"),
        1010: Painting(tmp_path / "painted.1010.png"),
    }
    with pytest.raises(BadRequestError, match="Frame 1010 has two keys"):
        parse_keys(["1010=other.png"], [str(tmp_path / "painted.####.png")])


def test_keys_of_a_pattern_that_finds_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="No file of --keys"):
        parse_keys([], [str(tmp_path / "painted.####.png")])
    with pytest.raises(BadRequestError, match="names one file"):
        parse_keys([], ["painted.png"])


def test_passes_may_be_parted_by_commas() -> None:
    assert parse_passes(["motion, occlusion", "source"]) == ["motion", "occlusion", "source"]
