import grpc
import pytest
from world import motion_job

from impasto.v1.job_pb2 import (
    JOB_STATE_CANCELLED,
    JOB_STATE_WAITING,
    CancelJobRequest,
    CreateJobRequest,
    GetJobRequest,
    ListJobsRequest,
)


def create(world, files, out, **more):
    return world.jobs.CreateJob(CreateJobRequest(spec=motion_job(files, out), **more), timeout=30).job


def refused(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code()


def test_a_job_asked_for_is_shown_whole(world, files, tmp_path):
    job = create(world, files, tmp_path / "out")
    assert job.name.startswith("jobs/")
    assert job.state == JOB_STATE_WAITING
    assert job.spec == motion_job(files, tmp_path / "out")
    assert len(job.plan.digest) == 64
    assert len(job.plan.missing) == 3
    assert job.frames_total == 3
    assert job.create_time.seconds > 0
    assert world.jobs.GetJob(GetJobRequest(name=job.name), timeout=10).job == job


def test_only_checking_gives_a_plan_and_no_job(world, files, tmp_path):
    job = create(world, files, tmp_path / "out", validate_only=True)
    assert job.name == ""
    assert job.plan.shot == "1001-1003"
    assert len(job.plan.missing) == 3


def test_the_same_request_gives_the_same_job(world, files, tmp_path):
    one, two = (create(world, files, tmp_path / "out", request_id="same") for _ in range(2))
    assert one.name == two.name
    assert refused(lambda: create(world, files, tmp_path / "other", request_id="same")) is (
        grpc.StatusCode.INVALID_ARGUMENT
    )
    assert refused(lambda: create(world, files, tmp_path / "out", request_id="x" * 129)) is (
        grpc.StatusCode.INVALID_ARGUMENT
    )


def test_jobs_are_listed_a_page_at_a_time(world, files, tmp_path):
    names = [create(world, files, tmp_path / str(number)).name for number in range(3)]
    page = world.jobs.ListJobs(ListJobsRequest(page_size=2), timeout=10)
    assert [job.name for job in page.jobs] == [names[2], names[1]]
    assert not page.jobs[0].HasField("spec")
    following = world.jobs.ListJobs(ListJobsRequest(page_size=2, page_token=page.next_page_token), timeout=10)
    assert following.jobs[0].name == names[0]
    cancelled = world.jobs.CancelJob(CancelJobRequest(name=names[1]), timeout=10).job
    assert cancelled.state == JOB_STATE_CANCELLED
    shown = world.jobs.ListJobs(ListJobsRequest(states=[JOB_STATE_CANCELLED]), timeout=10)
    assert [job.name for job in shown.jobs] == [names[1]]


def test_wrong_questions_are_refused(world):
    bad = grpc.StatusCode.INVALID_ARGUMENT
    assert refused(lambda: world.jobs.ListJobs(ListJobsRequest(page_size=-1), timeout=10)) is bad
    assert refused(lambda: world.jobs.ListJobs(ListJobsRequest(page_token="?"), timeout=10)) is bad
    assert refused(lambda: world.watch("jobs/x", after=-1)) is bad
    for name in ("", "jobs/", "plates/x", "jobs/none"):
        assert refused(lambda name=name: world.watch(name)) is grpc.StatusCode.NOT_FOUND
        request = CancelJobRequest(name=name)
        assert refused(lambda request=request: world.jobs.CancelJob(request, timeout=10)) is grpc.StatusCode.NOT_FOUND
