from __future__ import annotations

import pytest

from impasto.cli.commands import demo
from impasto.sequences import SequencePattern


def test_the_example_shot_has_plates_a_key_and_a_style() -> None:
    folder = demo.find_example()
    assert 8 <= len(SequencePattern.parse(folder / "plate.####.exr").on_disk()) <= 12
    assert list(demo._keys(folder)) == [1006]
    assert demo._style(folder).is_file()


def test_an_example_that_is_not_there_is_told_with_its_cure(impasto, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("impasto.cli.commands.demo.resources.files", lambda _: tmp_path)
    monkeypatch.setattr("impasto.cli.commands.demo.__file__", str(tmp_path / "a" / "b" / "c" / "d" / "demo.py"))
    ended = impasto("demo", "--out", tmp_path / "out")
    assert ended.code == 2
    assert "The example shot is not here" in ended.err
    with pytest.raises(FileNotFoundError):
        (tmp_path / "out").stat()
