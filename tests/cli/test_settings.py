from __future__ import annotations

import json

import pytest

from impasto.cli import settings


def looked(impasto, home, text):
    file = home / "impasto.toml"
    file.write_text(text)
    ended = impasto("doctor", "--json", "--cache", home / "cache", "--config", file)
    return {(one["name"], one["state"]): one for one in json.loads(ended.out)["findings"]}


def test_settings_that_are_well_are_told(home) -> None:
    (home / "show").mkdir()
    file = home / "impasto.toml"
    file.write_text(f'state_dir = "{home}/state"\nroots = ["{home}/show"]\n')
    found = list(settings.look_at(file))
    assert [(one.name, one.state) for one in found] == [("config", "ok"), ("root", "ok"), ("state", "ok")]


@pytest.mark.parametrize(
    ("text", "name", "state", "cure"),
    [
        ("colour_of_the_door = 1", "config", "fail", "Correct"),
        ('listen = "0.0.0.0:9"\ninsecure = true', "doors", "warn", "tls_cert"),
        ('token_file = "{home}/token"', "token", "warn", "chmod 600"),
        ('tls_cert = "{home}/token"\ntls_key = "{home}/token"', "tls", "fail", "PEM"),
        ('state_dir = "/proc/nowhere"', "state", "fail", "state_dir"),
    ],
)
def test_what_is_wrong_has_its_cure(home, text, name, state, cure) -> None:
    (home / "token").write_text("secret\n")
    (home / "token").chmod(0o644)
    file = home / "impasto.toml"
    file.write_text(text.format(home=home))
    found = {one.name: one for one in settings.look_at(file)}
    assert found[name].state == state
    assert cure in found[name].cure
    assert all("secret" not in one.found + one.cure for one in found.values())


def test_the_doctor_looks_at_settings_and_clock(impasto, home) -> None:
    found = looked(impasto, home, "keep_days = 3\n")
    assert ("config", "ok") in found
    assert ("clock", "ok") in found


def test_a_state_on_a_network_disk_is_refused(home, monkeypatch) -> None:
    monkeypatch.setattr(settings, "_file_system", lambda folder: "nfs4")
    (found,) = settings._state(home)
    assert (found.state, "local disk" in found.cure) == ("fail", True)
