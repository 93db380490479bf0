import os
import signal

import grpc
import pytest
from living import living
from world import motion_job, serving, until, write_plates

from impasto.v1.job_pb2 import (
    JOB_STATE_QUEUED,
    JOB_STATE_RUNNING,
    JOB_STATE_SUCCEEDED,
    CreateJobRequest,
    GetJobRequest,
    WatchJobRequest,
)


def test_a_job_killed_with_its_server_goes_on_where_it_was(tmp_path):
    files = write_plates(tmp_path / "plates", range(1001, 1009))
    spec = motion_job(files, tmp_path / "out")
    with living(tmp_path / "server", tmp_path, 0.2) as (process, caller):
        job = caller.jobs.CreateJob(CreateJobRequest(spec=spec, request_id="r"), timeout=60).job
        known = []
        stream = caller.jobs.WatchJob(WatchJobRequest(name=job.name), timeout=60)
        while sum(event.HasField("frame_done") for event in known) < 3:
            known.append(next(stream).event)
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(grpc.RpcError) as caught:
            known += [answer.event for answer in stream]
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    written = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert 3 <= len(written) < 8

    with serving(tmp_path / "server", roots=(tmp_path,)) as (_, caller):
        rest = caller.watch(job.name, after=known[-1].number)
        again = caller.jobs.CreateJob(CreateJobRequest(spec=spec, request_id="r"), timeout=30).job
        assert again.name == job.name
        assert (again.state, again.frames_done) == (JOB_STATE_SUCCEEDED, 8)
        events = caller.watch(job.name)
    assert [event.number for event in known + rest] == list(range(1, len(known + rest) + 1))
    assert events == known + rest
    done = [event.frame_done.frame for event in events if event.HasField("frame_done")]
    assert done == list(range(1001, 1009))
    states = [event.state.state for event in events if event.HasField("state")]
    assert states == [
        JOB_STATE_QUEUED,
        JOB_STATE_RUNNING,
        JOB_STATE_QUEUED,
        JOB_STATE_RUNNING,
        JOB_STATE_SUCCEEDED,
    ]
    for frame in done[:3]:
        name = f"made.{frame}.exr"
        assert (tmp_path / "out" / name).stat().st_mtime_ns == written[name]


def test_a_server_asked_to_end_lets_its_job_come_to_a_step_and_ends_well(tmp_path):
    files = write_plates(tmp_path / "plates", range(1001, 1030))
    with living(tmp_path / "server", tmp_path, 0.05) as (process, caller):
        job = caller.jobs.CreateJob(CreateJobRequest(spec=motion_job(files, tmp_path / "out")), timeout=60).job
        until(lambda: caller.jobs.GetJob(GetJobRequest(name=job.name), timeout=9).job.frames_done > 1)
        process.terminate()
        assert process.wait(20) == 0
        assert not (tmp_path / "server" / "address.json").exists()
    with serving(tmp_path / "server", roots=(tmp_path,)) as (_, caller):
        caller.watch(job.name)
        assert caller.jobs.GetJob(GetJobRequest(name=job.name), timeout=9).job.frames_done == 29


def test_a_server_nobody_needs_ends_by_itself(tmp_path):
    with living(tmp_path / "server", tmp_path, 0, 0.3) as (process, _):
        assert process.wait(20) == 0
