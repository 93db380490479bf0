import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from world import serving

from impasto.client import BadRequestError, Client
from impasto.v1 import revision
from impasto.v1.job_pb2 import ListJobsRequest


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("w") / "server") as (running, caller):
        yield running, caller


def call(caller, said):
    return caller.jobs.ListJobs.with_call(ListJobsRequest(), timeout=10, metadata=((revision.CLIENT, said),))


def test_the_server_tells_its_version_and_clock_with_every_answer(running, tmp_path):
    _, caller = running
    stub = health_pb2_grpc.HealthStub(caller.channel)
    _, answered = stub.Check.with_call(health_pb2.HealthCheckRequest(), timeout=10)
    assert revision.heard(dict(answered.initial_metadata())[revision.SERVER])[1] == revision.REVISION
    with Client.connect(running[0].address, cache=tmp_path) as client:
        assert client.server_version != "unknown"
        assert abs(client.clock_error) < 60


def test_an_older_client_works_with_a_newer_server_down_to_the_oldest(running, monkeypatch):
    monkeypatch.setattr(revision, "OLDEST", 3)
    call(running[1], "0.3.0/3")
    call(running[1], "9.9.9/99")
    running[1].jobs.ListJobs(ListJobsRequest(), timeout=10)
    with pytest.raises(grpc.RpcError, match="update the client"):
        call(running[1], "0.2.0/2")


def test_a_newer_client_says_that_the_server_is_to_be_updated(running, tmp_path, monkeypatch):
    monkeypatch.setattr(revision, "REVISION", revision.REVISION + 1)
    with pytest.raises(BadRequestError, match="update the server") as caught:
        Client.connect(running[0].address, cache=tmp_path)
    assert caught.value.reason == "SERVER_TOO_OLD"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1.2.3/4", ("1.2.3", 4)),
        (b"1.2.3/4", ("1.2.3", 4)),
        ("1.2.3", ("1.2.3", 0)),
        (None, ("unknown", 0)),
        ("/x", ("unknown", 0)),
    ],
)
def test_whatever_the_other_side_says_is_heard(text, found):
    assert revision.heard(text) == found
