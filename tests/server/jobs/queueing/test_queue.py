import threading
import time
from types import SimpleNamespace

import pytest
from world import copying, motion_job, ref_of, until

from impasto.server.errors import BadRequest, Cancelled, NoRoom, NotFound
from impasto.v1.job_pb2 import (
    JOB_PRIORITY_HIGH,
    JOB_PRIORITY_INTERACTIVE,
    JOB_PRIORITY_LOW,
    JOB_PRIORITY_NORMAL,
    JOB_STATE_CANCELLED,
    JOB_STATE_FAILED,
    JOB_STATE_QUEUED,
    JOB_STATE_RUNNING,
    JOB_STATE_SUCCEEDED,
    JOB_STATE_WAITING,
    JobEvent,
)


class Held:
    """A runner that waits to be let go, looking whether it is to stop."""

    def __init__(self):
        self.begun, self.go = threading.Event(), threading.Event()
        self.order = []

    def __call__(self, task):
        self.order.append(task.spec.output.pattern)
        self.begun.set()
        while not self.go.wait(0.01):
            if task.cancelled():
                raise Cancelled("The job was cancelled; finished frames are kept.")
        copying(task)


def states(room, job):
    return [event.state.state for event in room.store.events(job, 0) if event.HasField("state")]


def ended(room, job):
    until(lambda: room.store.get(job).state in (JOB_STATE_SUCCEEDED, JOB_STATE_FAILED, JOB_STATE_CANCELLED))
    return room.store.job(job)


def test_a_job_whose_files_are_in_place_runs_and_writes_in_place(rooms, files, tmp_path):
    room = rooms()
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    shown = ended(room, job)
    assert (shown.state, shown.frames_done, shown.frames_total) == (JOB_STATE_SUCCEEDED, 3, 3)
    assert states(room, job) == [JOB_STATE_QUEUED, JOB_STATE_RUNNING, JOB_STATE_SUCCEEDED]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"made.{n}.exr" for n in (1001, 1002, 1003)]
    assert list(shown.plan.views) == [""]


def test_a_job_waits_for_its_files_and_is_then_planned_with_views(rooms, files, tmp_path):
    room = rooms(roots=())
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    assert room.store.get(job).plan.views == ()
    for number, path in enumerate(files.values()):
        assert len(room.queue.missing(job)) == 3 - number
        ref = ref_of(path)
        room.cache.receive(ref.sha256, ref.size, 0, [path.read_bytes()])
        room.queue.came(ref.sha256, ref.size, whole=True)
    shown = ended(room, job)
    assert states(room, job) == [JOB_STATE_WAITING, JOB_STATE_QUEUED, JOB_STATE_RUNNING, JOB_STATE_SUCCEEDED]
    assert list(shown.plan.views) == [""]
    assert not (tmp_path / "out").exists()
    assert {path.parent.name for path in room.store.frames_done(job).values()} == {job}


def test_jobs_run_one_after_another_oldest_first(rooms, files, tmp_path):
    runner = Held()
    room = rooms(runner)
    jobs = [room.queue.create(motion_job(files, tmp_path / str(number))) for number in range(3)]
    runner.begun.wait(5)
    assert [room.store.get(job).state for job in jobs] == [JOB_STATE_RUNNING, JOB_STATE_QUEUED, JOB_STATE_QUEUED]
    assert room.queue.busy
    runner.go.set()
    for job in jobs:
        assert ended(room, job).state == JOB_STATE_SUCCEEDED
    assert runner.order == [str(tmp_path / str(number) / "made.####.exr") for number in range(3)]
    until(lambda: not room.queue.busy)


def test_a_running_job_is_cancelled_at_its_next_step_and_keeps_its_frames(rooms, files, tmp_path):
    second = threading.Event()

    def runner(task):
        copying(SimpleNamespace(**{**vars(task), "plan": SimpleNamespace(frames=task.plan.frames[:1])}))
        second.set()
        while not task.cancelled():
            second.wait(0.01)
        raise Cancelled("The job was cancelled; finished frames are kept.")

    room = rooms(runner)
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    assert second.wait(5)
    room.queue.cancel(job)
    shown = ended(room, job)
    assert (shown.state, shown.frames_done) == (JOB_STATE_CANCELLED, 1)
    assert (tmp_path / "out" / "made.1001.exr").exists()
    room.queue.cancel(job)


def test_jobs_that_do_not_run_are_cancelled_at_once(rooms, files, tmp_path):
    runner = Held()
    room = rooms(runner)
    first, second = (room.queue.create(motion_job(files, tmp_path / str(number))) for number in range(2))
    runner.begun.wait(5)
    room.queue.cancel(second)
    assert room.store.get(second).state == JOB_STATE_CANCELLED
    runner.go.set()
    ended(room, first)
    assert len(runner.order) == 1
    with pytest.raises(NotFound):
        room.queue.cancel("none")


def test_a_waiting_job_can_be_cancelled(rooms, files, tmp_path):
    room = rooms(roots=())
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    room.queue.cancel(job)
    assert states(room, job) == [JOB_STATE_WAITING, JOB_STATE_CANCELLED]
    assert room.queue.missing(job) == []


def test_a_stopped_server_leaves_its_job_to_the_next_life(rooms, files, tmp_path):
    runner = Held()
    room = rooms(runner)
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    runner.begun.wait(5)
    assert room.queue.stop(5)
    assert room.store.get(job).state == JOB_STATE_QUEUED
    room.store.close()
    again = rooms()
    assert ended(again, job).state == JOB_STATE_SUCCEEDED
    assert states(again, job) == [
        JOB_STATE_QUEUED,
        JOB_STATE_RUNNING,
        JOB_STATE_QUEUED,
        JOB_STATE_RUNNING,
        JOB_STATE_SUCCEEDED,
    ]


def test_frames_done_are_not_done_again_unless_their_files_are_gone(rooms, files, tmp_path):
    seen = []

    def runner(task):
        seen.append(task.done)
        if len(seen) == 1:
            copying(SimpleNamespace(**{**vars(task), "plan": SimpleNamespace(frames=task.plan.frames[:2])}))
            while not task.cancelled():
                threading.Event().wait(0.01)
            raise Cancelled("Stopped.")
        copying(task)

    room = rooms(runner)
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    until(lambda: len(room.store.frames_done(job)) == 2)
    room.queue.stop(5)
    room.store.close()
    (tmp_path / "out" / "made.1001.exr").unlink()
    again = rooms(runner)
    shown = ended(again, job)
    assert seen == [frozenset(), {(1002, "")}]
    assert (shown.state, shown.frames_done) == (JOB_STATE_SUCCEEDED, 3)


def test_a_cancel_asked_for_before_a_kill_is_kept(rooms, files, tmp_path):
    runner = Held()
    room = rooms(runner)
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    runner.begun.wait(5)
    room.store.ask_cancel(job)
    room.queue.stop(5)
    room.store.close()
    assert ended(rooms(), job).state == JOB_STATE_CANCELLED


def test_a_changed_server_makes_all_frames_anew_and_says_so(rooms, files, tmp_path, monkeypatch):
    runner = Held()
    room = rooms(runner)
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    runner.begun.wait(5)
    before = room.store.get(job).plan.digest
    room.queue.stop(5)
    room.store.close()
    monkeypatch.setattr("impasto.server.shots.version.ENGINE_VERSION", 999)
    again = rooms()
    assert ended(again, job).plan.digest != before
    assert any("anew" in sentence for sentence in again.store.warnings(job))


def _raise(error):
    def runner(task):
        raise error

    return runner


@pytest.mark.parametrize(
    ("runner", "reason", "words"),
    [
        (_raise(NoRoom("The disk is full; free some space.", reason="DISK_FULL")), "DISK_FULL", "disk"),
        (_raise(ZeroDivisionError("secret detail")), "INTERNAL", "log"),
        (lambda task: None, "INTERNAL", "log"),
    ],
)
def test_what_ends_a_job_is_told_in_a_sentence_and_the_next_job_runs(rooms, files, tmp_path, runner, reason, words):
    calls = []

    def once(task):
        calls.append(task)
        (runner if len(calls) == 1 else copying)(task)

    room = rooms(once)
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    shown = ended(room, job)
    assert (shown.state, shown.error.reason) == (JOB_STATE_FAILED, reason)
    assert words in shown.error.message
    assert "secret" not in shown.error.message
    assert ended(room, room.queue.create(motion_job(files, tmp_path / "out2"))).state == JOB_STATE_SUCCEEDED


def test_a_file_changed_under_a_job_fails_its_frame_only(rooms, files, tmp_path):
    runner = Held()
    room = rooms(runner)
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    runner.begun.wait(5)
    files[1002].write_bytes(b"another")
    runner.go.set()
    shown = ended(room, job)
    assert (shown.state, shown.frames_done, shown.frames_failed) == (JOB_STATE_SUCCEEDED, 2, 1)
    (failed,) = (event.frame_failed for event in room.store.events(job, 0) if event.HasField("frame_failed"))
    assert (failed.frame, failed.error.reason) == (1002, "FILE_CHANGED")


def test_a_wrong_job_found_out_when_its_files_arrive_fails_with_the_sentence(rooms, files, tmp_path):
    room = rooms(roots=())
    spec = motion_job(files, tmp_path / "out")
    spec.plate.views.append("left")
    job = room.queue.create(spec)
    for path in files.values():
        ref = ref_of(path)
        room.cache.receive(ref.sha256, ref.size, 0, [path.read_bytes()])
        room.queue.came(ref.sha256, ref.size, whole=True)
    shown = ended(room, job)
    assert (shown.state, shown.error.reason) == (JOB_STATE_FAILED, "VIEW_UNKNOWN")


def test_memory_run_out_has_the_whole_shot_planned_for_half_of_it_and_all_frames_made_anew(rooms, files, tmp_path):
    plans, done = [], []

    def runner(task):
        plans.append(task.plan)
        done.append(task.done)
        if len(plans) < 3:
            copying(SimpleNamespace(**{**vars(task), "plan": SimpleNamespace(frames=task.plan.frames[:1])}))
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
        copying(task)

    room = rooms(runner, memory=4 << 30)
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    shown = ended(room, job)
    assert (shown.state, shown.frames_done) == (JOB_STATE_SUCCEEDED, 3)
    assert [plan.memory >> 30 for plan in plans] == [4, 2, 1]
    assert len({plan.digest for plan in plans}) == 3
    assert done == [frozenset()] * 3
    told = [event.replanned for event in room.store.events(job, 0) if event.HasField("replanned")]
    assert [(one.memory_before >> 30, one.memory_bytes >> 30) for one in told] == [(4, 2), (2, 1)]
    assert "CUDA out of memory" in told[0].message
    assert shown.plan.digest == plans[-1].digest


def test_memory_that_never_suffices_fails_the_job_with_the_numbers(rooms, files, tmp_path):
    room = rooms(_raise(MemoryError()), memory=4 << 30)
    shown = ended(room, room.queue.create(motion_job(files, tmp_path / "out")))
    assert (shown.state, shown.error.reason) == (JOB_STATE_FAILED, "MEMORY_FULL")
    assert "planned for 4, 2, 1, 0.5 GiB on cpu" in shown.error.message


class Slowly:
    """A runner that takes frames one after another, looking at every one whether to stop or to give way."""

    def __init__(self):
        self.begun, self.order, self.go = threading.Event(), [], threading.Event()

    def __call__(self, task):
        name = task.spec.output.pattern.rpartition("/")[0].rpartition("/")[2]
        for frame in task.plan.frames:
            self.order.append(f"{name} {frame}")
            self.begun.set()
            if name == "long":
                self.go.wait(5)
            if task.cancelled():
                raise Cancelled("Stopped.")
            copying(SimpleNamespace(**{**vars(task), "plan": SimpleNamespace(frames=(frame,))}))


def test_an_interactive_job_passes_a_long_one_between_its_frames_and_both_end_well(rooms, files, tmp_path):
    runner = Slowly()
    room = rooms(runner)
    long = room.queue.create(motion_job(files, tmp_path / "long"))
    runner.begun.wait(5)
    other = room.queue.create(motion_job(files, tmp_path / "other"))
    spec = motion_job(files, tmp_path / "short", "1002")
    short = room.queue.create(spec, priority=JOB_PRIORITY_INTERACTIVE)
    assert (room.queue.ahead(short), room.queue.ahead(other)) == (0, 1)
    runner.go.set()
    for job in (long, other, short):
        assert ended(room, job).state == JOB_STATE_SUCCEEDED
    assert runner.order[:3] == ["long 1001", "short 1002", "long 1002"]
    assert runner.order[-1] == "other 1003"
    assert room.store.job(short).priority == JOB_PRIORITY_INTERACTIVE


def test_a_job_that_gives_way_can_be_cancelled_meanwhile(rooms, files, tmp_path):
    runner = Slowly()
    waits = threading.Event()

    def run(task):
        if "short" in task.spec.output.pattern:
            waits.wait(5)
        runner(task)

    room = rooms(run)
    long = room.queue.create(motion_job(files, tmp_path / "long"))
    runner.begun.wait(5)
    short = room.queue.create(motion_job(files, tmp_path / "short", "1002"), priority=JOB_PRIORITY_INTERACTIVE)
    runner.go.set()
    until(lambda: room.store.get(short).state == JOB_STATE_RUNNING)
    room.queue.cancel(long)
    assert ended(room, long).state == JOB_STATE_CANCELLED
    assert room.store.get(short).state == JOB_STATE_RUNNING
    waits.set()
    assert ended(room, short).state == JOB_STATE_SUCCEEDED


def test_an_interactive_job_of_many_frames_is_refused(rooms, files, tmp_path):
    room = rooms(interactive_frames=2)
    with pytest.raises(BadRequest) as caught:
        room.queue.create(motion_job(files, tmp_path / "out"), priority=JOB_PRIORITY_INTERACTIVE)
    assert caught.value.reason == "PRIORITY_INVALID"


def test_jobs_of_a_higher_class_go_first(rooms, files, tmp_path):
    runner = Held()
    room = rooms(runner)
    classes = {"a": JOB_PRIORITY_NORMAL, "b": JOB_PRIORITY_LOW, "c": JOB_PRIORITY_NORMAL, "d": JOB_PRIORITY_HIGH}
    jobs = []
    for name, priority in classes.items():
        jobs.append(room.queue.create(motion_job(files, tmp_path / name), priority=priority))
        runner.begun.wait(5)
    assert [room.queue.ahead(job) for job in jobs] == [0, 2, 1, 0]
    runner.go.set()
    for job in jobs:
        ended(room, job)
    assert [pattern.split("/")[-2] for pattern in runner.order] == ["a", "d", "c", "b"]


def test_a_user_with_too_many_jobs_is_told_so_and_others_are_not(rooms, files, tmp_path):
    runner = Held()
    room = rooms(runner, max_jobs=2)
    for number in range(2):
        room.queue.create(motion_job(files, tmp_path / str(number)), user="ann")
    with pytest.raises(NoRoom) as caught:
        room.queue.create(motion_job(files, tmp_path / "more"), user="ann")
    assert caught.value.reason == "QUEUE_FULL"
    room.queue.create(motion_job(files, tmp_path / "more"), user="ben")
    runner.go.set()


def test_a_frame_over_which_one_server_after_the_other_dies_fails_alone(rooms, files, tmp_path):
    room = rooms()
    room.queue.stop(5)
    spec = motion_job(files, tmp_path / "out")
    plan, _ = room.queue.plan(spec)
    job = room.store.create(spec, plan, JOB_STATE_QUEUED)
    for _ in range(5):
        room.store.enter(job, JOB_STATE_RUNNING)
        room.store.tell(job, JobEvent(progress={"stage": "painting", "frame": 1002}))
        room.store.close()
        room = rooms(roots=(tmp_path,), runner=Held())
        until(lambda room=room: room.store.get(job).state == JOB_STATE_RUNNING)
        room.queue.stop(5)
    room.store.close()
    shown = ended(rooms(), job)
    assert (shown.state, shown.frames_done, shown.frames_failed) == (JOB_STATE_SUCCEEDED, 2, 1)


def test_a_job_is_tried_again_when_its_state_could_not_be_kept(rooms, files, tmp_path, monkeypatch):
    monkeypatch.setattr("impasto.server.jobs.queueing.queue.PAUSE", 0.05)
    runner = Held()
    room = rooms(runner)
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    runner.begun.wait(5)
    enter, full = room.store.enter, [True, True]

    def failing(*args, **values):
        if full:
            full.pop()
            raise NoRoom("The disk is full.", reason="DISK_FULL")
        return enter(*args, **values)

    monkeypatch.setattr(room.store, "enter", failing)
    runner.go.set()
    assert ended(room, job).state == JOB_STATE_SUCCEEDED


def test_a_job_whose_files_never_come_is_given_up(rooms, files, tmp_path, monkeypatch):
    room = rooms(roots=(), upload_hours=1)
    job = room.queue.create(motion_job(files, tmp_path / "out"))
    room.queue.give_up_waiting()
    assert room.store.get(job).state == JOB_STATE_WAITING
    later = time.monotonic() + 3601
    monkeypatch.setattr(room.queue._arrivals, "_clock", lambda: later)
    room.queue.give_up_waiting()
    shown = room.store.job(job)
    assert (shown.state, shown.error.reason) == (JOB_STATE_FAILED, "UPLOAD_ABANDONED")
    assert room.queue.missing(job) == []
