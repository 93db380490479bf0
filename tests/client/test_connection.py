from __future__ import annotations

import json
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import pytest

from impasto.client import BadRequestError, Tls
from impasto.client.connection import KEEPALIVE, Connection
from impasto.v1 import catalog_pb2, job_pb2, plate_pb2


def test_a_silent_line_is_not_looked_at_more_often_than_any_server_bears() -> None:
    assert KEEPALIVE > 300_000


def test_only_calls_that_may_be_made_twice_are_retried_and_only_where_the_server_is_away() -> None:
    config = json.loads(resources.files("impasto.client").joinpath("service_config.json").read_text())
    known = {
        f"{service.full_name}/{method.name}"
        for file in (job_pb2, catalog_pb2, plate_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    retried = set()
    for entry in config["methodConfig"]:
        assert entry["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
        for name in entry["name"]:
            whole = f"{name['service']}/{name.get('method', '')}"
            retried |= {method for method in known if method.startswith(whole)}
    assert known - retried == {"impasto.v1.PlateService/Upload", "impasto.v1.PlateService/Download"}


def test_token_and_user_go_with_every_call() -> None:
    connection = Connection("127.0.0.1:1", "sesame", "ada")
    sent = dict(connection.metadata)
    assert sent.pop("impasto-client").startswith(version("impasto") + "/")
    assert sent == {"authorization": "Bearer sesame", "impasto-user": "ada"}
    connection.close()
    assert [name for name, _ in Connection("127.0.0.1:1", "", "ädä").metadata] == ["impasto-client"]


def test_a_tls_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match=r"ca\.pem cannot be read"):
        Connection("127.0.0.1:1", tls=Tls(tmp_path / "ca.pem"))
