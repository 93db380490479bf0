"""Cuts on footage made here: splices are found, and flashes, ramps, whips and travels are none."""

import cv2
import numpy as np
import pytest
from footage import Scene, black, dissolved, flashed, ramped, spliced, whipped

from impasto.server.plates import VideoReader
from impasto.server.plates.srgb import decode
from impasto.server.shots.cuts import Cut, detect
from impasto.server.shots.likeness import Small, likeness


def found(pictures, first=1):
    return detect(range(first, first + len(pictures)), lambda frame: Small(pictures[frame - first]))


def test_every_splice_of_quiet_shots_is_found_and_nothing_else():
    assert found(spliced([Scene(seed) for seed in range(8)], 5)) == [Cut(frame) for frame in range(6, 41, 5)]


def test_splices_are_found_between_shots_of_fast_cameras():
    scenes = [Scene(seed, pan=14, zoom=0.02, shutter=0.5) for seed in range(4)]
    assert found(spliced(scenes, 6)) == [Cut(7), Cut(13), Cut(19)]


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("strength", [2, 6])
@pytest.mark.parametrize("seed", [0, 3])
def test_a_flash_is_no_cut(seed, strength, length):
    assert found(flashed(spliced([Scene(seed)], 14), 5, length, strength)) == []


def test_a_flash_right_at_a_cut_hides_it_not():
    cut = found(flashed(spliced([Scene(1), Scene(2)], 8), 7, 1, 6))
    assert len(cut) == 1
    assert cut[0].frame in (8, 9)


@pytest.mark.parametrize("stops", [-6, -3, 3, 6])
def test_exposure_that_runs_is_no_cut(stops):
    assert found(ramped(spliced([Scene(5)], 14), stops)) == []


@pytest.mark.parametrize("speed", [30, 70, 160])
@pytest.mark.parametrize("over", [2, 3, 5])
@pytest.mark.parametrize("seed", [2, 4])
def test_a_whip_pan_is_no_cut(seed, over, speed):
    assert found(whipped(Scene(seed), 4, speed, over, 4)) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_camera_that_travels_to_another_place_is_no_cut_and_no_dissolve(seed):
    assert found(spliced([Scene(seed, pan=3)], 50)) == []
    assert found(spliced([Scene(seed, pan=0.5, zoom=0.03)], 30)) == []


@pytest.mark.parametrize("over", [8, 16, 24])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_dissolve_is_a_range(seed, over):
    cuts = found(dissolved(Scene(seed), Scene(seed + 20, pan=1), 8, over, 8), first=1001)
    assert [cut.found_by for cut in cuts] == ["dissolve"]
    slack = max(3, over // 4)  # what moves in either shot blurs where it begins
    assert cuts[0].frame == pytest.approx(1009, abs=slack)
    assert cuts[0].until == pytest.approx(1008 + over, abs=slack)


def test_black_between_two_shots_is_one_cut_where_the_second_is_seen():
    assert found(spliced([Scene(1)], 6) + black(3) + spliced([Scene(2)], 6)) == [Cut(10)]


def test_a_shot_that_blinks_or_fades_out_and_ends_has_no_cut():
    shot = spliced([Scene(1)], 14)
    assert found(shot[:6] + black(2) + shot[8:]) == []
    assert found([picture * np.float32(max(0, (10 - n) / 6)) for n, picture in enumerate(shot) if n > 3]) == []


def test_a_fade_to_black_and_out_of_it_parts_two_shots():
    first = [picture * np.float32(min(1, (8 - n) / 5)) for n, picture in enumerate(spliced([Scene(1)], 9))]
    second = [picture * np.float32(min(1, n / 5)) for n, picture in enumerate(spliced([Scene(2)], 9))]
    cuts = found(first + second)
    assert len(cuts) == 1
    assert 10 <= cuts[0].frame <= 12


@pytest.mark.parametrize(
    "pictures",
    [
        [],
        black(1),
        black(12),
        spliced([Scene(1)], 1) * 10,
        spliced([Scene(1), Scene(2)], 1),
        [np.random.default_rng(n).random((20, 30, 3), np.float32) for n in range(12)],
        [np.full((1, 1, 3), n / 9, np.float32) for n in range(10)],
        [np.full((3, 90, 3), n / 9, np.float32) for n in range(10)],
    ],
    ids=["nothing", "one frame", "black", "identical", "two frames", "noise", "one pixel", "three rows"],
)
def test_what_tells_nothing_has_no_cuts(pictures):
    assert found(pictures) == []


def test_frames_far_apart_are_not_judged_by_their_pictures():
    pictures = spliced([Scene(1), Scene(2)], 3)
    frames = [1, 2, 3, 101, 102, 103]
    assert detect(frames, lambda frame: Small(pictures[frames.index(frame)])) == []


def test_frames_are_looked_at_one_by_one_and_the_work_can_be_stopped():
    class StopError(Exception):
        pass

    def check():
        raise StopError

    with pytest.raises(StopError):
        detect(range(10), lambda frame: Small(black(1)[0]), check)


def test_likeness_is_high_along_motion_and_low_between_strangers():
    first, moved, other = Scene(7).frame(0), Scene(7).frame(2), Scene(8).frame(0)
    assert likeness(Small(first), Small(moved)) > 0.6
    assert likeness(Small(first), Small(moved * np.float32(0.3))) > 0.6
    assert likeness(Small(first), Small(other)) < 0.15
    assert likeness(Small(first), Small(other[:50])) == 0


def test_a_small_picture_is_made_under_the_exposure_given():
    linear = np.full((3, 400, 800), 0.09, np.float32)
    small = Small.of(linear, 2.0)
    assert small.picture.shape == (96, 192, 3)
    assert small.picture.mean() == pytest.approx(0.18 ** (1 / 2.2), abs=1e-3)


def test_the_cuts_of_a_real_film_are_found_exactly(assets):
    reader = VideoReader(assets / "video" / "bikes.mp4")

    def look(frame):
        plate = reader.read(frame)
        return Small.of(np.stack([plate.channels[name] for name in "RGB"]), 1.0)

    assert detect(reader.frames, look) == [Cut(31), Cut(77), Cut(138), Cut(188), Cut(243)]


def test_a_real_shot_without_cuts_has_none(assets):
    files = sorted((assets / "video" / "davis" / "blackswan").iterdir())

    def look(place):
        picture = cv2.imread(str(files[place]))[..., ::-1].astype(np.float32) / 255
        return Small.of(decode(picture).transpose(2, 0, 1), 1.0)

    assert detect(range(len(files)), look) == []


@pytest.mark.parametrize("size", [(1, 1), (2, 40), (8, 8), (11, 11), (12, 12), (40, 9)])
def test_pictures_of_a_few_pixels_are_compared_too(size):
    random = np.random.default_rng(4)
    first, second = (Small.of(random.random((3, *size)).astype(np.float32), 1.0) for _ in range(2))
    assert likeness(first, first) > 0.9
    assert likeness(first, second) <= likeness(first, first)
