from impasto.server.jobs.queueing.schedule import HALF_LIFE, Entry, Schedule
from impasto.v1.job_pb2 import (
    JOB_PRIORITY_HIGH,
    JOB_PRIORITY_INTERACTIVE,
    JOB_PRIORITY_LOW,
    JOB_PRIORITY_NORMAL,
    JOB_PRIORITY_UNSPECIFIED,
)

CPU = frozenset({"cpu"})


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        self.now += 1e-3
        return self.now


def entry(place, user="", priority=JOB_PRIORITY_NORMAL, devices=CPU):
    return Entry(f"job{place}", devices, place, user, priority)


def taken(schedule, device="cpu", interactive=False):
    found = []
    while (job := schedule.take(device, interactive)) is not None:
        found.append(int(job[3:]))
    return found


def test_the_oldest_goes_first_and_a_higher_class_before_it():
    schedule = Schedule(Clock())
    classes = [JOB_PRIORITY_LOW, JOB_PRIORITY_NORMAL, JOB_PRIORITY_UNSPECIFIED, JOB_PRIORITY_HIGH]
    for place, priority in enumerate(classes):
        schedule.push(entry(place, priority=priority))
    assert taken(schedule) == [3, 1, 2, 0]


def test_users_get_the_same_share_of_the_device_however_many_jobs_they_have():
    clock = Clock()
    schedule = Schedule(clock)
    for place in range(20):
        schedule.push(entry(place, "farm"))
    for place in range(20, 23):
        schedule.push(entry(place, "ann"))
    order = []
    while (job := schedule.take("cpu", False)) is not None:
        user = "ann" if int(job[3:]) >= 20 else "farm"
        order.append(user)
        clock.now += 10 if user == "ann" else 5
        schedule.charge(user, 10 if user == "ann" else 5)
    assert order[:9] == ["farm", "ann", "farm", "farm", "ann", "farm", "farm", "ann", "farm"]


def test_what_was_used_long_ago_counts_little():
    clock = Clock()
    schedule = Schedule(clock)
    schedule.charge("ann", 100)
    clock.now += 10 * HALF_LIFE
    schedule.charge("ben", 1)
    schedule.push(entry(1, "ben"))
    schedule.push(entry(2, "ann"))
    assert taken(schedule) == [2, 1]


def test_a_job_for_any_device_of_a_kind_is_taken_by_the_first_that_is_free():
    schedule = Schedule(Clock())
    both = frozenset({"cuda:0", "cuda:1"})
    schedule.push(entry(0, devices=frozenset({"cuda:0"})))
    schedule.push(entry(1, devices=both))
    schedule.push(entry(2, devices=both))
    assert schedule.ahead("job2") == 2
    assert schedule.take("cuda:1", False) == "job1"
    assert taken(schedule, "cuda:0") == [0, 2]
    assert schedule.take("cpu", False) is None


def test_interactive_jobs_are_asked_for_apart():
    schedule = Schedule(Clock())
    schedule.push(entry(0))
    schedule.push(entry(1, priority=JOB_PRIORITY_INTERACTIVE))
    assert schedule.waits("cpu", interactive=True)
    assert schedule.ahead("job0") == 1
    assert taken(schedule, interactive=True) == [1]
    assert not schedule.waits("cpu", interactive=True)
    schedule.remove("job0")
    schedule.remove("job0")
    assert len(schedule) == 0
    assert schedule.ahead("job0") == 0
