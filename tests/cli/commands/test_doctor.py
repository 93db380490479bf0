from __future__ import annotations

import json

import pytest
from painting import painting
from world import serving


def test_all_is_well_here_and_every_line_says_so(impasto, home) -> None:
    ended = impasto("doctor", "--json", "--cache", home / "cache")
    told = json.loads(ended.out)
    states = {finding["name"]: finding["state"] for finding in told["findings"]}
    assert ended.code == 0, told
    assert told["ok"]
    assert {"python", "versions", "server", "cpu", "colour", "video", "cache", "service", "flow", "style"} <= set(
        states
    )
    assert all(finding["cure"] for finding in told["findings"] if finding["state"] != "ok")


def test_a_cache_that_cannot_be_used_fails_with_its_cure(impasto, home) -> None:
    (home / "file").touch()
    ended = impasto("doctor", "--cache", home / "file")
    assert ended.code == 1
    assert "FAIL  cache" in ended.out
    assert "IMPASTO_CACHE" in ended.out


def test_a_colour_configuration_that_cannot_be_read_fails(impasto, home, monkeypatch) -> None:
    monkeypatch.setenv("OCIO", str(home / "gone.ocio"))
    ended = impasto("doctor", "--json", "--cache", home / "cache")
    found = {finding["name"]: finding for finding in json.loads(ended.out)["findings"]}
    assert ended.code == 1
    assert found["colour"]["state"] == "fail"
    assert "unset it" in found["colour"]["cure"]


def test_a_server_that_answers_is_told_and_one_that_does_not_fails(impasto, home) -> None:
    with serving(home / "s", painting) as (server, _):
        assert f"{server.address}: answers and is healthy" in impasto("doctor", "--server", server.address).out
    ended = impasto("doctor", "--server", "127.0.0.1:1")
    assert ended.code == 1
    assert "FAIL  service" in ended.out


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_nothing_goes_to_standard_error(impasto, home, form) -> None:
    assert impasto("doctor", "--cache", home / "cache", *form).err == ""
