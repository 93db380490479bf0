from world import motion_job, ref_of, serving, write_plates

from impasto.v1.job_pb2 import JOB_STATE_SUCCEEDED, JOB_STATE_WAITING, CreateJobRequest
from impasto.v1.plate_pb2 import DownloadRequest


def test_a_job_made_before_its_files_runs_when_the_last_has_arrived_and_its_frames_are_fetched(tmp_path):
    files = write_plates(tmp_path / "plates")
    with serving(tmp_path / "s") as (_, caller):
        job = caller.jobs.CreateJob(CreateJobRequest(spec=motion_job(files, tmp_path / "out")), timeout=30).job
        assert job.state == JOB_STATE_WAITING
        assert list(job.plan.missing) == [ref_of(path).sha256 for path in files.values()]
        for path in files.values():
            caller.upload(path)
        events = caller.watch(job.name)
        assert events[-1].state.state == JOB_STATE_SUCCEEDED
        for event in events:
            if event.HasField("frame_done"):
                file = event.frame_done.file
                assert file.path == ""
                answers = caller.plates.Download(DownloadRequest(sha256=file.sha256), timeout=30)
                content = b"".join(answer.chunk for answer in answers)
                assert content == files[event.frame_done.frame].read_bytes() + b"painted"
                assert len(content) == file.size
    assert not (tmp_path / "out").exists()


def test_an_upload_goes_on_after_the_server_was_restarted(tmp_path):
    files = write_plates(tmp_path / "plates", range(1, 2))
    with serving(tmp_path / "s") as (_, caller):
        name = caller.jobs.CreateJob(CreateJobRequest(spec=motion_job(files, tmp_path / "out")), timeout=30).job.name
        assert caller.upload(files[1], size=100) == 100
    with serving(tmp_path / "s") as (_, caller):
        assert caller.upload(files[1], offset=100) == files[1].stat().st_size
        assert caller.watch(name)[-1].state.state == JOB_STATE_SUCCEEDED


def test_a_job_of_the_same_files_sends_nothing_again(tmp_path):
    files = write_plates(tmp_path / "plates")
    with serving(tmp_path / "s") as (_, caller):
        first = caller.jobs.CreateJob(CreateJobRequest(spec=motion_job(files, tmp_path / "out")), timeout=30).job
        for path in files.values():
            caller.upload(path)
        caller.watch(first.name)
        spec = motion_job(files, tmp_path / "out")
        spec.output.passes.append("motion")
        second = caller.jobs.CreateJob(CreateJobRequest(spec=spec), timeout=30).job
        assert list(second.plan.missing) == []
        assert caller.watch(second.name)[-1].state.state == JOB_STATE_SUCCEEDED
