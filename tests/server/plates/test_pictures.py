from pathlib import Path

import cv2
import numpy as np
import pytest

from impasto.server import plates
from impasto.server.errors import PlateError
from impasto.server.plates import ColourSpace


def save(path: Path, pixels: np.ndarray, *flags: int) -> Path:
    made, data = cv2.imencode(path.suffix, pixels, list(flags))
    assert made
    path.write_bytes(data.tobytes())
    return path


def linear(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("count", [1, 3, 4])
def test_every_depth_and_kind_is_decoded_from_srgb(tmp_path: Path, suffix: str, dtype: type, count: int) -> None:
    largest = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, largest, (5, 7, count), endpoint=True).astype(dtype)
    path = save(tmp_path / f"a{suffix}", pixels if count > 1 else pixels[:, :, 0])
    made, header = plates.read(path), plates.read_header(path)
    assert made.encoding == header.encoding == "srgb"
    assert {name: p.dtype for name, p in made.channels.items()} == dict(header.channels)
    assert made.channels["R"].shape == (5, 7)
    values = pixels / largest
    alpha = values[:, :, 3] if count == 4 else 1.0
    for name, place in (("R", min(2, count - 1)), ("G", min(1, count - 1)), ("B", 0)):
        assert made.channels[name].dtype == np.float32
        assert np.allclose(made.channels[name], linear(values[:, :, place]) * alpha, atol=1e-5)
    if count == 4:
        assert np.allclose(made.channels["A"], alpha)
        rgb, _, _ = plates.picture(made, "", made.data_window, ColourSpace.resolve("", made))
        assert np.allclose(
            rgb[0][made.channels["A"] > 0.01], linear(values[:, :, 2])[made.channels["A"] > 0.01], atol=1e-3
        )
    else:
        assert set(made.channels) == {"R", "G", "B"}


def test_a_jpeg_is_read_as_colour_even_where_it_is_grey(tmp_path: Path) -> None:
    made = plates.read(save(tmp_path / "a.jpg", np.full((16, 24), 128, np.uint8)))
    assert made.data_window.width == 24
    assert np.allclose(made.channels["G"], linear(np.float64(128 / 255)), atol=0.01)


def test_a_float_tiff_is_scene_linear_as_it_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).uniform(-1, 40, (4, 5, 3)).astype(np.float32)
    made = plates.read(save(tmp_path / "a.tif", pixels))
    assert made.encoding == "scene_linear"
    assert np.array_equal(made.channels["R"], pixels[:, :, 2])


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", np.zeros((3, 3, 3), np.uint8))
    path.rename(tmp_path / "a.exr")
    assert plates.read(tmp_path / "a.exr").encoding == "srgb"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_truncated_picture_is_refused_by_name(tmp_path: Path, suffix: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    data = save(tmp_path / f"a{suffix}", pixels).read_bytes()
    for cut in (4, 10, 30, len(data) // 2, len(data) - 3):
        (tmp_path / f"cut{suffix}").write_bytes(data[:cut])
        with pytest.raises(PlateError, match=rf"cut\{suffix} is damaged"):
            plates.read(tmp_path / f"cut{suffix}")


def test_the_size_cap_holds_before_pixels_are_decoded(tmp_path: Path) -> None:
    data = bytearray(save(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8)).read_bytes())
    data[16:24] = (60000).to_bytes(4, "big") * 2
    (tmp_path / "huge.png").write_bytes(data)
    with pytest.raises(PlateError, match="promises 60000x60000 pixels"):
        plates.read(tmp_path / "huge.png")


def test_a_jpeg_that_lies_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    data = save(tmp_path / "a.jpg", np.zeros((16, 32, 3), np.uint8)).read_bytes()
    tags = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + b"\0\0\0\0"
    exif = b"Exif\0\0" + tags
    (tmp_path / "b.jpg").write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    header, made = plates.read_header(tmp_path / "b.jpg"), plates.read(tmp_path / "b.jpg")
    assert (made.data_window.width, made.data_window.height) == (16, 32)
    assert header.data_window == made.data_window
