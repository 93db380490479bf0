"""The server with its real run: tiny plates, motion only, so that it stays fast."""

import dataclasses

import cv2
import numpy as np
import pytest
from world import motion_job, serving, until

from impasto.server import plates
from impasto.server.jobs.results.passes import Passes
from impasto.server.jobs.running.run import run
from impasto.v1.job_pb2 import JOB_STATE_FAILED, JOB_STATE_SUCCEEDED, CreateJobRequest, GetJobRequest


@pytest.fixture
def make_plates(tmp_path):
    def make(views=("",)):
        noise = cv2.GaussianBlur(np.random.default_rng(1).random((40, 64)).astype(np.float32), (0, 0), 2)
        window = plates.Window(0, 0, 48, 32)
        files = {}
        (tmp_path / "plates").mkdir()
        for step, frame in enumerate(range(1001, 1005)):
            moved = noise[4:36, 4 + step : 52 + step].astype(np.float16)
            names = [f"{view}.{c}" if number else c for number, view in enumerate(views) for c in "RGB"]
            files[frame] = tmp_path / "plates" / f"plate.{frame}.exr"
            plates.write(files[frame], plates.Plate(dict.fromkeys(names, moved), window, window, views=views))
        return files

    return make


def motion_of(files, out):
    spec = motion_job(files, out)
    spec.motion.motion.model = "dis"
    spec.output.passes.extend(["motion", "occlusion"])
    return spec


def pixels(folder):
    found = {}
    for path in sorted(folder.iterdir()):
        found[path.name] = {name: array.tobytes() for name, array in plates.read(path).channels.items()}
    return found


def finish(caller, spec):
    job = caller.jobs.CreateJob(CreateJobRequest(spec=spec), timeout=120).job
    events = caller.watch(job.name, timeout=120)
    assert events[-1].state.state == JOB_STATE_SUCCEEDED
    return events


def test_a_job_stopped_with_its_server_ends_in_the_same_bits_as_an_undisturbed_one(make_plates, tmp_path):
    files = make_plates()
    with serving(tmp_path / "one", None, roots=(tmp_path,)) as (_, caller):
        finish(caller, motion_of(files, tmp_path / "whole"))

    def stopping(task):
        def stop():
            return task.cancelled() or len(list((tmp_path / "parts").glob("made.*.exr"))) >= 2

        run(dataclasses.replace(task, cancelled=stop))

    with serving(tmp_path / "two", stopping, roots=(tmp_path,)) as (running, caller):
        name = caller.jobs.CreateJob(CreateJobRequest(spec=motion_of(files, tmp_path / "parts")), timeout=120).job.name
        until(lambda: running.idle > 0.05)
        shown = caller.jobs.GetJob(GetJobRequest(name=name), timeout=10).job
        assert shown.frames_done == 2
    with serving(tmp_path / "two", None, roots=(tmp_path,)) as (_, caller):
        assert caller.watch(name, timeout=120)[-1].state.state == JOB_STATE_SUCCEEDED
    assert pixels(tmp_path / "parts") == pixels(tmp_path / "whole")
    assert len(pixels(tmp_path / "parts")) == 4


def test_a_job_on_one_core_ends_in_the_same_bits(make_plates, tmp_path):
    files = make_plates()
    with serving(tmp_path / "one", None, roots=(tmp_path,)) as (_, caller):
        finish(caller, motion_of(files, tmp_path / "whole"))
    spec = motion_of(files, tmp_path / "narrow")
    spec.compute.threads = 1
    with serving(tmp_path / "two", None, roots=(tmp_path,)) as (_, caller):
        finish(caller, spec)
    assert pixels(tmp_path / "narrow") == pixels(tmp_path / "whole")


def test_sent_files_give_the_same_bits_as_files_in_place(make_plates, tmp_path):
    files = make_plates()
    with serving(tmp_path / "one", None, roots=(tmp_path,)) as (_, caller):
        placed = finish(caller, motion_of(files, tmp_path / "out"))
    with serving(tmp_path / "two", None) as (_, caller):
        for path in files.values():
            caller.upload(path)
        sent = finish(caller, motion_of(files, tmp_path / "out"))
        shas = [[e.frame_done.file.sha256 for e in events if e.HasField("frame_done")] for events in (placed, sent)]
    assert shas[0] == shas[1]


def test_all_views_of_a_file_are_one_frame(make_plates, tmp_path):
    files = make_plates(("left", "right"))
    with serving(tmp_path / "one", None, roots=(tmp_path,)) as (_, caller):
        events = finish(caller, motion_of(files, tmp_path / "out"))
    assert [event.frame_done.frame for event in events if event.HasField("frame_done")] == [1001, 1002, 1003, 1004]
    assert "right.R" in plates.read(tmp_path / "out" / "made.1002.exr").channels


def test_a_plate_above_the_servers_limit_fails_its_frame(make_plates, tmp_path):
    files = make_plates()
    with serving(tmp_path / "one", None, roots=(tmp_path,), max_pixels=1000) as (_, caller):
        events = finish(caller, motion_of(files, tmp_path / "out"))
    failed = [event.frame_failed for event in events if event.HasField("frame_failed")]
    assert [(one.frame, one.error.reason) for one in failed] == [(n, "PLATE_TOO_BIG") for n in range(1001, 1005)]


def test_a_frame_that_trips_over_a_mistake_of_ours_fails_alone(make_plates, tmp_path, monkeypatch):
    files = make_plates()
    real = Passes.__call__

    def layers(passes, frame, painted):
        if frame == 1002:
            raise ZeroDivisionError("poison")
        return real(passes, frame, painted)

    monkeypatch.setattr(Passes, "__call__", layers)
    with serving(tmp_path / "one", None, roots=(tmp_path,), log_level="error") as (_, caller):
        events = finish(caller, motion_of(files, tmp_path / "out"))
    failed = [event.frame_failed for event in events if event.HasField("frame_failed")]
    assert [(one.frame, one.error.reason) for one in failed] == [(1002, "INTERNAL")]
    assert "poison" not in failed[0].error.message
    done = [event.frame_done.frame for event in events if event.HasField("frame_done")]
    assert done == [1001, 1003, 1004]


def test_a_mistake_that_meets_every_frame_fails_the_job(make_plates, tmp_path, monkeypatch):
    files = make_plates()
    monkeypatch.setattr(Passes, "__call__", lambda *_: 1 / 0)
    with serving(tmp_path / "one", None, roots=(tmp_path,)) as (_, caller):
        job = caller.jobs.CreateJob(CreateJobRequest(spec=motion_of(files, tmp_path / "out")), timeout=120).job
        last = caller.watch(job.name, timeout=120)[-1]
    assert (last.state.state, last.state.error.reason) == (JOB_STATE_FAILED, "INTERNAL")
