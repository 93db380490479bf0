import os
import signal
import time
from fractions import Fraction

import numpy as np
import OpenEXR
import pytest

from impasto.server import plates
from impasto.server.errors import PlateError
from impasto.server.plates import apart as module
from impasto.server.plates.apart import Apart

WINDOW = plates.Window(0, 0, 64, 48)


@pytest.fixture
def apart():
    made = Apart(seconds=60)
    with plates.decoding_apart(made):
        yield made


def exr(path, **attributes):
    pixels = np.random.default_rng(1).random((48, 64)).astype(np.float32)
    channels = {"R": pixels, "G": pixels.astype(np.float16), "id.X": (pixels * 9).astype(np.uint32)}
    plates.write(path, plates.Plate(channels, WINDOW, WINDOW, attributes))
    return path


def test_a_plate_decoded_apart_is_the_same_with_every_attribute(tmp_path):
    attributes = {
        "owner": "ann",
        "timeCode": OpenEXR.TimeCode(1, 2, 3, 4, True, False, True, False, True, False, 1, 2, 3, 4, 5, 6, 7, 8),
        "keyCode": OpenEXR.KeyCode(1, 2, 3, 4, 5, 6, 64),
        "framesPerSecond": Fraction(24000, 1001),
        "strange": OpenEXR.OpaqueAttribute(b"\x01\x02", "studioThing"),
    }
    path = exr(tmp_path / "a.exr", **attributes)
    here = plates.read(path)
    with plates.decoding_apart(Apart()):
        there, header = plates.read(path), plates.read_header(path)
    assert there.channels.keys() == here.channels.keys() == header.channels.keys()
    for name, pixels in here.channels.items():
        assert there.channels[name].dtype == pixels.dtype
        assert np.array_equal(there.channels[name], pixels)
    plates.write(tmp_path / "here.exr", here)
    plates.write(tmp_path / "there.exr", there)
    assert (tmp_path / "here.exr").read_bytes() == (tmp_path / "there.exr").read_bytes()


def test_what_cannot_be_read_is_told_as_it_would_be_here(apart, tmp_path):
    (tmp_path / "x.exr").write_bytes(b"no picture")
    with pytest.raises(PlateError, match="no EXR"):
        plates.read(tmp_path / "x.exr")
    with pytest.raises(PlateError) as caught:
        plates.read(tmp_path / "absent.exr")
    assert caught.value.reason == "PLATE_MISSING"
    with pytest.raises(PlateError) as caught:
        plates.read(exr(tmp_path / "a.exr"), plates.Limits(max_pixels=10))
    assert caught.value.reason == "PLATE_TOO_BIG"


def test_a_decoder_that_is_killed_fails_its_file_and_the_next_is_read(apart, tmp_path):
    path = exr(tmp_path / "a.exr")
    plates.read(path)
    (worker,) = apart._idle
    os.kill(worker._process.pid, signal.SIGSEGV)
    worker._process.wait()
    with pytest.raises(PlateError, match="signal 11"):
        plates.read(path)
    assert plates.read(path).data_window == WINDOW


def test_a_decoder_that_takes_too_long_is_ended(tmp_path):
    os.mkfifo(tmp_path / "endless")
    made = Apart(seconds=2.0)
    began = time.monotonic()
    with plates.decoding_apart(made), pytest.raises(PlateError, match="signal 9"):
        plates.read(tmp_path / "endless")
    assert time.monotonic() - began < 20


def test_a_decoder_that_takes_far_more_memory_than_the_header_promises_fails_its_file(tmp_path, monkeypatch):
    code = (
        "import numpy, impasto.server.plates.reader as reader, impasto.server.plates.decoder as decoder\n"
        "reader.read = lambda path, limits: numpy.ones(3 << 30, numpy.uint8)\n"
        "decoder.main()\n"
    )
    real = module.subprocess.Popen
    replaced = lambda words, **values: real([words[0], "-c", code], **values)  # noqa: E731
    monkeypatch.setattr(module.subprocess, "Popen", replaced)
    with plates.decoding_apart(Apart()), pytest.raises(PlateError) as caught:
        plates.read(exr(tmp_path / "a.exr"))
    assert caught.value.reason == "PLATE_TOO_BIG"


def test_workers_are_replaced_after_a_while(apart, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "READS", 2)
    path = exr(tmp_path / "a.exr")
    for kept in (1, 0, 1):
        plates.read_header(path)
        assert len(apart._idle) == kept


def test_videos_are_decoded_apart_too(apart, assets):
    video = plates.open_video(assets / "video" / "bikes.mp4")
    here = plates.VideoReader(assets / "video" / "bikes.mp4")
    assert video.frames == here.frames
    assert np.array_equal(video.read(3).channels["R"], here.read(3).channels["R"])
    assert np.array_equal(video.read(1).channels["G"], here.read(1).channels["G"])
    with pytest.raises(PlateError.__mro__[1]):
        video.header(9999)
