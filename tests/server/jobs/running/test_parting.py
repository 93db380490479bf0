"""A range parted into shots."""

import numpy as np
import pytest
from footage import Scene, spliced
from hypothesis import given
from hypothesis import strategies as st

from impasto.server import plates
from impasto.server.errors import PlateError
from impasto.server.jobs.inputs.source import Frames
from impasto.server.jobs.running.parting import PartedMotion, Parts, of_one_shot, part
from impasto.server.plates.srgb import decode
from impasto.server.shots.cuts import Cut
from impasto.v1.job_pb2 import Cut as CutMessage
from impasto.v1.job_pb2 import JobSpec, PlateSource


class Store(dict):
    def load(self, key):
        return self.get(key)

    def save(self, key, arrays):
        self[key] = arrays


class Watch:
    def __init__(self):
        self.looked = []

    def check(self):
        pass

    def stage(self, name, frame):
        self.looked.append(frame)


def sequence(pictures, damaged=(), missing=(), first=1001):
    def read(frame):
        if frame in damaged:
            raise PlateError(f"frame {frame} is damaged")
        return header(frame)

    def header(frame):
        if frame in missing:
            raise PlateError(f"frame {frame} is missing")
        planes = decode(pictures[frame - first]).transpose(2, 0, 1)
        window = plates.Window(0, 0, planes.shape[2], planes.shape[1])
        return plates.Plate(dict(zip("RGB", planes, strict=True)), window, window)

    numbers = tuple(range(first, first + len(pictures)))
    return Frames(numbers, read, header, {number: f"d{number}" for number in numbers})


def parted(frames, store=None, watch=None, **source):
    return part(PlateSource(**source), frames, "", "lin_rec709", Store() if store is None else store, watch or Watch())


TWO = spliced([Scene(1), Scene(2)], 6)


def test_cuts_found_in_pictures_part_the_range():
    assert parted(sequence(TWO)).shots == (tuple(range(1001, 1007)), tuple(range(1007, 1013)))


def test_what_was_found_is_kept_and_nothing_is_looked_at_again():
    store, watch = Store(), Watch()
    first = parted(sequence(TWO), store, watch)
    assert watch.looked
    again = Watch()
    assert parted(sequence(TWO), store, again) == first
    assert not again.looked


def test_the_user_may_name_cuts_forbid_one_or_have_none():
    frames = sequence(TWO)
    assert parted(frames, cuts="none").shots == (tuple(range(1001, 1013)),)
    assert parted(frames, vetoed_cuts=[1007]).cuts == ()
    given_cuts = [CutMessage(frame=1003), CutMessage(frame=1008, until=1010)]
    named = parted(frames, cuts="given", given_cuts=given_cuts)
    assert [shot[0] for shot in named.shots] == [1001, 1003, 1008]
    assert [shot[-1] for shot in named.shots] == [1002, 1010, 1012]


def test_damaged_and_missing_frames_hide_no_cut_and_make_none():
    assert parted(sequence(TWO, damaged=[1004], missing=[1009])).cuts == (Cut(1007),)


def test_frames_of_other_sizes_are_other_shots():
    pictures = [*TWO[:4], *(np.ascontiguousarray(picture[:90]) for picture in spliced([Scene(1)], 10)[4:])]
    assert parted(sequence(pictures)).cuts == (Cut(1005, found_by="size"),)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_range_of_a_few_frames_is_one_shot(count):
    assert parted(sequence(TWO[5 : 5 + count])).cuts == ()


def test_a_dissolve_belongs_to_both_shots_and_runs_from_the_one_to_the_other():
    parts = Parts.of(tuple(range(1, 21)), (Cut(8, 12, "dissolve"),))
    assert parts.shots == (tuple(range(1, 13)), tuple(range(8, 21)))
    assert parts.at(7) == [(0, 1.0)]
    assert parts.at(13) == [(1, 1.0)]
    shares = [dict(parts.at(frame))[1] for frame in range(8, 13)]
    assert shares == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6])
    assert [parts.main(frame) for frame in range(7, 14)] == [0, 0, 0, 1, 1, 1, 1]


def test_keys_belong_to_their_own_shot_and_a_shot_without_takes_the_manner_of_the_nearest():
    spec = JobSpec()
    for frame in (3, 9, 14):
        spec.stylize.keys.add(frame=frame).file.path = f"key{frame}"
    spec.colour.key = "srgb"
    parts = Parts.of(tuple(range(1, 31)), (Cut(8, 12, "dissolve"), Cut(20)))
    own = [of_one_shot(spec, parts, place) for place in range(3)]
    assert [[key.frame for key in each.stylize.keys] for each in own] == [[3, 9], [14], []]
    assert [[style.name for style in each.stylize.styles] for each in own] == [[], [], ["key14"]]
    assert own[2].colour.style == "srgb"
    assert of_one_shot(spec, Parts.of((1, 2, 3), ()), 0) is spec


def test_motion_of_a_parted_range_ends_at_cuts_and_in_the_middle_of_dissolves():
    class Measured:
        def __init__(self, frames):
            self.frames, self.digest, self.measured = frames, str(frames), True

        def frame(self, frame):
            return (frame, self.frames)

    parts = Parts.of(tuple(range(1, 13)), (Cut(4), Cut(8, 10, "dissolve")))
    motion = PartedMotion(parts, Measured)
    assert motion.frame(3) == (3, (1, 2, 3))
    assert motion.frame(8) == (8, (4, 5, 6, 7, 8))
    assert motion.frame(9) == (9, (9, 10, 11, 12))


@given(st.lists(st.integers(-5, 60), unique=True), st.integers(1, 40), st.integers(1, 4))
def test_every_frame_is_in_one_shot_whatever_the_cuts(places, count, step):
    numbers = tuple(range(0, count * step, step))
    parts = Parts.of(numbers, tuple(Cut(place) for place in places))
    assert [frame for shot in parts.shots for frame in shot] == list(numbers)
    assert all(parts.shots)
    for frame in numbers:
        assert len(parts.at(frame)) == 1
