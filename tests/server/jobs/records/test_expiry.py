import pytest

from impasto.server.jobs.planning.plan import Plan
from impasto.server.jobs.records.expiry import DAY, EVERY, Expiry
from impasto.server.jobs.records.store import JobStore
from impasto.v1.job_pb2 import JOB_STATE_QUEUED, JOB_STATE_SUCCEEDED, JobSpec

PLAN = Plan("d" * 64, (1,), (1,), ("",))


@pytest.fixture
def world(tmp_path):
    store = JobStore(tmp_path / "state")
    jobs = [store.create(JobSpec(), PLAN, JOB_STATE_QUEUED) for _ in range(2)]
    store.enter(jobs[0], JOB_STATE_SUCCEEDED)
    clock = {"wall": store.job(jobs[0]).end_time.seconds, "steady": 0.0}
    removed = []
    expiry = Expiry(store, 3, removed.append, lambda: clock["wall"], lambda: clock["steady"])

    def pass_time(wall, steady=None):
        clock["wall"] += wall
        clock["steady"] += wall if steady is None else steady
        return expiry.look()

    yield store, jobs, pass_time, removed
    store.close()


def test_an_ended_job_goes_after_its_days_and_one_that_has_not_ended_stays(world):
    store, jobs, pass_time, removed = world
    assert pass_time(2.9 * DAY) == 0
    assert pass_time(0.2 * DAY) == 0
    assert pass_time(EVERY) == 1
    assert removed == [jobs[0]]
    assert [job.name for job in store.page(9, None)[0]] == [f"jobs/{jobs[1]}"]
    assert store.events(jobs[0], 0) == []
    pass_time(100 * DAY)
    pass_time(100 * DAY)
    assert len(store.page(9, None)[0]) == 1


def test_a_clock_that_jumps_and_is_set_right_takes_nothing(world):
    store, _, pass_time, removed = world
    pass_time(0.0, 0.0)
    pass_time(4000 * DAY, EVERY)
    pass_time(-4000 * DAY, EVERY)
    pass_time(0.0, EVERY)
    assert removed == []
    assert len(store.page(9, None)[0]) == 2


def test_looks_come_at_most_every_hour(world):
    _, _, pass_time, removed = world
    pass_time(4 * DAY)
    pass_time(4 * DAY, 1.0)
    assert removed == []


def test_zero_days_keep_for_ever(world, tmp_path):
    store, *_ = world
    expiry = Expiry(store, 0, lambda job: None, lambda: 1e12, lambda: 0.0)
    assert expiry.look() == 0
