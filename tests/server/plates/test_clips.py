"""What headers say of where a clip ends."""

import OpenEXR
import pytest

from impasto.server.plates.clips import changes
from impasto.server.plates.header import Header
from impasto.server.plates.plate import Window

FORMAT = Window(0, 0, 64, 36)


def timecode(frames, rate=24):
    seconds, frame = divmod(frames, rate)
    code = OpenEXR.TimeCode()
    code.hours, code.minutes, code.seconds, code.frame = seconds // 3600 % 24, seconds // 60 % 60, seconds % 60, frame
    return code


def header(display=FORMAT, **attributes):
    return Header({}, display, display, attributes)


def coded(numbers, rate=24, **attributes):
    return [
        (1001 + place, header(timeCode=timecode(number, rate), **attributes)) for place, number in enumerate(numbers)
    ]


def test_one_clip_has_no_changes():
    assert changes(coded(range(100, 150), reelName="A001")) == {}


def test_another_format_or_pixel_aspect_is_another_clip():
    frames = [(1, header()), (2, header()), (3, header(Window(0, 0, 128, 72))), (4, header(Window(0, 0, 128, 72)))]
    frames.append((5, header(Window(0, 0, 128, 72), pixelAspectRatio=2.0)))
    assert changes(frames) == {3: "size", 5: "size"}


@pytest.mark.parametrize("name", ["reelName", "clipName", "arri/clip-name", "com.maker.clipname"])
def test_another_clip_name_is_another_clip(name):
    frames = [(frame, header(**{name: "A" if frame < 3 else "B"})) for frame in range(1, 6)]
    assert changes(frames) == {3: "clip"}


def test_timecode_that_jumps_is_another_clip():
    assert changes(coded([*range(100, 110), *range(900, 910)])) == {1011: "timecode"}
    assert changes(coded([*range(900, 910), *range(100, 110)])) == {1011: "timecode"}


@pytest.mark.parametrize(
    "numbers",
    [
        [100] * 20,
        list(range(100, 140, 2)),
        list(range(140, 100, -1)),
        [24 * 24 * 3600 - 10 + n for n in range(20)],
        [*range(100, 110), *range(112, 120)],
    ],
    ids=["stuck", "twice as fast", "backwards", "over midnight", "drop frames"],
)
def test_timecode_that_runs_evenly_is_one_clip(numbers):
    assert changes(coded(numbers)) == {}


def test_frames_that_are_missing_or_left_out_are_no_jump():
    every = coded(range(100, 160))
    assert changes(every[::2]) == {}
    assert changes(every[:20] + every[30:]) == {}


def test_timecode_counts_frames_as_the_header_says():
    assert changes(coded(range(100, 160), rate=30, framesPerSecond=30)) == {}
    assert changes(coded(range(100, 160), rate=25)) == {}


def test_headers_without_timecode_or_of_one_frame_say_nothing():
    assert changes([]) == {}
    assert changes([(1, header())]) == {}
    assert changes([(1, header()), (2, header(timeCode=timecode(5))), (3, header())]) == {}
