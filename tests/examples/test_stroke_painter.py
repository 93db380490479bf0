import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from impasto.server import plates

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHOT = EXAMPLES / "shot"


@pytest.fixture(scope="module")
def painter() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stroke_painter", EXAMPLES / "stroke_painter.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_shot_is_whole_and_under_12_megabytes():
    headers = [plates.read_header(SHOT / f"plate.{frame}.exr") for frame in range(1001, 1011)]
    assert {(header.data_window.width, header.data_window.height) for header in headers} == {(640, 360)}
    assert sum(file.stat().st_size for file in EXAMPLES.rglob("*") if file.is_file()) < 12_000_000


@pytest.mark.parametrize(("name", "size"), [("key.1006.png", (360, 640)), ("style.png", (480, 720))])
def test_key_and_style_are_colourful_8_bit_pictures(name, size):
    picture = cv2.imread(str(SHOT / name), cv2.IMREAD_UNCHANGED)
    assert picture.dtype == np.uint8
    assert picture.shape == (*size, 3)
    assert (picture.max(-1).astype(int) - picture.min(-1)).mean() > 60


def test_a_key_is_painted_from_a_plate_on_the_command_line(painter, tmp_path, monkeypatch):
    rows = np.linspace(0, 1, 24, dtype=np.float16)[:, None].repeat(32, 1)
    window = plates.Window(0, 0, 32, 24)
    plates.write(tmp_path / "plate.exr", plates.Plate({"R": rows, "G": rows * 0, "B": 1 - rows}, window, window))
    arguments = ["stroke_painter.py", "key", str(tmp_path / "plate.exr"), str(tmp_path / "key.png")]
    monkeypatch.setattr(sys, "argv", arguments)
    painter.main()
    key = cv2.imread(str(tmp_path / "key.png")).astype(int)
    assert key.shape == (24, 32, 3)
    assert key[2:6, :, 0].mean() > key[2:6, :, 2].mean()
    assert key[-6:-2, :, 2].mean() > key[-6:-2, :, 0].mean()


def test_an_output_that_cannot_be_written_is_said(painter, tmp_path):
    with pytest.raises(SystemExit, match="cannot be written"):
        painter.save(tmp_path / "none" / "key.png", np.zeros((4, 4, 3), np.float32))
