import urllib.request

import numpy as np
import pytest

from impasto.cli.commands.live import _size
from impasto.cli.live_files import Sink, Source, kind_of
from impasto.cli.preview import Preview
from impasto.client import BadRequestError
from impasto.server import plates


@pytest.fixture
def shot(tmp_path):
    window = plates.Window(0, 0, 48, 32)
    (tmp_path / "in").mkdir()
    for frame in (7, 8):
        pixels = np.full((32, 48), 0.18 * (frame - 6), np.float16)
        plate = plates.Plate(dict.fromkeys("RGB", pixels), window, window)
        plates.write(tmp_path / "in" / f"p.{frame:04d}.exr", plate)
    return str(tmp_path / "in" / "p.####.exr")


def test_a_sequence_is_read_as_screen_bytes_or_as_light(shot):
    source = Source(shot, "", None, half=False)
    assert (source.numbers, source.width, source.height) == ((7, 8), 48, 32)
    number, pixels = next(iter(source))
    assert (number, len(pixels), pixels[0]) == (7, 48 * 32 * 3, 118)
    linear = np.frombuffer(dict(Source(shot, "8", (24, 16), half=True))[8], np.float16)
    assert linear.reshape(16, 24, 4)[3, 3].tolist() == pytest.approx([0.36, 0.36, 0.36, 1.0], rel=1e-3)


def test_frames_that_are_not_there_are_refused(shot, tmp_path):
    with pytest.raises(BadRequestError, match="no frame 9"):
        Source(shot, "8-9", None, half=False)
    with pytest.raises(BadRequestError, match="No file"):
        Source(str(tmp_path / "nothing.####.exr"), "", None, half=False)
    with pytest.raises(BadRequestError):
        Source(str(tmp_path / "nothing.mp4"), "", None, half=False)


@pytest.mark.parametrize("name", ["o.####.exr", "o.####.png", "o.mp4"])
def test_what_is_written_is_read_again(shot, tmp_path, name):
    half = name.endswith("exr")
    source = Source(shot, "", None, half)
    sink = Sink(str(tmp_path / "out" / name), source)
    for number, pixels in source:
        sink.write(number, pixels)
    sink.close()
    first = 1 if name.endswith("mp4") else 7
    back = Source(str(tmp_path / "out" / name), "", None, half=True)
    assert back.numbers == (first, first + 1)
    pixels = np.frombuffer(dict(back)[first + 1], np.float16).reshape(32, 48, 4)
    assert pixels[16, 24, :3] == pytest.approx(0.36, rel=0.05)


def test_outputs_of_other_kinds_are_refused(shot):
    with pytest.raises(BadRequestError):
        kind_of("out.gif")
    with pytest.raises(BadRequestError, match="####"):
        Sink("one.png", Source(shot, "", None, half=False))
    assert _size("640x360") == (640, 360)
    with pytest.raises(BadRequestError):
        _size("large")


def test_a_browser_sees_the_newest_frame():
    preview = Preview(0, 48, 32)
    preview.show(b"\x80" * 48 * 32 * 3, half=False)
    with urllib.request.urlopen(preview.url, timeout=5) as page:
        assert b"/frames" in page.read()
    with urllib.request.urlopen(preview.url + "frames", timeout=5) as stream:
        assert stream.read(80).startswith(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8")
    preview.close()
