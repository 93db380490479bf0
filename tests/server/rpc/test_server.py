import json
import os
import shutil
import socket
import subprocess
import threading

import grpc
import pytest
from world import Caller, copying, private, serving, until

from impasto.server.errors import BadRequest, NotReady
from impasto.server.jobs.records.lock import Lock
from impasto.server.rpc.server import start
from impasto.v1.job_pb2 import ListJobsRequest
from impasto.v1.job_pb2_grpc import JobServiceStub


def test_two_servers_on_one_state_are_refused(tmp_path):
    with serving(tmp_path / "a"), pytest.raises(NotReady) as caught:
        start(private(tmp_path / "a", listen=f"unix:{tmp_path}/other"), copying)
    assert caught.value.reason == "STATE_IN_USE"


def test_any_number_of_servers_share_one_cache(tmp_path):
    with (
        serving(tmp_path / "a", cache_dir=tmp_path / "cache") as (_, one),
        serving(tmp_path / "b", cache_dir=tmp_path / "cache") as (_, two),
    ):
        (tmp_path / "file").write_bytes(b"shared")
        one.upload(tmp_path / "file")
        assert two.upload(tmp_path / "file") == 6


def test_an_address_in_use_is_named_and_the_state_is_let_go(tmp_path):
    with serving(tmp_path / "a", listen="127.0.0.1:0") as (running, _):
        with pytest.raises(NotReady, match="--listen") as caught:
            start(private(tmp_path / "b", listen=running.address), copying)
        assert caught.value.reason == "ADDRESS_IN_USE"
    with serving(tmp_path / "b"):
        pass


def test_a_socket_left_by_a_killed_server_is_taken_over_and_a_living_one_is_not(tmp_path):
    (tmp_path / "a").mkdir()
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "a" / "s"))
    left.close()
    with serving(tmp_path / "a") as (running, caller):
        caller.jobs.ListJobs(ListJobsRequest(), timeout=10)
        with pytest.raises(NotReady):
            start(private(tmp_path / "b", listen=running.address), copying)
        caller.jobs.ListJobs(ListJobsRequest(), timeout=10)


def test_a_private_socket_is_for_its_user_alone(tmp_path):
    with serving(tmp_path / "a"):
        assert (tmp_path / "a" / "s").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "a" / "s").exists()


def test_the_address_file_tells_how_to_call_while_the_server_lives(tmp_path):
    file = tmp_path / "run" / "address.json"
    with serving(tmp_path / "a", listen="127.0.0.1:0", address_file=file) as (running, _):
        told = json.loads(file.read_text())
        assert told == {"address": running.address, "token": running.token, "pid": os.getpid()}
        assert file.stat().st_mode & 0o077 == 0
        caller = Caller(told["address"], told["token"])
        caller.jobs.ListJobs(ListJobsRequest(), timeout=10, metadata=caller.metadata)
        caller.channel.close()
    assert not file.exists()


def test_a_temporary_state_goes_with_the_server(tmp_path):
    with serving(tmp_path / "a", temporary=True):
        assert (tmp_path / "a" / "state").exists()
    assert not (tmp_path / "a" / "state").exists()


def test_a_server_knows_when_nobody_needs_it(tmp_path):
    with serving(tmp_path / "a") as (running, caller):
        until(lambda: running.idle > 0.1)
        caller.jobs.ListJobs(ListJobsRequest(), timeout=10)
        assert running.idle < 0.1


def test_stopping_twice_is_stopping_once(tmp_path):
    with serving(tmp_path / "a") as (running, _):
        assert not running.wait(0.01)
        threads = [threading.Thread(target=running.stop, args=(1,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert running.wait(10)
        for thread in threads:
            thread.join()


def test_an_open_door_is_logged_loudly(tmp_path, capsys):
    with serving(tmp_path / "a", listen="0.0.0.0:0", insecure=True):
        pass
    told = capsys.readouterr()
    assert "INSECURE" in told.err
    assert told.out == ""


def test_logs_can_be_read_by_machines(tmp_path, capsys):
    with serving(tmp_path / "a", log_level="info", log_json=True):
        pass
    first = json.loads(capsys.readouterr().err.splitlines()[0])
    assert first["event"] == "server listens"
    assert first["level"] == "info"


def test_with_tls_and_a_token_others_may_call(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        [*made.split(), "-keyout", key, "-out", cert, "-addext", "subjectAltName=DNS:localhost"],
        check=True,
        capture_output=True,
    )
    with serving(tmp_path / "a", listen="localhost:0", tls_cert=cert, tls_key=key, token="t") as (running, plain):
        channel = grpc.secure_channel(running.address, grpc.ssl_channel_credentials(cert.read_bytes()))
        JobServiceStub(channel).ListJobs(ListJobsRequest(), timeout=10, metadata=(("authorization", "Bearer t"),))
        channel.close()
        with pytest.raises(grpc.RpcError):
            plain.jobs.ListJobs(ListJobsRequest(), timeout=5, metadata=plain.metadata)


def test_a_certificate_that_cannot_be_read_is_named(tmp_path):
    config = private(tmp_path / "a", listen="localhost:0", tls_cert=tmp_path / "none", tls_key=tmp_path / "none")
    with pytest.raises(BadRequest, match="none"):
        start(config, copying)


def test_a_state_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotReady, match="--state") as caught:
        start(private(tmp_path / "a", state_dir=tmp_path / "file" / "state"), copying)
    assert caught.value.reason == "STATE_UNUSABLE"


def test_what_a_killed_command_left_is_removed_by_the_next_and_what_is_held_or_young_stays(tmp_path):
    folders = {name: tmp_path / f"impasto-{name}" for name in ("killed", "held", "young", "other")}
    for name, folder in folders.items():
        folder.mkdir()
        if name != "other":
            (folder / "lock").touch()
        if name != "young":
            os.utime(folder, (1e9, 1e9))
    held = Lock(folders["held"])
    with serving(tmp_path / "impasto-own", state_dir=tmp_path / "impasto-own", temporary=True):
        assert {name for name, folder in folders.items() if folder.exists()} == {"held", "young", "other"}
    held.release()
    assert not (tmp_path / "impasto-own").exists()
