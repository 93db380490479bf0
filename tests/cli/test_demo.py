from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from world import write_plates

from impasto.cli import demo
from impasto.sequences import SequencePattern
from impasto.server import plates


def test_the_example_shot_has_plates_a_key_and_a_style() -> None:
    folder = demo.find_example()
    assert 8 <= len(SequencePattern.parse(folder / "plate.####.exr").on_disk()) <= 12
    assert list(demo._keys(folder)) == [1006]
    assert demo._style(folder).is_file()


def test_the_sheet_shows_five_frames_in_four_columns(tmp_path: Path) -> None:
    files = write_plates(tmp_path / "plates", range(1001, 1011))
    (tmp_path / "made").mkdir()
    for frame, path in files.items():
        plate = plates.read(path)
        shape = plate.channels["R"].shape
        layers = {name: np.ones(shape, np.float32) for name in ("forward.u", "forward.v")}
        layers |= {"occlusion.next": np.zeros(shape, np.float16)}
        made = dataclasses.replace(plate, channels={**plate.channels, **layers})
        plates.write(tmp_path / "made" / f"made.{frame}.exr", made)
    patterns = [SequencePattern.parse(tmp_path / f"{name}s" / f"{name}.####.exr") for name in ("plate",)]
    patterns.append(SequencePattern.parse(tmp_path / "made" / "made.####.exr"))
    picture = cv2.imdecode(np.frombuffer(demo.draw_sheet(*patterns), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (8 + 28 + demo.ROWS * (6 + 8), 8 + 4 * (8 + 8), 3)


def test_an_example_that_is_not_there_is_told_with_its_cure(impasto, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("impasto.cli.demo.resources.files", lambda _: tmp_path)
    monkeypatch.setattr("impasto.cli.demo.__file__", str(tmp_path / "a" / "b" / "c" / "demo.py"))
    ended = impasto("demo", "--out", tmp_path / "out")
    assert ended.code == 2
    assert "The example shot is not here" in ended.err
    with pytest.raises(FileNotFoundError):
        (tmp_path / "out").stat()
