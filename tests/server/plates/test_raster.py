from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from impasto.server import plates
from impasto.server.errors import PlateError
from impasto.server.plates import ColourSpace, Plate, Window

Make = Callable[..., Plate]
HALF = np.float16


def look(plate: Plate, view: str = "", raster: Window | None = None) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    return plates.picture(plate, view, raster or plate.data_window, ColourSpace.resolve("", plate))


def test_colour_comes_without_premultiplication_and_the_plate_stays_as_it_was(plate: Make) -> None:
    made = plate()
    before = {name: pixels.tobytes() for name, pixels in made.channels.items()}
    rgb, alpha, notes = look(made)
    assert rgb.dtype == np.float32
    assert alpha is not None
    assert np.allclose(rgb[0] * alpha, made.channels["R"].astype(np.float32), atol=1e-6)
    assert notes == []
    assert {name: pixels.tobytes() for name, pixels in made.channels.items()} == before


def test_outside_its_data_window_a_plates_border_is_repeated(plate: Make) -> None:
    made = plate({name: np.arange(6, dtype=HALF).reshape(2, 3) for name in "RGB"})
    rgb, alpha, _ = look(made, raster=Window(-2, -1, 4, 4))
    assert alpha is None
    assert rgb[0].tolist() == [
        [0, 0, 0, 1, 2, 2],
        [0, 0, 0, 1, 2, 2],
        [3, 3, 3, 4, 5, 5],
        [3, 3, 3, 4, 5, 5],
        [3, 3, 3, 4, 5, 5],
    ]


def test_nan_and_infinity_are_replaced_for_the_engine_and_counted(plate: Make) -> None:
    red = np.array([[1, 2, 3], [4, np.inf, 6], [7, 8, np.nan]], HALF)
    green = np.array([[1, 1, 1], [1, -np.inf, 1], [1, 1, 1]], HALF)
    made = plate({"R": red, "G": green, "B": green})
    rgb, _, notes = look(made)
    assert rgb[0].tolist() == [[1, 2, 3], [4, 8, 6], [7, 8, 0]]
    assert rgb[1, 1, 1] == 0
    assert notes[0].startswith("2 pixels of R, G, B hold NaN")
    assert np.isinf(made.channels["R"][1, 1])


def test_a_whole_area_of_infinity_takes_the_brightest_finite_value(plate: Make) -> None:
    sun = np.full((5, 5), np.inf, np.float32)
    assert not look(plate(dict.fromkeys("RGB", sun)))[0].any()
    dim = sun.copy()
    dim[0, 0] = 9
    rgb, _, _ = look(plate(dict.fromkeys("RGB", dim)))
    assert (rgb == 9).all()


def test_an_alpha_empty_under_colour_is_taken_as_absent_with_a_note(plate: Make) -> None:
    ones = np.ones((2, 2), HALF)
    rgb, alpha, notes = look(plate({"R": ones, "G": ones, "B": ones, "A": ones * 0}))
    assert alpha is None
    assert (rgb == 1).all()
    assert "absent" in notes[0]


def test_where_colour_is_no_number_is_known_over_the_raster(plate: Make) -> None:
    red = np.array([[1, np.inf], [-np.inf, np.nan]], HALF)
    one = plate({"R": red, "G": np.ones_like(red), "B": np.ones_like(red)})
    wide = plates.Window(one.data_window.x0, one.data_window.y0, one.data_window.x1 + 1, one.data_window.y1)
    assert plates.unknown(one, "", wide).tolist() == [[0, 2, 2], [1, 1, 1]]
    assert plates.unknown(plate({name: np.ones_like(red) for name in "RGB"}), "", one.data_window) is None


def test_luminance_alone_is_grey(plate: Make) -> None:
    rgb, _, _ = look(plate({"Y": np.full((2, 2), 0.5, HALF)}))
    assert rgb.shape == (3, 2, 2)
    assert (rgb == 0.5).all()


def test_a_plate_without_colour_names_what_it_has(plate: Make) -> None:
    with pytest.raises(PlateError, match=r"plate\.exr has no R, G and B, only Z; shuffle") as caught:
        look(plate({"Z": np.zeros((2, 2), HALF)}))
    assert caught.value.reason == "PLATE_WITHOUT_COLOUR"


def test_each_view_has_its_own_colour(plate: Make) -> None:
    names = {f"{view}{c}": np.full((2, 2), value, HALF) for view, value in (("", 1), ("left.", 2)) for c in "RGB"}
    made = plate(names, views=("right", "left"))
    assert look(made, "right")[0].max() == 1
    assert look(made, "left")[0].max() == 2
    with pytest.raises(PlateError, match="in view 'middle'"):
        look(made, "middle")


def test_motion_is_turned_down_and_what_is_not_finite_is_made_safe(plate: Make) -> None:
    up = np.array([[1, np.nan]], np.float32)
    made = plate(
        {
            "forward.u": up,
            "forward.v": up * 2,
            "backward.u": up,
            "occlusion.next": np.array([[0.25, np.nan]], HALF),
            "confidence.prev": np.array([[0.5, np.inf]], HALF),
        }
    )
    found = plates.motion_layers(made, "", made.data_window)
    assert set(found) == {"forward", "occlusion.next", "confidence.prev"}
    assert found["forward"].tolist() == [[[1, 0]], [[-2, 0]]]
    assert found["occlusion.next"].tolist() == [[0.25, 1]]
    assert found["confidence.prev"].tolist() == [[0.5, 0]]


@pytest.mark.parametrize("names", [("forward.{c}", "left.forward.{c}"), ("forward.right.{c}", "forward.left.{c}")])
def test_motion_is_found_under_either_way_of_naming_views(plate: Make, names: tuple[str, str]) -> None:
    channels = {
        name.format(c=c): np.full((1, 1), value, np.float32)
        for name, value in zip(names, (1, 2), strict=True)
        for c in "uv"
    }
    made = plate(channels, views=("right", "left"))
    assert plates.motion_layers(made, "right", made.data_window)["forward"][0, 0, 0] == 1
    assert plates.motion_layers(made, "left", made.data_window)["forward"][0, 0, 0] == 2


@pytest.mark.assets
def test_a_plate_full_of_nan_and_infinity_becomes_a_finite_picture(assets: Path) -> None:
    for name in ("BrightRingsNanInf", "AllHalfValues"):
        rgb, _, notes = look(plates.read(assets / f"exr/TestImages/{name}.exr"))
        assert np.isfinite(rgb).all()
        assert len(notes) == 1


def test_values_a_colour_space_cannot_hold_are_told(plate: Make) -> None:
    made = plate(dict.fromkeys("RGB", np.full((2, 2), 4000.0, np.float32)))
    rgb, _, notes = plates.picture(made, "", made.data_window, ColourSpace.resolve("ACEScct", made))
    assert np.isfinite(rgb).all()
    assert "is it the plate's colour space?" in notes[0]
