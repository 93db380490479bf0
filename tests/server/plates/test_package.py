from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from impasto.server import plates
from impasto.server.errors import BadRequest
from impasto.server.plates import ColourSpace, OutputOptions, Painting, Plate, Window
from impasto.server.plates.compression import choose, lossy_channels

Make = Callable[..., Plate]
FLOATS = {"forward.u", "forward.v", "backward.u", "backward.v", "source.x", "source.y", "source.frame"}
MATTES = ("occlusion.next", "occlusion.prev", "occlusion.cause", "confidence.next", "confidence.prev", "source.kind")


def passes(raster: Window) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    shape = (raster.height, raster.width)
    made = {name: rng.standard_normal((2, *shape)).astype(np.float32) for name in ("forward", "backward")}
    made |= {name: rng.random(shape, dtype=np.float32) for name in MATTES}
    made["source.y"], made["source.x"] = np.indices(shape, dtype=np.float32)
    made["source.frame"] = np.full(shape, 1006, np.float32)
    return made


def pack(
    plate: Plate,
    rgb: np.ndarray | None = None,
    layers: Mapping[str, np.ndarray] = {},
    raster: Window | None = None,
    view: str = "",
    **options: Any,
) -> tuple[Plate, list[str]]:
    colour = ColourSpace.resolve("", plate)
    painting = Painting(rgb, raster or plate.data_window, colour, layers)
    return plates.assemble(plate, {view: painting}, OutputOptions(**options))


def test_without_paint_every_bit_of_the_plate_stays(plate: Make) -> None:
    halves = np.arange(65536, dtype=np.uint16).view(np.float16).reshape(256, 256)
    words = np.arange(65536, dtype=np.uint32).reshape(256, 256)
    made = plate({"R": halves, "G": words.view(np.float32), "B": words, "A": halves, "matte.x": halves})
    out, warnings = pack(made, None, passes(made.data_window))
    for name, pixels in made.channels.items():
        assert out.channels[name] is pixels
    assert warnings == []
    assert set(out.channels) - set(made.channels) == FLOATS | set(MATTES)


def test_passes_have_their_types_and_names_in_the_file(tmp_path: Path, plate: Make) -> None:
    made = plate()
    out, _ = pack(made, None, passes(made.data_window))
    plates.write(tmp_path / "out.exr", out)
    for name, pixels in plates.read(tmp_path / "out.exr").channels.items():
        if "." in name:
            assert pixels.dtype == (np.float32 if name in FLOATS else np.float16), name


def test_motion_written_and_read_again_is_the_same_bits(tmp_path: Path, plate: Make) -> None:
    made, layers = plate(), passes(Window(0, 0, 8, 6))
    layers["forward"][:, 0, 0] = 0
    plates.write(tmp_path / "out.exr", pack(made, None, layers)[0])
    back = plates.motion_layers(plates.read(tmp_path / "out.exr"), "", made.data_window)
    for name in ("forward", "backward"):
        assert back[name].tobytes() == layers[name].tobytes()
    assert np.array_equal(plates.read(tmp_path / "out.exr").channels["forward.v"], -layers["forward"][1])


def test_source_is_told_in_pixels_of_the_display_window_from_its_lower_left(plate: Make) -> None:
    made = plate(data_window=Window(10, 20, 18, 26), display_window=Window(5, 2, 105, 52))
    raster = Window(8, 19, 30, 40)
    out, _ = pack(made, None, passes(raster), raster)
    # The first pixel of the data window is column 10 of a format that begins at 5, row 20 of one that ends before 52.
    assert out.channels["source.x"][0, 0] == 10 - 5 + 0.5
    assert out.channels["source.y"][0, 0] == 52 - 20 - 0.5
    whole = plate(display_window=Window(0, 0, 8, 6))
    out, _ = pack(whole, None, passes(whole.data_window))
    assert (out.channels["source.x"][-1, 0], out.channels["source.y"][-1, 0]) == (0.5, 0.5)


def test_paint_is_cropped_premultiplied_and_of_the_plates_type(plate: Make) -> None:
    made = plate(data_window=Window(2, 1, 10, 7))
    raster = Window(0, 0, 12, 9)
    rgb = np.random.default_rng(0).random((3, 9, 12), dtype=np.float32)
    out, warnings = pack(made, rgb, raster=raster)
    expected = rgb[0, 1:7, 2:10] * made.channels["A"].astype(np.float32)
    solid = made.channels["A"] > 1e-4
    assert out.channels["R"].dtype == np.float16
    assert np.array_equal(out.channels["R"][solid], expected.astype(np.float16)[solid])
    assert out.channels["A"] is made.channels["A"]
    assert warnings == []


def test_where_alpha_is_empty_the_plates_colour_stays(plate: Make) -> None:
    alpha = np.array([[0, 1]], np.float16)
    glow = np.array([[0.25, 0.5]], np.float16)
    made = plate({"R": glow, "G": glow, "B": glow, "A": alpha})
    out, _ = pack(made, np.full((3, 1, 2), 7, np.float32))
    assert out.channels["R"].tolist() == [[0.25, 7]]


def test_a_colour_too_bright_for_half_is_written_as_float_with_a_warning(plate: Make) -> None:
    zeros = np.zeros((1, 2), np.float16)
    made = plate(dict.fromkeys("RGB", zeros))
    rgb = np.zeros((3, 1, 2), np.float32)
    rgb[1, 0, 0] = 65519
    assert pack(made, rgb)[0].channels["G"].dtype == np.float16
    rgb[1, 0, 0] = 70000
    out, warnings = pack(made, rgb)
    assert all(out.channels[name].dtype == np.float32 for name in "RGB")
    assert out.channels["G"][0, 0] == 70000
    assert "too bright for half" in warnings[0]


def test_whole_number_colour_becomes_float_with_a_warning(plate: Make) -> None:
    made = plate(dict.fromkeys("RGB", np.ones((2, 2), np.uint32)))
    out, warnings = pack(made, np.full((3, 2, 2), 0.5, np.float32))
    assert out.channels["R"].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert "whole numbers" in warnings[0]


def test_a_luminance_plate_keeps_it_and_gets_colour_beside(plate: Make) -> None:
    made = plate({"Y": np.ones((2, 2), np.float16)})
    out, _ = pack(made, np.full((3, 2, 2), 0.5, np.float32))
    assert set(out.channels) == set("RGBY")
    assert out.channels["Y"] is made.channels["Y"]
    assert out.channels["R"].dtype == np.float16


def test_a_layer_the_plate_has_is_kept_and_ours_is_prefixed(plate: Make) -> None:
    base = plate()
    made = plate({**base.channels, "forward.w": base.channels["R"], "impasto_forward.u": base.channels["G"]})
    out, warnings = pack(made, None, passes(made.data_window))
    assert {"impasto_impasto_forward.u", "impasto_impasto_forward.v", "backward.u"} <= set(out.channels)
    assert "forward.u" not in out.channels
    assert "layer forward of its own" in warnings[0]
    out, warnings = pack(made, None, passes(made.data_window), layer_prefix="ours_")
    assert "ours_forward.u" in out.channels
    assert len(warnings) == 1


def test_replacing_layers_puts_ours_in_their_place(plate: Make) -> None:
    base = plate()
    made = plate({**base.channels, "forward.u": base.channels["R"], "forward.w": base.channels["R"]})
    out, warnings = pack(made, None, passes(made.data_window), replace_layers=True)
    assert out.channels["forward.u"].dtype == np.float32
    assert out.channels["forward.w"] is made.channels["forward.w"]
    assert warnings == []


def stereo(plate: Make, extra: str = "") -> Plate:
    ones = np.ones((2, 2), np.float16)
    names = [*"RGB", *(f"left.{c}" for c in "RGB")] + ([extra] if extra else [])
    return plate(dict.fromkeys(names, ones), views=("right", "left"))


def test_our_layers_are_named_as_nuke_names_views(tmp_path: Path, plate: Make) -> None:
    made = stereo(plate)
    paintings = {
        view: Painting(None, made.data_window, ColourSpace.resolve("", made), passes(made.data_window))
        for view in made.views
    }
    out, _ = plates.assemble(made, paintings, OutputOptions())
    assert {"forward.u", "left.forward.u", "source.x", "left.source.x"} <= set(out.channels)
    plates.write(tmp_path / "out.exr", out)
    back = plates.read(tmp_path / "out.exr")
    assert back.views == ("right", "left")
    assert "forward" in plates.motion_layers(back, "left", back.data_window)


def test_our_layers_are_named_in_the_standard_way_where_the_plate_does_so(plate: Make) -> None:
    made = stereo(plate, "whitebarmask.left.mask")
    for view in made.views:
        out, _ = pack(made, None, passes(made.data_window), view=view)
        assert f"forward.{view}.u" in out.channels


def test_a_view_is_painted_alone(plate: Make) -> None:
    made = stereo(plate)
    out, _ = pack(made, np.full((3, 2, 2), 0.5, np.float32), view="left")
    assert out.channels["R"] is made.channels["R"]
    assert (out.channels["left.R"] == 0.5).all()


def test_attributes_of_ours_are_added_and_older_ones_dropped(tmp_path: Path, plate: Make) -> None:
    made = plate(attributes={"comment": "take 3", "impasto/old": "x"})
    out, _ = pack(made, attributes={"job": "abc", "impasto/seed": 7, "detail": 0.5})
    plates.write(tmp_path / "out.exr", out)
    kept = plates.read(tmp_path / "out.exr").attributes
    assert kept["comment"] == "take 3"
    assert (kept["impasto/job"], kept["impasto/seed"], kept["impasto/detail"]) == ("abc", 7, 0.5)
    assert "impasto/old" not in kept
    assert dict(made.attributes) == {"comment": "take 3", "impasto/old": "x"}


def test_the_header_declares_the_colour_written(plate: Make) -> None:
    rec709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
    made = plate(attributes={"chromaticities": rec709})
    rgb = np.full((3, 6, 8), 0.5, np.float32)

    def written(name: str, rgb: np.ndarray | None) -> tuple[Plate, list[str]]:
        painting = Painting(rgb, made.data_window, ColourSpace.resolve(name, made))
        return plates.assemble(made, {"": painting}, OutputOptions())

    assert written("", rgb)[0].attributes["chromaticities"] == rec709
    assert written("ACEScg", rgb)[0].attributes["chromaticities"][0] == 0.713
    assert written("ACEScg", None)[0].attributes["chromaticities"] == rec709
    out, warnings = written("ACEScct", rgb)
    assert "chromaticities" not in out.attributes
    assert "ACEScct" in warnings[0]


# -- compression


@pytest.mark.parametrize(("stored", "expected"), [("piz", "piz"), ("zip", "zip"), ("dwaa", "zips"), ("pxr24", "zips")])
def test_the_plates_compression_is_kept_where_it_is_lossless(plate: Make, stored: str, expected: str) -> None:
    assert pack(plate(compression=stored))[0].compression == expected


def test_dwa_is_allowed_for_colour_and_leaves_all_else_bit_exact(tmp_path: Path, plate: Make) -> None:
    rng = np.random.default_rng(0)
    made = plate({name: rng.random((64, 64)).astype(np.float16) for name in ("R", "G", "B", "A", "depth.Z", "id.x")})
    out, _ = pack(made, None, passes(made.data_window), compression="dwaa")
    plates.write(tmp_path / "out.exr", out)
    back = plates.read(tmp_path / "out.exr")
    for name, pixels in out.channels.items():
        assert (back.channels[name].tobytes() == pixels.tobytes()) == (name not in ("R", "G", "B")), name


@pytest.mark.parametrize("compression", ["dwaa", "dwab", "b44", "b44a", "pxr24"])
def test_what_we_hold_for_lossy_is_what_openexr_changes(tmp_path: Path, plate: Make, compression: str) -> None:
    rng = np.random.default_rng(0)
    kinds = {"h": np.float16, "f": np.float32}
    made = plate(
        {
            **{
                f"{layer}{kind}.{last}": rng.random((64, 64)).astype(dtype)
                for layer in ("a", "b")
                for kind, dtype in kinds.items()
                for last in ("R", "G", "B", "A", "Y", "RY", "u", "r", "red", "Z")
            },
            "id.R": rng.integers(0, 2**32, (64, 64), dtype=np.uint32),
        },
        compression=compression,
    )
    plates.write(tmp_path / "out.exr", made)
    back = plates.read(tmp_path / "out.exr")
    changed = {n for n, pixels in made.channels.items() if back.channels[n].tobytes() != pixels.tobytes()}
    assert changed == lossy_channels(compression, made.channels)


@pytest.mark.parametrize("compression", ["b44", "pxr24", "dwaa"])
def test_a_compression_that_would_harm_more_than_colour_is_refused(plate: Make, compression: str) -> None:
    made = plate()
    made = plate({**made.channels, "crypto00.R": made.channels["R"].astype(np.float32)})
    with pytest.raises(BadRequest, match=f"compression {compression} would damage .*choose zip") as caught:
        pack(made, None, passes(made.data_window), compression=compression)
    assert caught.value.reason == "COMPRESSION_HARMS_LAYERS"


def test_an_unknown_compression_lists_the_known() -> None:
    with pytest.raises(BadRequest, match="no compression 'zlib'; choose one of none, rle"):
        choose("zlib", "zip", {}, ())


def test_a_file_of_one_view_that_names_none_is_of_the_view_asked_for(plate: Make) -> None:
    source = plate()
    packed, _ = pack(source, layers=passes(source.data_window), view="left")
    assert {"R", "G", "B", "forward.u", "occlusion.next"} <= set(packed.channels)
    assert not any(name.startswith("left.") for name in packed.channels)
