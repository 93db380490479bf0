import threading

import grpc
import pytest
from world import copying, motion_job, serving, write_plates

from impasto.server.errors import Cancelled
from impasto.v1.job_pb2 import (
    JOB_STATE_CANCELLED,
    JOB_STATE_SUCCEEDED,
    CancelJobRequest,
    CreateJobRequest,
    WatchJobRequest,
)


def test_whoever_watches_from_any_number_sees_each_later_event_once(tmp_path):
    files = write_plates(tmp_path / "plates", range(1001, 1021))
    with serving(tmp_path / "s", roots=(tmp_path,)) as (_, caller):
        name = caller.jobs.CreateJob(CreateJobRequest(spec=motion_job(files, tmp_path / "out")), timeout=30).job.name
        seen: dict[int, list[int]] = {}

        def watch(after):
            seen[after] = [event.number for event in caller.watch(name, after)]

        threads = [threading.Thread(target=watch, args=(after,)) for after in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        events = caller.watch(name)
        last = events[-1].number
        assert events[-1].state.state == JOB_STATE_SUCCEEDED
        assert seen == {after: list(range(after + 1, last + 1)) for after in range(8)}
        assert caller.watch(name, last) == []
        assert caller.watch(name, last + 9) == []


def test_a_client_that_breaks_off_and_asks_again_misses_nothing(tmp_path):
    files = write_plates(tmp_path / "plates", range(1001, 1011))
    with serving(tmp_path / "s", roots=(tmp_path,)) as (_, caller):
        name = caller.jobs.CreateJob(CreateJobRequest(spec=motion_job(files, tmp_path / "out")), timeout=30).job.name
        numbers: list[int] = []
        while True:
            stream = caller.jobs.WatchJob(WatchJobRequest(name=name, after=numbers[-1] if numbers else 0), timeout=30)
            event = next(stream).event
            numbers.append(event.number)
            stream.cancel()
            if event.state.state == JOB_STATE_SUCCEEDED:
                break
        assert numbers == list(range(1, numbers[-1] + 1))


def test_a_cancelled_job_tells_so_and_frees_the_device(tmp_path):
    files = write_plates(tmp_path / "plates")
    begun = threading.Event()

    def runner(task):
        if "endless" not in task.spec.output.pattern:
            return copying(task)
        begun.set()
        while not task.cancelled():
            threading.Event().wait(0.01)
        raise Cancelled("The job was cancelled; finished frames are kept.")

    with serving(tmp_path / "s", runner, roots=(tmp_path,)) as (_, caller):
        create = caller.jobs.CreateJob
        endless = create(CreateJobRequest(spec=motion_job(files, tmp_path / "endless")), timeout=30).job.name
        next_one = create(CreateJobRequest(spec=motion_job(files, tmp_path / "next")), timeout=30).job.name
        assert begun.wait(10)
        caller.jobs.CancelJob(CancelJobRequest(name=endless), timeout=10)
        assert caller.watch(endless)[-1].state.state == JOB_STATE_CANCELLED
        assert caller.watch(next_one)[-1].state.state == JOB_STATE_SUCCEEDED


def test_a_watcher_is_told_when_the_server_goes_down(tmp_path):
    files = write_plates(tmp_path / "plates")
    with serving(tmp_path / "s") as (running, caller):
        name = caller.jobs.CreateJob(CreateJobRequest(spec=motion_job(files, tmp_path / "out")), timeout=30).job.name
        stream = caller.jobs.WatchJob(WatchJobRequest(name=name), timeout=30)
        next(stream)
        stopping = threading.Thread(target=running.stop, args=(1,))
        stopping.start()
        with pytest.raises(grpc.RpcError) as caught:
            list(stream)
        stopping.join()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
