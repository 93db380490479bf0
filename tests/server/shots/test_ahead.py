import threading

import pytest

from impasto.server.errors import Cancelled
from impasto.server.shots.ahead import Ahead


class Measured:
    """Motion that tells on which thread it was measured."""

    digest = "measured"
    measured = True

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.threads: set[str] = set()

    def frame(self, frame):
        if frame == 99:
            raise Cancelled("stop")
        self.asked.append(frame)
        self.threads.add(threading.current_thread().name)
        return frame

    def neighbours(self, frame):
        return frame - 1, frame + 1


def test_frames_to_come_are_measured_meanwhile_in_either_direction():
    motion = Measured()
    with Ahead(motion, tuple(range(1, 9))) as ahead:
        assert [ahead.frame(n) for n in (1, 2)] == [1, 2]
    assert motion.asked == [1, 2, 3, 4]
    motion = Measured()
    with Ahead(motion, tuple(range(1, 9))) as ahead:
        assert [ahead.frame(n) for n in (8, 7)] == [8, 7]
    assert motion.asked == [8, 7, 6, 5]


def test_frames_out_of_order_are_measured_when_they_are_asked_for():
    motion = Measured()
    with Ahead(motion, tuple(range(1, 9))) as ahead:
        assert [ahead.frame(n) for n in (5, 5, 5)] == [5, 5, 5]
    assert motion.asked == [5, 5, 5]


def test_a_frame_asked_for_twice_does_not_hold_up_those_to_come():
    motion = Measured()
    with Ahead(motion, tuple(range(1, 9))) as ahead:
        assert [ahead.frame(n) for n in (1, 2, 2, 3)] == [1, 2, 2, 3]
    assert motion.asked[:4] == [1, 2, 3, 4]


def test_what_stops_the_measuring_stops_whoever_waits_for_it():
    with Ahead(Measured(), (1, 99)) as ahead, pytest.raises(Cancelled):
        ahead.frame(99)


def test_all_is_measured_on_one_thread_of_its_own():
    motion = Measured()
    with Ahead(motion, (1, 2, 3)) as ahead:
        ahead.frame(1)
        ahead.frame(2)
    assert len(motion.threads) == 1
    assert threading.current_thread().name not in motion.threads
