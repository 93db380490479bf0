import hmac
import shutil
import subprocess

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from world import Caller, motion_job, serving

from impasto.cli.session import lasting_client
from impasto.client import BadRequestError, Client, ServerUnreachable, Tls
from impasto.server.rpc.auth import Tokens
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


def test_with_the_token_calls_are_answered(tmp_path):
    with serving(tmp_path / "server", token="letmein") as (running, caller):
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


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate authority, and what it signed: server.pem for localhost, ann.pem for a user."""
    folder = tmp_path_factory.mktemp("tls")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here")

    def openssl(words):
        subprocess.run(["openssl", *words.split()], check=True, cwd=folder, capture_output=True)

    new = "-newkey rsa:2048 -nodes"
    openssl(f"req -x509 {new} -days 2 -subj /CN=studio -keyout ca.key -out ca.pem")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    for name, common in (("server", "localhost"), ("ann", "ann")):
        openssl(f"req {new} -subj /CN={common} -keyout {name}.key -out x.csr")
        openssl(f"x509 -req -in x.csr -CA ca.pem -CAkey ca.key -days 2 -extfile names -out {name}.pem")
    return folder


def test_over_tls_with_a_token_calls_are_answered_and_in_the_clear_or_without_they_are_not(certificates, tmp_path):
    values = {"tls_cert": certificates / "server.pem", "tls_key": certificates / "server.key", "token": "letmein"}
    with serving(tmp_path / "s", listen="0.0.0.0:0", **values) as (running, _):
        address = f"localhost:{running.address.rpartition(':')[2]}"
        tls = Tls(authority=certificates / "ca.pem")
        with Client.connect(address, token="letmein", tls=tls) as client:
            assert client.jobs() == []
        with Client.connect(address, token="other", tls=tls) as client, pytest.raises(BadRequestError) as caught:
            client.jobs()
        assert caught.value.reason == "TOKEN_WRONG"
        with pytest.raises(ServerUnreachable):
            Client.connect(address, token="letmein", timeout=3)
        with pytest.raises(ServerUnreachable):
            Client.connect(address, token="letmein", tls=Tls(), timeout=3)


@pytest.fixture
def mutual(certificates, tmp_path):
    """The address of a server that lets in clients its authority signed."""
    values = {
        "tls_cert": certificates / "server.pem",
        "tls_key": certificates / "server.key",
        "tls_client_ca": certificates / "ca.pem",
    }
    with serving(tmp_path / "s", listen="0.0.0.0:0", **values) as (running, _):
        yield f"localhost:{running.address.rpartition(':')[2]}"


def test_with_mutual_tls_only_known_clients_are_let_in_and_their_certificate_names_them(
    mutual, certificates, files, tmp_path
):
    ca = certificates / "ca.pem"
    tls = Tls(authority=ca, certificate=certificates / "ann.pem", key=certificates / "ann.key")
    with Client.connect(mutual, tls=tls) as client:
        assert client.create(motion_job(files, tmp_path / "out"), "r").user == "ann"
    with pytest.raises(ServerUnreachable):
        Client.connect(mutual, tls=Tls(authority=ca), timeout=3)


def test_the_command_takes_certificate_and_key_for_mutual_tls_from_the_environment(
    mutual, certificates, tmp_path, monkeypatch
):
    monkeypatch.setenv("IMPASTO_CLIENT_CERT", str(certificates / "ann.pem"))
    monkeypatch.setenv("IMPASTO_CLIENT_KEY", str(certificates / "ann.key"))
    with lasting_client(mutual, certificates / "ca.pem", tmp_path / "d") as client:
        assert client.jobs() == []
    monkeypatch.setenv("IMPASTO_CLIENT_KEY", str(tmp_path / "nokey"))
    with pytest.raises(BadRequestError, match="nokey cannot be read"):
        lasting_client(mutual, certificates / "ca.pem", tmp_path / "d").__enter__()


def test_a_tokens_name_is_its_user_whatever_the_caller_says(files, tmp_path):
    (tmp_path / "tokens").write_text("# farm\nfarm one-token\n\nann two-token\nplain-token\n")
    with serving(tmp_path / "s", token_file=tmp_path / "tokens") as (_, caller):
        for token, user in (("one-token", "farm"), ("two-token", "ann"), ("plain-token", "says")):
            metadata = (("authorization", f"Bearer {token}"), ("impasto-user", "says"))
            request = CreateJobRequest(spec=motion_job(files, tmp_path / user))
            assert caller.jobs.CreateJob(request, timeout=30, metadata=metadata).job.user == user
        shown = caller.jobs.ListJobs(ListJobsRequest(user="farm"), timeout=30, metadata=metadata).jobs
        assert [job.user for job in shown] == ["farm"]
        with pytest.raises(grpc.RpcError):
            caller.jobs.ListJobs(ListJobsRequest(), timeout=30, metadata=(("authorization", "Bearer farm"),))


def test_every_token_is_compared_whichever_is_right(monkeypatch):
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((len(a), len(b))) or real(a, b))
    tokens = Tokens({"a": "ann", "b" * 500: "ben", "c": ""})
    assert tokens.user((("authorization", "Bearer a"),)) == "ann"
    assert tokens.user((("authorization", "Bearer c"),)) == ""
    assert tokens.user((("authorization", "Bearer x"),)) is None
    assert compared == [(32, 32)] * 9
    assert tokens.user((("authorization", b"Bearer a"),)) is None


def test_no_token_is_ever_in_the_logs_the_state_or_the_jobs(files, tmp_path, capfd):
    with serving(tmp_path / "s", token="hushhush", log_level="debug") as (running, caller):
        request = CreateJobRequest(spec=motion_job(files, tmp_path / "out"))
        name = caller.jobs.CreateJob(request, timeout=30, metadata=caller.metadata).job.name
        for path in files.values():
            caller.upload(path)
        caller.watch(name)
        with pytest.raises(grpc.RpcError):
            caller.jobs.ListJobs(ListJobsRequest(), timeout=10, metadata=(("authorization", "Bearer wrongwrong"),))
        assert "hushhush" not in repr(running._config)
    said = "".join(capfd.readouterr())
    assert "job created" in said
    for path in (tmp_path / "s").rglob("*"):
        if path.is_file():
            said += path.read_bytes().decode("latin-1")
    assert "hushhush" not in said
    assert "wrongwrong" not in said
