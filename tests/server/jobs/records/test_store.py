import sqlite3
import threading

import pytest

from impasto.server.errors import BadRequest, NoRoom, NotFound, NotReady
from impasto.server.jobs.planning.plan import Plan
from impasto.server.jobs.records.store import JobStore
from impasto.v1.job_pb2 import (
    JOB_STATE_FAILED,
    JOB_STATE_QUEUED,
    JOB_STATE_RUNNING,
    JOB_STATE_SUCCEEDED,
    JOB_STATE_WAITING,
    JobEvent,
    JobSpec,
)

PLAN = Plan("d" * 64, (1, 2, 3), (1, 3), ("",), choices={"device": "cpu"}, warnings=("look",))


@pytest.fixture
def store(tmp_path):
    store = JobStore(tmp_path / "state")
    yield store
    store.close()


def spec(name="plate.####.exr"):
    made = JobSpec()
    made.plate.pattern = name
    return made


def done(frame, sha256="", view=""):
    event = JobEvent()
    event.frame_done.frame, event.frame_done.view, event.frame_done.file.sha256 = frame, view, sha256
    return event


def failed(frame):
    event = JobEvent()
    event.frame_failed.frame = frame
    return event


def test_a_job_and_its_events_survive_the_end_of_the_server(tmp_path):
    store = JobStore(tmp_path)
    job = store.create(spec(), PLAN, JOB_STATE_QUEUED, "r", "ann")
    store.enter(job, JOB_STATE_RUNNING)
    store.tell(job, done(1), tmp_path / "1.exr")
    before = store.job(job), store.events(job, 0)
    store.close()
    again = JobStore(tmp_path)
    assert (again.job(job), again.events(job, 0)) == before
    assert again.get(job).plan == PLAN
    assert again.frames_done(job) == {(1, ""): tmp_path / "1.exr"}
    assert [kept.id for kept in again.unfinished()] == [job]
    again.close()


def test_events_are_numbered_without_gaps_however_many_tell_at_once(store):
    job = store.create(spec(), PLAN, JOB_STATE_QUEUED)
    threads = [threading.Thread(target=lambda: [store.tell(job, failed(n)) for n in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.number for event in store.events(job, 0)] == list(range(1, 82))
    assert [event.number for event in store.events(job, 80)] == [81]


def test_the_same_request_gives_the_same_job(store):
    job = store.create(spec(), PLAN, JOB_STATE_QUEUED, "r1")
    assert store.create(spec(), PLAN, JOB_STATE_QUEUED, "r1") == job
    assert store.create(spec(), PLAN, JOB_STATE_QUEUED, "r2") != job
    assert store.create(spec(), PLAN, JOB_STATE_QUEUED) != store.create(spec(), PLAN, JOB_STATE_QUEUED)


def test_a_request_id_cannot_mean_two_jobs(store):
    store.create(spec(), PLAN, JOB_STATE_QUEUED, "r1")
    with pytest.raises(BadRequest, match="r1") as caught:
        store.create(spec("other.exr"), PLAN, JOB_STATE_QUEUED, "r1")
    assert caught.value.reason == "REQUEST_ID_REUSED"


def test_a_job_that_has_ended_enters_no_state_again(store):
    job = store.create(spec(), PLAN, JOB_STATE_QUEUED)
    assert store.enter(job, JOB_STATE_FAILED, reason="BROKEN", message="It broke; mend it.")
    assert not store.enter(job, JOB_STATE_SUCCEEDED)
    shown = store.job(job)
    assert (shown.state, shown.error.reason, shown.error.message) == (JOB_STATE_FAILED, "BROKEN", "It broke; mend it.")
    assert store.events(job, 0)[-1].state.error.reason == "BROKEN"
    assert store.unfinished() == []


def test_frames_are_counted_once_however_often_they_were_tried(store):
    job = store.create(spec(), PLAN, JOB_STATE_QUEUED)
    store.tell(job, failed(1))
    store.tell(job, failed(3))
    store.tell(job, done(1))
    shown = store.job(job)
    assert (shown.frames_done, shown.frames_failed, shown.frames_total) == (1, 1, 2)
    assert store.frames_told(job) == {(1, ""), (3, "")}


def test_waiting_ends_with_an_event_the_last_state_or_the_time(store):
    job = store.create(spec(), PLAN, JOB_STATE_WAITING)
    assert [event.number for event in store.wait(job, 0, 5)] == [1]
    assert store.wait(job, 1, 0.01) == []
    later = threading.Timer(0.05, lambda: store.enter(job, JOB_STATE_SUCCEEDED))
    later.start()
    assert [event.state.state for event in store.wait(job, 1, 5)] == [JOB_STATE_SUCCEEDED]
    assert store.wait(job, 2, 5) is None
    assert store.wait(job, 99, 5) is None


def test_whoever_waits_is_told_when_the_server_goes_down(store):
    job = store.create(spec(), PLAN, JOB_STATE_QUEUED)
    threading.Timer(0.05, store.close).start()
    with pytest.raises(NotReady) as caught:
        store.wait(job, 1, 5)
    assert caught.value.reason == "SERVER_STOPPING"
    with pytest.raises(NotReady):
        store.create(spec(), PLAN, JOB_STATE_QUEUED)


def test_an_unknown_job_is_named(store):
    for call in (store.get, store.job, store.ask_cancel, lambda job: store.wait(job, 0, 1)):
        with pytest.raises(NotFound, match="jobs/none"):
            call("none")


def test_pages_show_the_newest_first_and_each_job_once(store):
    jobs = [store.create(spec(), PLAN, JOB_STATE_QUEUED) for _ in range(5)]
    store.enter(jobs[2], JOB_STATE_RUNNING)
    first, following = store.page(2, None, [])
    second, following = store.page(2, following, [])
    third, end = store.page(2, following, [])
    assert [job.name for job in first + second + third] == [f"jobs/{job}" for job in reversed(jobs)]
    assert end is None
    assert not first[0].HasField("spec")
    assert [job.name for job in store.page(9, None, [JOB_STATE_RUNNING])[0]] == [f"jobs/{jobs[2]}"]


def test_two_servers_on_one_state_are_refused(store, tmp_path):
    with pytest.raises(NotReady, match="state") as caught:
        JobStore(tmp_path / "state")
    assert caught.value.reason == "STATE_IN_USE"
    store.close()
    JobStore(tmp_path / "state").close()


def test_a_state_of_a_newer_impasto_is_left_alone(tmp_path):
    JobStore(tmp_path).close()
    with sqlite3.connect(tmp_path / "jobs.sqlite3") as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(NotReady) as caught:
        JobStore(tmp_path)
    assert caught.value.reason == "STATE_TOO_NEW"


def test_a_result_is_found_by_its_content_while_it_is_there(store, tmp_path):
    job = store.create(spec(), PLAN, JOB_STATE_QUEUED)
    file = tmp_path / "1.exr"
    file.write_bytes(b"x")
    store.tell(job, done(1, "a" * 64), file)
    assert store.result("a" * 64) == file
    file.unlink()
    assert store.result("a" * 64) is None


def test_warnings_are_read_back(store):
    job = store.create(spec(), PLAN, JOB_STATE_QUEUED)
    store.tell_warning(job, "Mind the gap.")
    assert store.warnings(job) == {"Mind the gap."}


def test_jobs_are_listed_by_user_and_time(store):
    ann = [store.create(spec(), PLAN, JOB_STATE_QUEUED, user="ann") for _ in range(3)]
    store.create(spec(), PLAN, JOB_STATE_QUEUED, user="ben")
    jobs, following = store.page(2, None, user="ann")
    assert [job.name for job in jobs] == [f"jobs/{ann[2]}", f"jobs/{ann[1]}"]
    jobs, following = store.page(2, following, user="ann")
    assert ([job.name for job in jobs], following) == ([f"jobs/{ann[0]}"], None)
    second = store.job(ann[1]).create_time.ToNanoseconds() / 1e9
    assert len(store.page(9, None, made=(second, None))[0]) == 3
    assert [job.name for job in store.page(9, None, made=(None, second))[0]] == [f"jobs/{ann[0]}"]


def test_a_store_of_the_first_version_is_taken_over(tmp_path):
    store = JobStore(tmp_path)
    job = store.create(spec(), PLAN, JOB_STATE_QUEUED)
    store.close()
    db = sqlite3.connect(tmp_path / "jobs.sqlite3")
    db.execute("ALTER TABLE jobs DROP COLUMN priority")
    db.execute("ALTER TABLE jobs DROP COLUMN deaths")
    db.execute("ALTER TABLE jobs DROP COLUMN presumed")
    db.execute("PRAGMA user_version=1")
    db.commit()
    db.close()
    again = JobStore(tmp_path)
    assert (again.get(job).priority, again.get(job).deaths, again.get(job).presumed) == (0, 0, False)
    again.close()


def test_a_full_disk_under_the_database_is_told_and_loses_nothing(store):
    job = store.create(spec(), PLAN, JOB_STATE_QUEUED)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count={pages}")

    def fill():
        for frame in range(10_000):
            store.tell(job, done(frame))

    with pytest.raises(NoRoom) as caught:
        fill()
    assert caught.value.reason == "DISK_FULL"
    known = store.events(job, 0, 100_000)
    store._db.execute("PRAGMA max_page_count=1000000")
    store.tell(job, done(10_001))
    assert store.events(job, 0, 100_000)[: len(known)] == known
    assert len(store.events(job, 0, 100_000)) == len(known) + 1
