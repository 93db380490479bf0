from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from impasto.server import plates
from impasto.server.errors import PlateError
from impasto.server.plates import Window

WINDOW = Window(0, 0, 4, 3)


def part(name: str, channels: str, value: float = 1, *, window: Window = WINDOW, **header: object) -> object:
    box = (np.array([window.x0, window.y0], np.int32), np.array([window.x1 - 1, window.y1 - 1], np.int32))
    given = {"type": OpenEXR.scanlineimage, "dataWindow": box} | header
    given.setdefault("displayWindow", (np.array([0, 0], np.int32), np.array([3, 2], np.int32)))
    pixels = np.full((window.height, window.width), value, np.float16)
    return OpenEXR.Part(given, {channel: pixels.copy() for channel in channels.split()}, name)


def read(tmp_path: Path, *parts: object) -> plates.Plate:
    OpenEXR.File(list(parts)).write(str(tmp_path / "parts.exr"))
    made = plates.read(tmp_path / "parts.exr")
    assert set(plates.read_header(tmp_path / "parts.exr").channels) == set(made.channels)
    return made


def test_short_names_get_their_parts_name_and_long_ones_stay(tmp_path: Path) -> None:
    made = read(
        tmp_path,
        part("depth", "Z"),
        part("rgba", "R G B A"),
        part("diffuse", "R G B"),
        part("forward", "u v"),
        part("extra", "noise.x"),
    )
    assert set(made.channels) == {
        *("depth.Z", "R", "G", "B", "A", "diffuse.R", "diffuse.G", "diffuse.B"),
        *("forward.u", "forward.v", "noise.x"),
    }


def test_views_go_in_front_of_all_but_the_heros_names(tmp_path: Path) -> None:
    made = read(
        tmp_path,
        part("rgba.main", "R G B", view="main"),
        part("depth.main", "Z", view="main"),
        part("rgba.other", "R G B", view="other"),
        part("depth_other", "Z", view="other"),
        part("other", "forward.u forward.v", view="other"),
    )
    assert made.views == ("main", "other")
    assert set(made.channels) == {
        *("R", "G", "B", "depth.Z", "other.R", "other.G", "other.B"),
        *("other.depth.Z", "other.forward.u", "other.forward.v"),
    }


def test_data_windows_are_united_and_filled_with_0(tmp_path: Path) -> None:
    made = read(tmp_path, part("rgb", "R G B"), part("matte", "a", window=Window(2, 1, 6, 5)))
    assert made.data_window == Window(0, 0, 6, 5)
    assert made.channels["matte.a"].tolist() == [[0] * 6] + [[0, 0, 1, 1, 1, 1]] * 4
    assert made.channels["R"][:3, :4].all()
    assert np.count_nonzero(made.channels["R"]) == 12


def test_differing_display_windows_are_refused_by_name(tmp_path: Path) -> None:
    # OpenEXR itself refuses to write such a pair, so one is patched in.
    OpenEXR.File([part("rgb", "R"), part("small", "Z")]).write(str(tmp_path / "parts.exr"))
    data = bytearray((tmp_path / "parts.exr").read_bytes())
    at = data.rfind(b"displayWindow\0box2i\0")
    data[at + 32 : at + 36] = (1).to_bytes(4, "little")
    (tmp_path / "parts.exr").write_bytes(data)
    with pytest.raises(PlateError, match=r"parts 'rgb' and 'small' have display windows of 4x3 and 2x3"):
        plates.read(tmp_path / "parts.exr")


def test_equal_long_names_of_two_parts_are_told_apart_by_part(tmp_path: Path) -> None:
    made = read(tmp_path, part("rgb", "R noise.x", 1), part("second", "noise.x", 2))
    assert made.channels["noise.x"].max() == 1
    assert made.channels["second.noise.x"].max() == 2


def test_two_parts_that_hold_one_name_beyond_cure_are_refused(tmp_path: Path) -> None:
    parts = [part("rgb", "R s.noise.x noise.x"), part("s", "noise.x")]
    with pytest.raises(PlateError, match=r"two of its parts hold the channel s\.noise\.x; rename"):
        read(tmp_path, *parts)


def test_attributes_of_later_parts_are_kept_beside_the_firsts(tmp_path: Path) -> None:
    made = read(tmp_path, part("rgb", "R", comment="one", take=3), part("matte", "a", comment="two", take=3))
    assert made.attributes["comment"] == "one"
    assert made.attributes["matte.comment"] == "two"
    assert made.attributes["take"] == 3
    assert "matte.take" not in made.attributes
    assert not {"name", "type", "chunkCount"} & set(made.attributes)


def test_a_deep_part_among_flat_ones_is_named(tmp_path: Path) -> None:
    samples = np.empty((3, 4), object)
    for index in np.ndindex(3, 4):
        samples[index] = np.ones(2, np.float32)
    deep = OpenEXR.Part(
        {"type": OpenEXR.deepscanline, "compression": OpenEXR.ZIPS_COMPRESSION}, {"Z": samples}, "cloud"
    )
    with pytest.raises(PlateError, match="its part 'cloud' holds deep pixels"):
        read(tmp_path, part("rgb", "R"), deep)


def test_a_single_part_that_names_its_view_keeps_it(tmp_path: Path) -> None:
    OpenEXR.File([part("rgb", "R G B", view="left")]).write(str(tmp_path / "one.exr"))
    made = plates.read(tmp_path / "one.exr")
    assert made.views == ("left",)
    plates.write(tmp_path / "two.exr", made)
    back = plates.read(tmp_path / "two.exr")
    assert back.views == ("left",)
    assert set(back.channels) == {"R", "G", "B"}


def test_tiles_are_read_and_written_as_scanlines(tmp_path: Path) -> None:
    tiles = OpenEXR.TileDescription()
    tiles.xSize = tiles.ySize = 16
    pixels = np.arange(40 * 50, dtype=np.float32).reshape(40, 50)
    OpenEXR.File({"type": OpenEXR.tiledimage, "tiles": tiles}, {"R": pixels}).write(str(tmp_path / "tiled.exr"))
    made = plates.read(tmp_path / "tiled.exr")
    assert np.array_equal(made.channels["R"], pixels)
    plates.write(tmp_path / "lines.exr", made)
    assert np.array_equal(plates.read(tmp_path / "lines.exr").channels["R"], pixels)
