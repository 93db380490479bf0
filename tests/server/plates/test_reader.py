from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from impasto.server import plates
from impasto.server.errors import FrameError, PlateError
from impasto.server.plates import Plate
from impasto.server.plates.video import VideoReader

COUNT = 40


def test_a_sequence_reads_its_frames_and_names_a_missing_one(tmp_path: Path, plate: Callable[..., Plate]) -> None:
    for frame in (1003, 1001):
        plates.write(tmp_path / f"shot.{frame}.exr", plate())
    reader = plates.FileReader({frame: tmp_path / f"shot.{frame}.exr" for frame in (1003, 1001, 1002)})
    assert reader.frames == (1001, 1002, 1003)
    assert reader.read(1003).channels["R"].shape == (6, 8)
    assert set(reader.header(1001).channels) == set("RGBA")
    with pytest.raises(PlateError, match=r"there is no file .*shot\.1002\.exr") as caught:
        reader.read(1002)
    assert caught.value.reason == "PLATE_MISSING"
    with pytest.raises(FrameError, match="frame 1009 is missing"):
        reader.header(1009)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frame n is grey of level 5 n."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(1, COUNT + 1):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 5 * number, np.uint8), format="rgb24")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def level(made: Plate) -> float:
    value = float(np.median(made.channels["G"]))
    return 255 * (1.055 * value ** (1 / 2.4) - 0.055)


def test_a_videos_frames_count_from_1(film: Path) -> None:
    reader = VideoReader(film)
    assert reader.frames == tuple(range(1, COUNT + 1))
    for number in (1, 2, COUNT):
        assert level(reader.read(number)) == pytest.approx(5 * number, abs=4)
    header = reader.header(1)
    assert header.encoding == "srgb"
    assert header.attributes["framesPerSecond"] == Fraction(25)


def test_a_videos_frame_is_the_same_in_any_order_of_asking(film: Path) -> None:
    forward, mixed = VideoReader(film), VideoReader(film)
    wanted = {number: forward.read(number).channels["R"].tobytes() for number in forward.frames}
    for number in (40, 1, 39, 3, 2, 40, 20):
        assert mixed.read(number).channels["R"].tobytes() == wanted[number]


def test_only_a_bounded_number_of_frames_is_kept(film: Path) -> None:
    reader = VideoReader(film)
    for number in reader.frames:
        reader.read(number)
    assert len(reader._kept) <= 32


def test_a_frame_beyond_the_end_is_named(film: Path) -> None:
    for number in (0, COUNT + 1):
        with pytest.raises(FrameError, match=f"has frames 1-{COUNT} and no frame {number}"):
            VideoReader(film).read(number)


def test_a_file_that_is_no_video_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("not a film")
    for path in (tmp_path / "a.mp4", tmp_path / "absent.mov"):
        with pytest.raises(PlateError, match=rf"{path.name} is no video that can be read.*convert it"):
            VideoReader(path)


def test_the_size_cap_holds_for_video(film: Path) -> None:
    with pytest.raises(PlateError, match="raise the limit"):
        VideoReader(film, plates.Limits(max_pixels=100))


@pytest.mark.assets
def test_a_real_video_has_all_its_frames(assets: Path) -> None:
    reader = VideoReader(assets / "video/bikes.mp4")
    assert reader.frames[-1] == 250
    assert reader.read(250).channels["R"].shape == (272, 640)
