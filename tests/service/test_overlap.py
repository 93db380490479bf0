"""Work begins while files are still arriving; its frames are those of a job whose files were there from the start."""

import cv2
import numpy as np
import pytest
from world import motion_job, ref_of, serving, until

from impasto.server import plates
from impasto.server.jobs.inputs.arrivals import HEAD
from impasto.v1.job_pb2 import (
    JOB_STATE_CANCELLED,
    JOB_STATE_RUNNING,
    JOB_STATE_SUCCEEDED,
    JOB_STATE_WAITING,
    CancelJobRequest,
    CreateJobRequest,
    GetJobRequest,
)

FIRST, LAST = 1001, 1020
LATE = 1018
"""Neither read by the analysis nor needed by the first frames."""


@pytest.fixture
def files(tmp_path):
    noise = cv2.GaussianBlur(np.random.default_rng(1).random((144, 176)).astype(np.float32), (0, 0), 2)
    window = plates.Window(0, 0, 136, 112)
    (tmp_path / "plates").mkdir()
    found = {}
    for step, frame in enumerate(range(FIRST, LAST + 1)):
        moved = noise[8:120, 8 + step : 144 + step].astype(np.float16)
        found[frame] = tmp_path / "plates" / f"plate.{frame}.exr"
        plates.write(found[frame], plates.Plate(dict.fromkeys("RGB", moved), window, window, compression="none"))
        assert found[frame].stat().st_size > HEAD
    return found


def job_of(files, out, cuts="none"):
    spec = motion_job(files, out, frames=f"{FIRST}-{FIRST + 3}")
    spec.plate.cuts = cuts
    spec.motion.motion.model = "dis"
    spec.output.passes.extend(["motion", "occlusion"])
    return spec


def pixels(folder, pattern="*"):
    return {
        path.stem.rpartition(".")[2][-4:]: {name: a.tobytes() for name, a in plates.read(path).channels.items()}
        for path in sorted(folder.glob(pattern))
    }


def in_place(files, folder, spec_of=job_of):
    """The frames of the job where the server sees its files."""
    with serving(folder / "whole", None, roots=(folder,)) as (_, caller):
        name = caller.jobs.CreateJob(CreateJobRequest(spec=spec_of(files, folder / "out")), timeout=120).job.name
        caller.watch(name, timeout=120)
    return pixels(folder / "out")


def shown(caller, name):
    return caller.jobs.GetJob(GetJobRequest(name=name), timeout=10).job


def begin(caller, spec, files, but=(LATE,)):
    """A job made, and all its files sent but some, of which only the first bytes are."""
    job = caller.jobs.CreateJob(CreateJobRequest(spec=spec), timeout=120).job
    assert job.state == JOB_STATE_WAITING
    assert (len(job.plan.heads), job.plan.head_bytes) == (4, HEAD)  # 16 are read by the analysis and come whole
    for frame in but:
        assert caller.upload(files[frame], size=HEAD) == HEAD
    for frame, path in files.items():
        if frame not in but:
            caller.upload(path)
    return job.name


def test_frames_are_made_before_the_last_file_has_arrived_in_the_bits_of_files_that_were_there(files, tmp_path):
    with serving(tmp_path / "s", None) as (_, caller):
        name = begin(caller, job_of(files, tmp_path / "other"), files)
        until(lambda: shown(caller, name).frames_done == 4)
        assert shown(caller, name).state == JOB_STATE_RUNNING
        assert list(shown(caller, name).plan.missing) == [ref_of(files[LATE]).sha256]
        caller.upload(files[LATE])
        assert caller.watch(name, timeout=120)[-1].state.state == JOB_STATE_SUCCEEDED
        made = pixels(tmp_path / "s" / "state" / "frames" / name.removeprefix("jobs/"))
    assert made == in_place(files, tmp_path)


def test_while_cuts_are_looked_for_the_motion_of_what_has_arrived_is_measured(files, tmp_path):
    def detecting(files, out):
        return job_of(files, out, "detect")

    with serving(tmp_path / "s", None) as (_, caller):
        name = begin(caller, detecting(files, tmp_path / "other"), files)
        until(lambda: measured(tmp_path / "s") >= 15)
        assert (shown(caller, name).state, shown(caller, name).frames_done) == (JOB_STATE_RUNNING, 0)
        caller.upload(files[LATE])
        assert caller.watch(name, timeout=120)[-1].state.state == JOB_STATE_SUCCEEDED
        made = pixels(tmp_path / "s" / "state" / "frames" / name.removeprefix("jobs/"))
    assert made == in_place(files, tmp_path, detecting)


def measured(folder):
    """Arrays kept by a server: one is the analysis, the others motion of pairs."""
    return sum(1 for _ in (folder / "cache" / "arrays").glob("*/*"))


def test_a_frame_that_arrives_damaged_has_all_made_anew_as_if_it_had_been_known(files, tmp_path):
    files[LATE].write_bytes(files[LATE].read_bytes()[:-3000])
    with serving(tmp_path / "s", None) as (_, caller):
        name = begin(caller, job_of(files, tmp_path / "other"), files)
        until(lambda: shown(caller, name).frames_done == 4)
        caller.upload(files[LATE])
        events = caller.watch(name, timeout=120)
        assert events[-1].state.state == JOB_STATE_SUCCEEDED
        assert [e.frame_done.frame for e in events if e.HasField("frame_done")] == 2 * list(range(FIRST, FIRST + 4))
        assert any("made anew without it" in e.warning.message for e in events if e.HasField("warning"))
        assert shown(caller, name).frames_done == 4
        made = pixels(tmp_path / "s" / "state" / "frames" / name.removeprefix("jobs/"))
    assert made == in_place(files, tmp_path)


def test_a_damaged_frame_is_found_out_also_when_the_server_was_restarted_meanwhile(files, tmp_path):
    files[LATE].write_bytes(files[LATE].read_bytes()[:-3000])
    with serving(tmp_path / "s", None) as (_, caller):
        name = begin(caller, job_of(files, tmp_path / "other"), files)
        until(lambda: shown(caller, name).frames_done == 4)
    with serving(tmp_path / "s", None) as (_, caller):
        caller.upload(files[LATE])
        events = caller.watch(name, timeout=120)
        assert events[-1].state.state == JOB_STATE_SUCCEEDED
        assert any("made anew without it" in e.warning.message for e in events if e.HasField("warning"))


def test_a_job_that_waits_for_a_file_lets_another_have_the_device(files, tmp_path):
    (tmp_path / "out").mkdir()
    with serving(tmp_path / "s", None, roots=(tmp_path / "plates", tmp_path / "out")) as (_, caller):
        sent = job_of(files, tmp_path / "far" / "out")
        for entry in sent.plate.files:
            entry.file.path = entry.file.path.replace("plates", "elsewhere")
        name = begin(caller, sent, files)
        until(lambda: shown(caller, name).frames_done == 4)
        other = job_of(files, tmp_path / "out")
        second = caller.jobs.CreateJob(CreateJobRequest(spec=other), timeout=120).job.name
        assert caller.watch(second, timeout=60)[-1].state.state == JOB_STATE_SUCCEEDED
        assert shown(caller, name).state == JOB_STATE_WAITING
        caller.upload(files[LATE])
        assert caller.watch(name, timeout=60)[-1].state.state == JOB_STATE_SUCCEEDED
        assert shown(caller, name).frames_done == 4


def test_a_job_that_waits_for_a_file_is_cancelled_at_once(files, tmp_path):
    with serving(tmp_path / "s", None) as (_, caller):
        name = begin(caller, job_of(files, tmp_path / "other"), files)
        until(lambda: shown(caller, name).frames_done == 4)
        caller.jobs.CancelJob(CancelJobRequest(name=name), timeout=10)
        until(lambda: shown(caller, name).state == JOB_STATE_CANCELLED, 5)
        assert shown(caller, name).frames_done == 4
