from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from painting import slowly
from world import motion_job, serving, until, write_plates

from impasto.cli import detached
from impasto.client import ServerUnreachable
from impasto.sequences import Standing, standing
from impasto.server import plates
from impasto.server.jobs.running.run import run as real_runner
from impasto.v1.job_pb2 import CreateJobRequest


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames of a texture that moves two pixels to the right."""
    folder = tmp_path_factory.mktemp("shot")
    texture = np.random.default_rng(5).random((48, 80, 3)).astype(np.float32)
    texture = sum(np.roll(texture, (y, x), (0, 1)) for y in range(3) for x in range(3)) / 9
    window = plates.Window(0, 0, 64, 48)
    for number in range(3):
        picture = texture[:, 8 - 2 * number : 72 - 2 * number].astype(np.float16)
        channels = {name: np.ascontiguousarray(picture[..., place]) for place, name in enumerate("RGB")}
        plates.write(folder / f"plate.{1001 + number}.exr", plates.Plate(channels, window, window))
    return folder / "plate.####.exr"


def test_without_a_server_the_same_bits_come_from_one_in_this_process(impasto, home, shot) -> None:
    embedded = impasto("flow", shot, "--out", home / "a" / "f.####.exr", "--cache", home / "cache a")
    assert embedded.code == 0, embedded.err
    with serving(home / "s", real_runner, roots=(Path("/"),)) as (server, _):
        ended = impasto("flow", shot, "--out", home / "b" / "f.####.exr", "--server", server.address)
        assert ended.code == 0, ended.err
    for frame in (1001, 1002, 1003):
        first, second = (plates.read(home / name / f"f.{frame}.exr") for name in "ab")
        assert list(first.channels) == list(second.channels)
        assert all(np.array_equal(first.channels[name], second.channels[name]) for name in first.channels)


def test_nothing_but_the_output_and_the_cache_is_left(impasto, home, shot, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(home / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (home / "tmp").mkdir()
    assert impasto("flow", shot, "--out", home / "f.####.exr", "--cache", home / "cache").code == 0
    assert not list((home / "tmp").iterdir())
    assert not (home / "state home").exists()


def test_an_environment_that_sets_nonsense_is_a_bad_request(impasto, home, shot, monkeypatch) -> None:
    monkeypatch.setenv("IMPASTO_TYPO", "1")
    ended = impasto("flow", shot, "--out", home / "f.####.exr")
    assert ended.code == 2
    assert "IMPASTO_TYPO" in ended.err


def test_without_the_servers_part_the_cure_is_named(home, shot) -> None:
    # Hidden as if it were not installed: the import of any module below impasto.server fails.
    program = (
        "import sys; sys.modules['impasto.server'] = None; from impasto.cli.main import main;"
        f"main(['flow', {str(shot)!r}, '--out', {str(home / 'f.####.exr')!r}])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "pip install 'impasto[server]'" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_ctrl_c_ends_an_embedded_job_with_130_and_nothing_half_written(started, home, shot) -> None:
    process = started("flow", shot, "--out", home / "o" / "f.####.exr", "--events", "json")
    assert process.stdout is not None
    while '"running"' not in process.stdout.readline():
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert json.loads(out.splitlines()[-1])["reason"] == "CANCELLED"
    for path in (home / "o").iterdir() if (home / "o").exists() else ():
        assert standing(path, "") is Standing.OURS


@pytest.fixture
def own_server(home: Path) -> Iterator[Path]:
    """The address file of the user's own server, which is ended after the test."""
    yield detached.address_file()
    if detached.address_file().exists():
        os.kill(json.loads(detached.address_file().read_text())["pid"], signal.SIGTERM)
        until(lambda: not detached.address_file().exists())


def test_detaching_without_a_server_starts_one_of_the_users_own_and_finds_it_again(
    impasto, home, shot, own_server
) -> None:
    ended = impasto("flow", shot, "--out", home / "o" / "f.####.exr", "--detach", "--cache", home / "cache")
    assert ended.code == 0, ended.err
    job = ended.out.strip()
    assert stat.S_IMODE(own_server.stat().st_mode) == 0o600
    first = json.loads(own_server.read_text())["pid"]
    watched = impasto("job", "watch", job, "--events", "json")
    assert watched.code == 0, watched.err
    assert standing(home / "o" / "f.1003.exr", "") is Standing.OURS
    again = impasto("flow", shot, "--out", home / "o" / "f.####.exr", "--detach")
    assert again.out.strip() == "Nothing is left to do."
    assert json.loads(own_server.read_text())["pid"] == first


def test_an_address_file_of_a_server_that_is_gone_counts_as_none(impasto, home) -> None:
    detached.address_file().parent.mkdir(parents=True)
    for text in ("", "{}", "[]", '{"address": "127.0.0.1:1", "token": "x"}'):
        detached.address_file().write_text(text)
        assert impasto("job", "list").code == 3
    detached.address_file().unlink()


def test_an_older_server_ends_its_jobs_while_a_new_one_takes_the_new_and_goes_when_it_has_none(
    impasto, home, own_server, monkeypatch
) -> None:
    """The new server itself is not started here; what is asked of it is."""
    hold = threading.Event()
    files = write_plates(home / "plates")
    asked = []
    monkeypatch.setattr(detached.subprocess, "Popen", lambda command, **_: asked.append(command) or Gone())
    monkeypatch.setattr(detached, "version", lambda _: "0.2.0")

    def state_asked():
        with pytest.raises(ServerUnreachable):
            detached.find_or_start()
        return Path(asked[-1][asked[-1].index("--state") + 1]).name

    before = detached.address_file_before()
    with serving(home / "s", slowly(hold), roots=(home,), address_file=own_server) as (server, caller):
        job = caller.jobs.CreateJob(CreateJobRequest(spec=motion_job(files, home / "out")), timeout=60).job
        assert state_asked() == "detached-0.2.0"  # it has a job: a new one is started beside it
        assert (own_server.exists(), before.exists()) == (False, True)
        hold.set()
        assert impasto("job", "watch", job.name).code == 0  # and the old one is still asked for what it has
        before.replace(own_server)
        monkeypatch.setattr(detached.os, "kill", lambda pid, number: threading.Thread(target=server.stop).start())
        assert state_asked() == "detached"  # it has none: it went, and a new one takes its place
        assert not own_server.exists()


class Gone:
    """A process that ended at once."""

    returncode = 1

    def poll(self) -> int:
        return self.returncode
