import os
import threading

import pytest

from impasto.server.jobs.queueing import cores


@pytest.fixture
def allowed():
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("this machine binds no threads to cores, or has one core only")
    return os.sched_getaffinity(0)


def test_work_and_the_threads_it_begins_use_so_many_cores_and_nobody_else_is_bound(allowed):
    seen = []

    def look():
        seen.append(os.sched_getaffinity(0))

    def work():
        look()
        other = threading.Thread(target=look)
        other.start()
        other.join()

    cores.run_on(1, work)
    assert len(seen[0]) == 1
    assert seen[0] <= allowed
    assert seen[1] == seen[0]
    assert os.sched_getaffinity(0) == allowed
    cores.run_on(1, look)
    assert seen[2] != seen[0]  # the next begins at another core


def test_as_many_cores_as_there_are_change_nothing(allowed):
    where = []
    cores.run_on(len(allowed), lambda: where.append(threading.current_thread()))
    assert where == [threading.current_thread()]


def test_what_the_work_raises_is_raised(allowed):
    with pytest.raises(ZeroDivisionError):
        cores.run_on(1, lambda: 1 / 0)
