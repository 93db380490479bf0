from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch
from painting import painting, slowly
from safetensors.torch import save_file
from world import serving, until, write_plates

from impasto.client import (
    BadRequestError,
    Client,
    FilesSent,
    FrameDone,
    FrameFailed,
    FramesFailed,
    FrameSkipped,
    JobCancelled,
    JobFailed,
    JobPlanned,
    Progress,
    Replanned,
    ServerUnreachable,
    StateChanged,
    Warned,
    flow_spec,
)
from impasto.sequences import Standing, standing
from impasto.server.errors import BadRequest, NoRoom
from impasto.server.jobs.task import Task
from impasto.v1.job_pb2 import JOB_PRIORITY_HIGH


@pytest.fixture
def shot(tmp_path: Path) -> str:
    write_plates(tmp_path / "my plates é")
    return str(tmp_path / "my plates é" / "plate.####.exr")


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Client]:
    """A client of a server that sees no file of ours."""
    with serving(tmp_path / "far", painting) as (server, _), _client(server.address, tmp_path) as client:
        yield client


@pytest.fixture
def near(tmp_path: Path) -> Iterator[Client]:
    """A client of a server that sees all files."""
    with (
        serving(tmp_path / "near", painting, roots=(Path("/"),)) as (server, _),
        _client(server.address, tmp_path) as client,
    ):
        yield client


def _client(address: str, tmp_path: Path, **values: object) -> Client:
    return Client.connect(address, cache=tmp_path / "digests", **values)  # type: ignore[arg-type]


def _out(tmp_path: Path) -> str:
    return str(tmp_path / "out" / "a.####.exr")


def test_frames_are_sent_made_and_brought_home(far: Client, shot: str, tmp_path: Path) -> None:
    events = list(far.flow(shot, out=_out(tmp_path), motion="plate"))
    planned = next(event for event in events if isinstance(event, JobPlanned))
    assert (planned.shot, planned.todo) == ("1001-1003", "1001-1003")
    assert planned.upload_bytes == sum(path.stat().st_size for path in (tmp_path / "my plates é").iterdir())
    sent = [event for event in events if isinstance(event, FilesSent)]
    assert sent[-1].sent_bytes == sent[-1].total_bytes == planned.upload_bytes
    done = [event for event in events if isinstance(event, FrameDone)]
    assert [Path(event.path) for event in done] == [tmp_path / "out" / f"a.{frame}.exr" for frame in (1001, 1002, 1003)]
    assert done[0].figures == {"share": 0.5}
    assert all(standing(Path(event.path), planned.digest) is Standing.SAME for event in done)
    assert [event.state for event in events if isinstance(event, StateChanged)][-1] == "succeeded"
    numbers = [event.number for event in events if event.number]
    assert numbers == list(range(1, len(numbers) + 1))
    assert any(isinstance(event, Progress) for event in events)


def test_where_the_server_sees_the_files_no_pixels_travel(near: Client, shot: str, tmp_path: Path) -> None:
    events = list(near.flow(shot, out=_out(tmp_path), motion="plate"))
    assert not any(isinstance(event, FilesSent) for event in events)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"a.{n}.exr" for n in (1001, 1002, 1003)]


def test_near_and_far_give_the_same_bytes(near: Client, far: Client, shot: str, tmp_path: Path) -> None:
    made = [
        client.flow(shot, out=tmp_path / name / "a.####.exr", motion="plate").result().done
        for name, client in (("near-out", near), ("far-out", far))
    ]
    assert [path.read_bytes() for path in made[0]] == [path.read_bytes() for path in made[1]]


def test_weights_of_another_model_are_refused_before_there_is_a_job_wherever_the_server_is(
    near: Client, far: Client, shot: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"encoder.weight": torch.zeros(2)}, other)
    for client in (near, far):
        with pytest.raises(BadRequestError, match=r"other\.safetensors is not a Johnson net .*give a picture") as told:
            client.stylize(shot, style=other, out=_out(tmp_path), motion="dis").result()
        assert told.value.reason == "WEIGHTS_UNKNOWN"
        assert not client.jobs()


def test_what_was_sent_once_is_not_sent_again(far: Client, shot: str, tmp_path: Path) -> None:
    far.flow(shot, out=_out(tmp_path), motion="plate").result()
    again = far.plan(flow_spec(shot, out=tmp_path / "other.####.exr", motion="plate"))
    assert again.upload_bytes == 0


def test_frames_of_the_same_job_are_skipped_also_by_a_larger_range(near: Client, shot: str, tmp_path: Path) -> None:
    near.flow(shot, frames="1002", out=_out(tmp_path), motion="plate").result()
    before = (tmp_path / "out" / "a.1002.exr").stat().st_mtime_ns
    result = near.flow(shot, out=_out(tmp_path), motion="plate").result()
    assert [path.name for path in result.skipped] == ["a.1002.exr"]
    assert [path.name for path in result.done] == ["a.1001.exr", "a.1003.exr"]
    assert (tmp_path / "out" / "a.1002.exr").stat().st_mtime_ns == before


def test_where_nothing_is_left_to_do_there_is_no_job(near: Client, shot: str, tmp_path: Path) -> None:
    near.flow(shot, out=_out(tmp_path), motion="plate").result()
    events = list(near.flow(shot, out=_out(tmp_path), motion="plate"))
    assert [type(event) for event in events] == [JobPlanned] + [FrameSkipped] * 3
    assert len(near.jobs()) == 1


def test_a_warning_of_the_plan_is_told_once_also_where_there_is_no_job(near: Client, shot: str, tmp_path: Path) -> None:
    (tmp_path / "my plates é" / "plate.1002.exr").unlink()
    for _ in range(2):
        asked = near.flow(shot, shot="1001-1003", frames="1001", out=_out(tmp_path), motion="plate")
        assert [event.message for event in asked if isinstance(event, Warned)] == [
            "Frame 1002 of the plate is missing; it is bridged from its neighbours and not written."
        ]


def test_frames_of_another_job_are_replaced(near: Client, shot: str, tmp_path: Path) -> None:
    near.flow(shot, out=_out(tmp_path), motion="plate").result()
    planned = near.plan(flow_spec(shot, out=_out(tmp_path), motion="dis"))
    assert len(planned.replaced) == len(planned.todo) == 3


def test_a_file_that_is_not_ours_is_refused_and_kept_unless_told_otherwise(
    near: Client, shot: str, tmp_path: Path
) -> None:
    foreign = tmp_path / "out" / "a.1002.exr"
    foreign.parent.mkdir()
    foreign.write_bytes(b"somebody's")
    with pytest.raises(BadRequestError, match=r"a\.1002\.exr is there and was not made by Impasto.*--overwrite"):
        near.flow(shot, out=_out(tmp_path), motion="plate")
    assert foreign.read_bytes() == b"somebody's"
    assert not near.jobs()
    near.flow(shot, out=_out(tmp_path), motion="plate", overwrite=True).result()
    assert foreign.read_bytes() != b"somebody's"


def test_writing_onto_the_plate_is_refused_before_any_work(near: Client, shot: str) -> None:
    with pytest.raises(BadRequestError, match="own plate"):
        near.flow(shot, out=shot, motion="plate", overwrite=True)


def test_a_missing_frame_fails_alone(far: Client, shot: str, tmp_path: Path) -> None:
    (tmp_path / "my plates é" / "plate.1002.exr").unlink()
    render = far.flow(shot, frames="1001-1003", out=_out(tmp_path), motion="plate")
    events = []
    with pytest.raises(FramesFailed, match="Frame 1002 could not be made") as caught:
        events.extend(render)
    assert caught.value.exit_code == 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.1001.exr", "a.1003.exr"]


def test_a_frame_that_cannot_be_written_here_fails_alone(far: Client, shot: str, tmp_path: Path) -> None:
    render = far.flow(shot, out=_out(tmp_path), motion="plate")
    (tmp_path / "out" / "a.1002.exr" / "in the way").mkdir(parents=True)
    failed = []
    with pytest.raises(FramesFailed):
        failed.extend(event for event in render if isinstance(event, FrameFailed))
    assert [event.frame for event in failed] == [1002]
    assert "cannot be written" in failed[0].message
    assert not list((tmp_path / "out").glob(".*"))


def test_each_view_has_its_file(near: Client, tmp_path: Path) -> None:
    for view in ("left", "right"):
        write_plates(tmp_path / view)
    result = near.flow(
        tmp_path / "%V" / "plate.####.exr", out=tmp_path / "out" / "%v.####.exr", motion="plate"
    ).result()
    assert sorted(path.name for path in result.done) == [f"{v}.{n}.exr" for v in "lr" for n in (1001, 1002, 1003)]
    with pytest.raises(BadRequestError, match="put %V"):
        near.plan(flow_spec(tmp_path / "%V" / "plate.####.exr", out=_out(tmp_path), motion="plate"))
    with pytest.raises(BadRequestError, match="no view 'middle'"):
        near.flow(tmp_path / "%V" / "plate.####.exr", out=tmp_path / "%V.####.exr", views=["middle"])


def test_a_job_that_fails_says_why(shot: str, tmp_path: Path) -> None:
    def failing(task: Task) -> None:
        raise NoRoom("The disk is full; free some space.", reason="DISK_FULL")

    with (
        serving(tmp_path / "s", failing, roots=(Path("/"),)) as (server, _),
        _client(server.address, tmp_path) as client,
        pytest.raises(JobFailed, match="The disk is full") as caught,
    ):
        client.flow(shot, out=_out(tmp_path), motion="plate").result()
    assert (caught.value.reason, caught.value.exit_code) == ("DISK_FULL", 1)


def test_a_cancelled_job_ends_as_such_and_keeps_its_frames(shot: str, tmp_path: Path) -> None:
    runner = slowly(threading.Event())
    with (
        serving(tmp_path / "s", runner, roots=(Path("/"),)) as (server, _),
        _client(server.address, tmp_path) as client,
    ):
        render = client.flow(shot, out=_out(tmp_path), motion="plate")
        while not isinstance(next(render), FrameDone):
            pass
        render.cancel()
        with pytest.raises(JobCancelled):
            list(render)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.1001.exr"]


def test_a_server_that_restarts_is_watched_on_from_the_last_number(shot: str, tmp_path: Path) -> None:
    go_on = threading.Event()
    events: list[object] = []
    with serving(tmp_path / "s", slowly(go_on), roots=(Path("/"),)) as (server, _):
        client = _client(server.address, tmp_path, patience=30.0)
        render = client.flow(shot, out=_out(tmp_path), motion="plate")
        watcher = threading.Thread(target=lambda: events.extend(render))
        watcher.start()
        until(lambda: any(isinstance(event, FrameDone) for event in events) or (tmp_path / "out").exists())
    go_on.set()
    with serving(tmp_path / "s", slowly(go_on), roots=(Path("/"),)):
        watcher.join(30)
    client.close()
    assert not watcher.is_alive()
    numbers = [event.number for event in events if event.number]  # type: ignore[attr-defined]
    assert numbers == list(range(1, len(numbers) + 1))
    assert sorted(event.frame for event in events if isinstance(event, FrameDone)) == [1001, 1002, 1003]


def test_a_server_that_stays_away_is_told_after_some_patience(shot: str, tmp_path: Path) -> None:
    with serving(tmp_path / "s", slowly(threading.Event()), roots=(Path("/"),)) as (server, _):
        client = _client(server.address, tmp_path, patience=0.3)
        render = client.flow(shot, out=_out(tmp_path), motion="plate")
        while not isinstance(next(render), FrameDone):
            pass
    with pytest.raises(ServerUnreachable) as caught, client:
        list(render)
    assert caught.value.exit_code == 3


def test_a_job_is_fetched_later_and_elsewhere(far: Client, shot: str, tmp_path: Path) -> None:
    render = far.flow(shot, out=_out(tmp_path), motion="plate")
    for _ in render.submit():
        pass
    elsewhere = tmp_path / "elsewhere"
    done = [event.path for event in far.fetch(render.job, elsewhere / "b.####.exr") if isinstance(event, FrameDone)]
    assert done == [str(elsewhere / f"b.{frame}.exr") for frame in (1001, 1002, 1003)]
    assert not (tmp_path / "out").exists()
    assert all(isinstance(event, FrameDone | Progress | StateChanged) for event in far.fetch(render.job))
    assert (tmp_path / "out" / "a.1003.exr").read_bytes() == (elsewhere / "b.1003.exr").read_bytes()


def test_an_upload_goes_on_where_it_broke_off(shot: str, tmp_path: Path) -> None:
    with serving(tmp_path / "s", painting) as (server, caller), _client(server.address, tmp_path) as client:
        planned = client.plan(flow_spec(shot, out=_out(tmp_path), motion="plate"))
        sha256, path = next(iter(planned.to_send.items()))
        assert caller.upload(path, size=100, sha256=sha256) == 100
        assert len(client.flow(shot, out=_out(tmp_path), motion="plate").result().done) == 3


def test_a_file_that_arrives_damaged_is_never_put_in_place(far: Client, shot: str, tmp_path: Path) -> None:
    far.flow(shot, out=_out(tmp_path), motion="plate").result()
    done = [event for event in far.watch(far.jobs()[0].name) if isinstance(event, FrameDone)]
    for kept in (tmp_path / "far" / "state" / "frames").rglob("*.exr"):
        kept.write_bytes(b"x" * kept.stat().st_size)
    target = tmp_path / "out" / "a.1001.exr"
    before = target.read_bytes()
    with pytest.raises((JobFailed, BadRequestError)):
        far.download(done[0].sha256, target)
    assert target.read_bytes() == before
    assert not list(target.parent.glob(".*"))


def test_asking_twice_with_one_request_id_makes_one_job(near: Client, shot: str, tmp_path: Path) -> None:
    spec = near.plan(flow_spec(shot, out=_out(tmp_path), motion="plate")).spec_to_do()
    assert near.create(spec, "the same").name == near.create(spec, "the same").name


def test_the_jobs_of_a_user_are_listed_newest_first(near: Client, shot: str, tmp_path: Path) -> None:
    names = []
    for number in range(3):
        render = near.flow(shot, out=tmp_path / f"{number}.####.exr", motion="plate")
        render.result()
        names.append(render.job)
    assert [job.name for job in near.jobs()] == names[::-1]
    assert [job.name for job in near.jobs(limit=2)] == names[:0:-1]
    assert near.get(names[0]).frames_done == 3


def test_models_and_styles_are_listed(near: Client) -> None:
    assert "dis" in [model.id for model in near.models("flow")]
    assert all(model.family == "style" for model in near.models("style"))
    assert list(near.styles()) is not None


def test_an_error_of_the_server_keeps_its_reason(near: Client) -> None:
    with pytest.raises(BadRequestError) as caught:
        near.get("jobs/none")
    assert caught.value.reason == "JOB_UNKNOWN"


def test_a_wrong_token_is_told_and_the_right_one_works(tmp_path: Path) -> None:
    with serving(tmp_path / "s", painting, token="sesame") as (server, _):
        with _client(server.address, tmp_path, token="wrong") as client, pytest.raises(BadRequestError, match="token"):
            client.jobs()
        with _client(server.address, tmp_path, token="sesame") as client:
            assert not client.jobs()
        with pytest.raises(BadRequestError, match="cannot be sent"):
            _client(server.address, tmp_path, token="a\nb")


def test_nobody_there_is_told_at_once_with_the_cure() -> None:
    with pytest.raises(ServerUnreachable, match="impasto serve"):
        Client.connect("127.0.0.1:1")


@pytest.mark.parametrize(
    ("frames", "says"), [("1001:1003", "holds ':'"), ("2001-2003", "No frame of|is among"), ("", "")]
)
def test_frames_that_cannot_be_are_refused(near: Client, shot: str, tmp_path: Path, frames: str, says: str) -> None:
    if not says:
        assert near.plan(flow_spec(shot, out=_out(tmp_path))).todo == (1001, 1002, 1003)
        return
    with pytest.raises(BadRequestError, match=says):
        near.flow(shot, frames=frames, shot=frames if "2001" in frames else "", out=_out(tmp_path))


def test_several_frames_into_one_file_are_refused(near: Client, shot: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="put ####"):
        near.flow(shot, out=tmp_path / "one.exr")


def test_a_video_needs_its_shot_named(near: Client, tmp_path: Path) -> None:
    (tmp_path / "a.mov").write_bytes(b"1")
    with pytest.raises(BadRequestError, match="--shot"):
        near.flow(tmp_path / "a.mov", out=_out(tmp_path))


def test_a_key_that_is_not_there_is_named(near: Client, shot: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match=r"The key of frame 1002 .*gone\.png is not there"):
        near.stylize(shot, keys={1002: tmp_path / "gone.png"}, out=_out(tmp_path))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that may not be written to")
def test_a_folder_that_cannot_be_written_to_is_refused(near: Client, shot: str, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(BadRequestError, match="cannot be written to"):
        near.flow(shot, out=tmp_path / "closed" / "a.####.exr")


def test_an_output_below_a_file_is_refused(near: Client, shot: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadRequestError, match="is a file, not a folder"):
        near.flow(shot, out=tmp_path / "file" / "a.####.exr")


def test_importing_the_client_costs_neither_torch_nor_numpy() -> None:
    program = "import sys, impasto.client; print({m.split('.')[0] for m in sys.modules} & {'torch', 'numpy', 'cv2'})"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def test_a_job_that_turns_out_to_be_wrong_is_a_bad_request(shot: str, tmp_path: Path) -> None:
    def refusing(task: Task) -> None:
        raise BadRequest("The key is 32x24 and the plate 64x48; paint it at the plate's size.", reason="KEY_SIZE")

    with (
        serving(tmp_path / "s", refusing, roots=(Path("/"),)) as (server, _),
        _client(server.address, tmp_path) as client,
        pytest.raises(BadRequestError, match="paint it at the plate's size"),
    ):
        client.flow(shot, out=_out(tmp_path), motion="plate").result()


def test_jobs_are_listed_by_state_user_and_time_and_handed_over(near: Client, shot: str, tmp_path: Path) -> None:
    name = near.submit(flow_spec(shot, out=_out(tmp_path), motion="plate"), priority="high")
    for _ in near.watch(name):
        pass
    (job,) = near.jobs(states=["succeeded"], after=datetime.now(UTC) - timedelta(hours=1))
    assert (job.name, job.priority) == (name, JOB_PRIORITY_HIGH)
    assert not near.jobs(states=["running", "queued"])
    assert not near.jobs(user="nobody here")
    assert not near.jobs(before=datetime.now(UTC) - timedelta(hours=1))
    assert near.submit(flow_spec(shot, out=_out(tmp_path), motion="plate")) == ""
    with pytest.raises(BadRequestError):
        near.jobs(states=["lost"])
    with pytest.raises(BadRequestError):
        near.flow(shot, out=str(tmp_path / "other.####.exr"), motion="plate", priority="urgent").result()


def test_a_shot_planned_anew_is_told(tmp_path: Path, shot: str) -> None:
    calls: list[Task] = []

    def runner(task: Task) -> None:
        calls.append(task)
        if len(calls) == 1:
            raise MemoryError("the device is full")
        painting(task)

    with serving(tmp_path / "s", runner) as (server, _), _client(server.address, tmp_path) as client:
        events = list(client.flow(shot, out=_out(tmp_path), motion="plate"))
    (told,) = (event for event in events if isinstance(event, Replanned))
    assert told.memory_bytes * 2 == told.memory_before
    assert told.message == "the device is full"
