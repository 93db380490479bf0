import cv2
import numpy as np
import pytest

from impasto.server.plates import contact_sheet, flow_colours


def test_rest_is_white_and_opposite_ways_differ() -> None:
    motion = np.zeros((2, 1, 4), np.float32)
    motion[0, 0] = [0, 10, -10, 0]
    motion[1, 0] = [0, 0, 0, 10]
    rest, right, left, down = flow_colours(motion, 10)[0]
    assert rest.tolist() == [1, 1, 1]
    assert right.tolist() == [1, 0, 0]
    assert left[0] < 0.1
    assert down[:2] == pytest.approx([1, 1], abs=0.2)


def test_motion_that_is_not_finite_or_too_long_still_has_a_colour() -> None:
    motion = np.array([[[np.nan, 1e9]], [[np.inf, 0]]], np.float32)
    colours = flow_colours(motion, 5)
    assert np.isfinite(colours).all()
    assert colours.min() >= 0
    assert colours.max() <= 1


def test_a_sheet_holds_every_picture_in_its_place() -> None:
    rows = [[np.full((20, 30, 3), value, np.float32) for value in row] for row in ((0.0, 0.5), (1.0, np.nan))]
    png = contact_sheet(rows, ["plate", "painted"])
    sheet = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape[1] == 8 + 2 * 38
    assert (sheet[-8 - 5, 8 + 25] == 255).all()
    assert (sheet[-8 - 5, 8 + 38 + 25] == 0).all()


def test_pictures_of_differing_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        contact_sheet([[np.zeros((2, 2, 3), np.float32), np.zeros((3, 2, 3), np.float32)]])
