import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from world import Caller, motion_job, serving

from impasto.v1.job_pb2 import CreateJobRequest, ListJobsRequest, WatchJobRequest
from impasto.v1.plate_pb2 import UploadRequest


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("w") / "server", token="letmein") as (running, caller):
        yield running, caller


def calls(caller, metadata):
    yield lambda: caller.jobs.ListJobs(ListJobsRequest(), timeout=10, metadata=metadata)
    yield lambda: list(caller.jobs.WatchJob(WatchJobRequest(name="jobs/x"), timeout=10, metadata=metadata))
    yield lambda: caller.plates.Upload(iter([UploadRequest()]), timeout=10, metadata=metadata)


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Bearer letmei"),),
        (("authorization", "Bearer letmein2"),),
        (("authorization", "Basic letmein"),),
        (("authorization", "letmein"),),
    ],
)
def test_without_the_token_no_call_is_answered(locked, metadata):
    for call in calls(locked[1], metadata):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "token" in caught.value.details()


def test_with_the_token_calls_are_answered(locked):
    running, caller = locked
    assert running.token == "letmein"
    assert list(caller.jobs.ListJobs(ListJobsRequest(), timeout=10, metadata=caller.metadata).jobs) == []


def test_health_needs_no_token_and_reflection_does(locked):
    _, caller = locked
    health = health_pb2_grpc.HealthStub(caller.channel)
    request = health_pb2.HealthCheckRequest(service="impasto.v1.JobService")
    assert health.Check(request, timeout=10).status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(caller.channel)
    asked = [reflection_pb2.ServerReflectionRequest(list_services="")]
    with pytest.raises(grpc.RpcError):
        list(reflection.ServerReflectionInfo(iter(asked), timeout=10))
    (answer,) = reflection.ServerReflectionInfo(iter(asked), timeout=10, metadata=caller.metadata)
    assert "impasto.v1.JobService" in {service.name for service in answer.list_services_response.service}


def test_a_server_of_its_own_on_loopback_makes_up_a_token(tmp_path):
    with serving(tmp_path / "a", listen="127.0.0.1:0", temporary=True) as (running, _):
        assert len(running.token) > 30
        stranger = Caller(running.address)
        with pytest.raises(grpc.RpcError) as caught:
            stranger.jobs.ListJobs(ListJobsRequest(), timeout=10)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        stranger.channel.close()


def test_the_user_who_asks_is_shown(locked, files, tmp_path):
    _, caller = locked
    metadata = (*caller.metadata, ("impasto-user", "ann" + "x" * 99))
    job = caller.jobs.CreateJob(CreateJobRequest(spec=motion_job(files, tmp_path)), timeout=30, metadata=metadata).job
    assert job.user == "ann" + "x" * 61
