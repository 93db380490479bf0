from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from painting import painting, slowly
from world import serving, until, write_plates

from impasto.server.jobs.results.beside import write_beside
from impasto.server.jobs.task import Task
from impasto.server.rpc.server import RunningServer
from impasto.server.shots.picking import Pick

Started = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    write_plates(tmp_path / "plates")
    return tmp_path / "plates" / "plate.####.exr"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with serving(tmp_path / "s", painting, roots=(Path("/"),)) as (running, _):
        yield running


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[RunningServer]:
    """A server that stops after the first frame."""
    with serving(tmp_path / "s", slowly(threading.Event()), roots=(Path("/"),)) as (running, _):
        yield running


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_flow_on_a_server_writes_every_frame_and_tells_where(impasto, server, shot, tmp_path) -> None:
    ended = impasto("flow", shot, "--out", tmp_path / "o" / "a.####.exr", "--server", server.address)
    assert ended.code == 0, ended.err
    assert ended.out == ""
    assert "shot 1001-1003, 3 frames wanted, 0 there already, 3 to do" in ended.err
    assert _names(tmp_path / "o") == ["a.1001.exr", "a.1002.exr", "a.1003.exr"]


def test_events_are_all_there_is_on_standard_output(impasto, server, shot, tmp_path) -> None:
    options = ("--events", "json", "--server", server.address)
    ended = impasto("flow", shot, "--frames", "1002", "--out", tmp_path / "a.####.exr", *options)
    types = [event["type"] for event in ended.events]
    assert types[:2] == ["planning", "planned"]
    assert types[-1] == "finished"
    assert {event["schema"] for event in ended.events} == {1}
    assert [event["frame"] for event in ended.events if event["type"] == "frame_done"] == [1002]
    again = impasto("flow", shot, "--out", tmp_path / "a.####.exr", *options)
    assert [event["frame"] for event in again.events if event["type"] == "frame_skipped"] == [1002]


def test_a_server_may_be_named_in_the_environment(impasto, server, shot, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("IMPASTO_SERVER", server.address)
    assert impasto("flow", shot, "--out", tmp_path / "a.####.exr").code == 0


def test_a_dry_run_tells_all_and_does_nothing(impasto, server, shot, tmp_path) -> None:
    impasto("flow", shot, "--frames", "1002", "--out", tmp_path / "o" / "a.####.exr", "--server", server.address)
    options = ("--dry-run", "--server", server.address)
    ended = impasto("flow", shot, "--out", tmp_path / "o" / "a.####.exr", *options)
    told = dict(row.split("  ", 1) for row in ended.out.splitlines())
    told = {name.strip(): value.strip() for name, value in told.items()}
    assert (told["shot"], told["frames to do"], told["frames to skip"]) == ("1001-1003", "1001,1003", "1002")
    assert {"time", "memory", "disk"} <= set(told)
    assert _names(tmp_path / "o") == ["a.1002.exr"]
    events = impasto("flow", shot, "--out", tmp_path / "o" / "a.####.exr", *options, "--events", "json").events
    assert [event["type"] for event in events] == ["planning", "planned", "frame_skipped", "finished"]


def test_a_job_file_gives_the_same_as_the_options(impasto, server, shot, tmp_path) -> None:
    job = tmp_path / "job.json"
    ended = impasto("flow", shot, "--out", tmp_path / "o" / "a.####.exr", "--frames", "1001-1002", "--job-file", job)
    assert ended.code == 0
    assert json.loads(job.read_text())["output"]["passes"] == ["motion", "occlusion"]
    assert not (tmp_path / "o").exists()
    assert impasto("run", job, "--server", server.address).code == 0
    assert _names(tmp_path / "o") == ["a.1001.exr", "a.1002.exr"]
    ended = impasto("run", job, "--frames", "1001-1003", "--server", server.address, "--events", "json")
    assert [event["frame"] for event in ended.events if event["type"] == "frame_skipped"] == [1001, 1002]


@pytest.mark.parametrize("command", ["flow", "stylize", "stmap"])
def test_mattes_are_asked_for_alike_of_every_command_that_writes_them(impasto, shot, tmp_path, command) -> None:
    file, own = tmp_path / "job.json", {"stylize": ["--style", "oils"], "stmap": ["--key", "1001"]}.get(command, [])
    asked = ["--matte-soft", "8", "--matte-erode", "-1.5", "--matte-blur", "2", "--matte-gain", "3"]
    for options, mattes in ((asked, {"soft": 8.0, "erode": -1.5, "blur": 2.0, "gain": 3.0}), ([], None)):
        impasto(command, shot, "--out", tmp_path / "out.####.exr", *own, *options, "--job-file", file)
        assert json.loads(file.read_text()).get("mattes") == mattes


@pytest.mark.parametrize("text", ["", "{", '{"plates": {}}', "{}", '{"plate": {"pattern": "a.####.exr"}}'])
def test_a_job_file_that_is_none_is_refused_in_one_sentence(impasto, home, text) -> None:
    (home / "job.json").write_text(text)
    ended = impasto("run", home / "job.json")
    assert ended.code == 2
    assert "job.json" in ended.err
    assert ended.err.count("\n") == 1


def test_a_missing_frame_ends_with_4_and_the_others_are_there(impasto, server, shot, tmp_path) -> None:
    (tmp_path / "plates" / "plate.1002.exr").unlink()
    out = tmp_path / "o" / "a.####.exr"
    ended = impasto("flow", shot, "--frames", "1001-1003", "--out", out, "--server", server.address)
    assert ended.code == 4
    assert "Frame 1002 could not be made" in ended.err
    assert _names(tmp_path / "o") == ["a.1001.exr", "a.1003.exr"]


def test_nobody_there_ends_with_3(impasto, shot, tmp_path) -> None:
    ended = impasto("flow", shot, "--out", tmp_path / "a.####.exr", "--server", "127.0.0.1:1")
    assert ended.code == 3
    assert "impasto serve" in ended.err


def test_a_script_sees_life_before_a_server_is_there(impasto, shot, tmp_path) -> None:
    asked = ("flow", shot, "--out", tmp_path / "a.####.exr", "--server", "127.0.0.1:1", "--events", "json")
    assert [event["type"] for event in impasto(*asked).events] == ["planning", "finished"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing option '--out'"),
        (("--out", "a.####.exr", "--passes", "motion,depht"), "There is no pass 'depht'; there are: motion, occlusion"),
        (("--out", "a.####.exr", "--frames", "1:3"), "holds ':'"),
        (("--out", "a.####.exr", "--style", "a.png=x"), "give a number of 0 or more, such as a.png=0.7"),
        (("--out", "a.####.exr", "--style", "a.png,mast=m"), "'mast=m' is not understood"),
        (("--out", "a.####.exr", "--style", "a.png,fade=soon"), "give a number of frames"),
        (("--out", "a.####.exr", "--style", "oils", "--set", "content"), "write NAME=NUMBER"),
        (("--out", "a.####.exr", "--style", "gone.png"), "gone.png is not there"),
        (("--out", "a.####.exr", "--style", "monet"), "There is no style 'monet'"),
        (("--out", "a.####.exr", "--key", "1001:a.png"), "write FRAME=FILE"),
        (("--out", "a.####.exr"), "neither a style nor a key"),
        (("--out", "a.exr", "--style", "a.png"), "put ####"),
        (("--out", "a.####.exr", "--memory", "lots"), "such as 8G"),
        (("--out", "a.####.exr", "--events", "xml"), "xml"),
        (("--out", "a.####.exr", "--nonsense"), "--nonsense"),
        (("--out", "a.####.exr", "--strength", "much"), "--strength"),
        (("--out", "a.####.exr", "--seed", "-1"), "The seed -1"),
    ],
)
def test_a_bad_request_ends_with_2_and_one_sentence(
    impasto, server, shot, tmp_path, monkeypatch, arguments, says
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    ended = impasto("stylize", shot, *arguments, "--server", server.address)
    assert ended.code == 2
    assert says in ended.err
    assert ended.err.count("\n") == 1
    assert ended.out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("keys", "--share", "1.5"), "lies above 0 and up to 1"),
        (("keys", "--painted", "990"), "The key of frame 990 is not in the shot"),
        (("keys", "--painted", "x"), "painted frames is not understood"),
        (("keys", "--sheet", "keys.jpg"), "let its name end in .png"),
        (("keys", "--sheet", "plates/link.png"), "the job's own plate"),
        (("keys", "--motion", "none"), "no flow model 'none'"),
        (("stmap", "--key", "990", "--out", "o.####.exr"), "The key of frame 990 is not in the shot"),
        (("stmap", "--out", "o.####.exr"), "Missing option '--key'"),
        (("stmap", "--key", "1001"), "Missing option '--out'"),
    ],
)
def test_keys_and_maps_that_cannot_be_are_refused(
    impasto, server, shot, tmp_path, monkeypatch, arguments, says
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plates" / "link.png").symlink_to(tmp_path / "plates" / "plate.1001.exr")
    ended = impasto(arguments[0], shot, *arguments[1:], "--server", server.address)
    assert ended.code == 2
    assert says in ended.err
    assert ended.err.count("\n") == 1
    assert ended.out == ""


def test_keys_are_printed_and_their_sheet_is_fetched_from_a_server_that_sees_no_file_of_ours(
    impasto, shot, tmp_path
) -> None:
    def picking(task: Task) -> None:
        write_beside(task, "sheet", task.spec.output.sheet, b"a sheet")
        task.listener.keys_picked([Pick(1001, 0.75, 0.75, True), Pick(1003, 0.5, 0.9, False)], 0.95)

    with serving(tmp_path / "s", picking) as (server, _):
        asked = ("keys", shot, "--sheet", tmp_path / "k" / "sheet.png", "--server", server.address)
        ended = impasto(*asked)
        assert ended.code == 0, ended.err
        assert [row.split() for row in ended.out.splitlines()[1:3]] == [
            ["1001", "75.0%", "75.0%", "painted"],
            ["1003", "50.0%", "90.0%"],
        ]
        assert "1001,1003 cover 90.0%; 95.0% was asked for" in ended.out
        assert (tmp_path / "k" / "sheet.png").read_bytes() == b"a sheet"
        events = impasto(*asked, "--events", "json").events
        (picked,) = (event for event in events if event["type"] == "keys_picked")
        assert picked["frames"] == "1001,1003"
        assert picked["keys"][0] == {"frame": 1001, "alone": 0.75, "together": 0.75, "painted": True}
        job = impasto(*asked, "--job-file", tmp_path / "job.json")
        assert job.code == 0
        assert impasto("run", tmp_path / "job.json", "--server", server.address).code == 0


def test_ctrl_c_cancels_the_job_and_ends_with_130(started: Started, impasto, slow, shot, tmp_path) -> None:
    process = _begun(started, slow, shot, tmp_path, signal.SIGINT)
    assert process.returncode == 130
    assert "cancelled" in impasto("job", "list", "--server", slow.address).out
    assert _names(tmp_path / "o") == ["a.1001.exr"]


def test_sigterm_cancels_the_job_and_ends_with_143(started: Started, impasto, slow, shot, tmp_path) -> None:
    process = _begun(started, slow, shot, tmp_path, signal.SIGTERM)
    assert process.returncode == 143
    until(lambda: "cancelled" in impasto("job", "list", "--server", slow.address).out)
    assert _names(tmp_path / "o") == ["a.1001.exr"]


def _begun(started: Started, server: RunningServer, shot: Path, tmp_path: Path, number: int) -> subprocess.Popen[str]:
    """A command that got a signal after its first frame, ended."""
    options = ("--events", "json", "--server", server.address)
    process = started("flow", shot, "--out", tmp_path / "o" / "a.####.exr", *options)
    assert process.stdout is not None
    while "frame_done" not in process.stdout.readline():
        assert process.poll() is None, process.communicate()
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert json.loads(out.splitlines()[-1])["exit"] == process.returncode
    return process


def test_a_detached_job_is_watched_fetched_shown_and_listed(impasto, shot, tmp_path) -> None:
    with serving(tmp_path / "s", painting) as (server, _):
        at = ("--server", server.address)
        ended = impasto("flow", shot, "--out", tmp_path / "o" / "a.####.exr", "--detach", *at)
        assert ended.code == 0, ended.err
        job = ended.out.strip()
        assert job.startswith("jobs/")
        watched = impasto("job", "watch", job, "--events", "json", *at)
        assert watched.events[-2]["state"] == "succeeded"
        assert not (tmp_path / "o").exists()
        assert impasto("job", "fetch", job.removeprefix("jobs/"), *at).code == 0
        assert _names(tmp_path / "o") == ["a.1001.exr", "a.1002.exr", "a.1003.exr"]
        assert json.loads(impasto("job", "show", job, *at).out)["frames_done"] == 3
        assert f"{job} " in impasto("job", "list", *at).out
        assert impasto("job", "cancel", job, *at).out == f"{job} succeeded\n"


def test_a_job_that_is_cancelled_ends_its_watchers_with_130(impasto, slow, shot, tmp_path) -> None:
    at = ("--server", slow.address)
    job = impasto("flow", shot, "--out", tmp_path / "o" / "a.####.exr", "--detach", *at).out.strip()
    assert impasto("job", "cancel", job, *at).code == 0
    assert impasto("job", "watch", job, *at).code == 130
    assert impasto("job", "fetch", job, *at).code == 130


def test_job_commands_without_a_server_say_that_there_is_none(impasto) -> None:
    ended = impasto("job", "list")
    assert ended.code == 3
    assert "none of your own runs" in ended.err


def test_an_unknown_job_is_a_bad_request(impasto, server) -> None:
    assert impasto("job", "show", "jobs/none", "--server", server.address).code == 2


def test_models_and_styles_are_listed_from_a_server(impasto, server) -> None:
    at = ("--server", server.address)
    assert "dis" in impasto("models", "list", *at).out
    assert "weights:" in impasto("models", "show", "dis", *at).out
    assert "there are:" in impasto("models", "show", "none", *at).err
    assert impasto("styles", "list", *at).code == 0


@pytest.mark.parametrize(
    "command", ["stylize", "flow", "keys", "stmap", "run", "serve", "job", "models", "styles", "doctor", "demo"]
)
def test_every_command_explains_itself(impasto, command) -> None:
    ended = impasto(command, "--help")
    assert ended.code == 0
    assert "Usage: impasto" in ended.out


def test_the_version_is_told(impasto) -> None:
    assert impasto("--version").out.startswith("impasto ")
