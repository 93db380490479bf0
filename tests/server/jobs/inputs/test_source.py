import dataclasses
from pathlib import Path

import numpy as np
import pytest

from impasto.server import plates
from impasto.server.errors import BadRequest, FrameError, PlateError
from impasto.server.jobs.inputs.arrivals import Disproved
from impasto.server.jobs.inputs.source import KEPT_FRAMES, Coming, Frames, PlateShot, common_raster

LINEAR = plates.ColourSpace.resolve("auto", plates.Plate({}, plates.Window(0, 0, 1, 1), plates.Window(0, 0, 1, 1)))


FORMAT = plates.Window(0, 0, 8, 6)


def plate(data: plates.Window, display: plates.Window = FORMAT) -> plates.Plate:
    pixels = np.full((data.height, data.width), 0.5, np.float16)
    return plates.Plate(dict.fromkeys("RGB", pixels), data, display)


def frames(made: dict[int, plates.Plate], reads: list[int] | None = None) -> Frames:
    def read(frame: int) -> plates.Plate:
        if reads is not None:
            reads.append(frame)
        if frame not in made:
            raise PlateError(f"Frame {frame} is damaged.")
        return made[frame]

    numbers = tuple(range(1, max(made) + 1))
    return Frames(numbers, read, read, {n: f"d{n}" for n in numbers})  # type: ignore[arg-type]


def test_the_raster_is_the_union_of_the_data_windows():
    shot = frames({1: plate(plates.Window(0, 0, 4, 6)), 2: plate(plates.Window(-2, 1, 8, 9))})
    assert common_raster(shot)[0] == plates.Window(-2, 0, 8, 9)


def test_a_format_that_changes_within_a_shot_is_refused_by_frame():
    window = plates.Window(0, 0, 8, 6)
    shot = frames({1: plate(window), 2: plate(window, plates.Window(0, 0, 16, 12))})
    with pytest.raises(BadRequest, match="Frame 2 is 16x12 but frame 1 is 8x6"):
        common_raster(shot)


def test_a_shot_of_which_nothing_can_be_read_is_refused_with_the_reason():
    shot = Frames((1,), lambda n: plates.read(Path("absent.exr")), lambda n: plates.read(Path("absent.exr")), {})
    with pytest.raises(BadRequest, match="absent"):
        common_raster(shot)


def test_a_damaged_frame_is_read_once_and_missing_from_then_on():
    reads: list[int] = []
    shot = frames({2: plate(plates.Window(0, 0, 8, 6))}, reads)
    view = PlateShot(shot, "", plates.Window(0, 0, 8, 6), LINEAR, lambda note: None)
    assert [view.readable(1), view.readable(1), view.readable(2)] == [False, False, True]
    assert reads.count(1) == 1
    assert shot.digest(1) == "missing"


def test_a_long_shot_keeps_no_more_frames_than_a_short_one():
    reads: list[int] = []
    made = {n: plate(plates.Window(0, 0, 8, 6)) for n in range(1, 3 * KEPT_FRAMES)}
    view = PlateShot(frames(made, reads), "", plates.Window(0, 0, 8, 6), LINEAR, lambda note: None)
    for frame in made:
        view.picture(frame)
    reads.clear()
    for frame in made:
        view.picture(frame)
    assert len(reads) == len(made), "those at the start were forgotten"


def test_frames_asked_for_in_order_are_read_ahead_and_each_once():
    reads: list[int] = []
    shot = frames({n: plate(FORMAT) for n in range(1, 7)}, reads)
    for frame in range(1, 6):
        shot.plate(frame)
    shot.plate(6)
    assert sorted(reads) == [1, 2, 3, 4, 5, 6]


def test_a_frame_that_is_damaged_is_named_when_it_is_asked_for_and_not_when_it_is_read_ahead():
    shot = frames({1: plate(FORMAT), 2: plate(FORMAT), 4: plate(FORMAT)})
    shot.plate(1)
    shot.plate(2)
    with pytest.raises(PlateError, match="Frame 3"):
        shot.plate(3)


def test_a_frame_on_its_way_is_taken_to_be_readable_until_it_is_here():
    here = {1}
    frames = Frames(
        (1, 2),
        lambda frame: (_ for _ in ()).throw(FrameError("it is damaged")),
        lambda frame: None,
        {1: "a", 2: "b"},
        Coming(lambda frame: frame in here),
    )
    assert frames.error(1) is not None
    assert (frames.error(2), frames.digest(2)) == (None, "b")
    here.add(2)
    with pytest.raises(Disproved, match="damaged"):
        frames.confirm()
    assert frames.error(2) is not None


def test_a_frame_that_arrives_with_another_header_than_its_first_bytes_told_is_found_out():
    window = plates.Window(0, 0, 4, 3)
    plate = plates.Plate(dict.fromkeys("RGB", np.zeros((3, 4), np.float16)), window, window)
    true = plates.Header(dict.fromkeys("RGB", np.dtype(np.float16)), window, window)
    for said, found in ((true, None), (dataclasses.replace(true, data_window=plates.Window(0, 0, 9, 9)), Disproved)):
        coming = Coming(lambda frame: False, lambda _, said=said: said)
        frames = Frames((1, 2), lambda _: plate, lambda _: true, {1: "a", 2: "b"}, coming)
        assert frames.header(2).data_window == said.data_window
        if found is None:
            frames.confirm()
        else:
            with pytest.raises(found, match="another header"):
                frames.confirm()
