import hashlib

import pytest

from impasto.server.jobs.inputs.places import Places
from impasto.server.jobs.planning.plan import Plan
from impasto.server.jobs.queueing.figures import Figures
from impasto.server.jobs.queueing.listener import StoredListener
from impasto.server.jobs.records.cache import Cache
from impasto.server.jobs.records.store import JobStore
from impasto.v1.job_pb2 import JOB_STATE_QUEUED, JobSpec


@pytest.fixture
def store(tmp_path):
    store = JobStore(tmp_path / "state")
    yield store
    store.close()


@pytest.fixture
def told(store, tmp_path):
    spec = JobSpec()
    spec.output.pattern = str(tmp_path / "o.####.exr")
    job = store.create(spec, Plan("d", (1, 2), (1, 2), ("",)), JOB_STATE_QUEUED)
    cache = Cache(tmp_path / "cache", 1 << 24, tmp_path / "uploads")
    places = Places((tmp_path,), cache, tmp_path / "state" / "frames")
    yield StoredListener(store, job, spec, places, Figures()), lambda: store.events(job, 1), job
    places.close()


def test_progress_is_thinned_out(told):
    listener, events, _ = told
    for number in range(200):
        listener.progress("motion", number, "", number / 100)
    assert 1 <= len(events()) <= 3
    assert all(0 <= event.progress.fraction <= 1 for event in events())


def test_a_frame_is_told_with_its_content_and_its_path_where_its_user_sees_it(told, store, tmp_path):
    listener, events, job = told
    for path in (tmp_path / "o.0001.exr", tmp_path / "hidden.exr"):
        path.write_bytes(b"frame")
        listener.frame_done(1, "", path, {"carried": 0.5})
    seen, hidden = (event.frame_done for event in events())
    assert seen.file.path == str(tmp_path / "o.0001.exr")
    assert seen.file.sha256 == hashlib.sha256(b"frame").hexdigest()
    assert seen.file.size == 5
    assert dict(seen.figures) == {"carried": 0.5}
    assert hidden.file.path == ""
    assert store.frames_done(job) == {(1, ""): tmp_path / "hidden.exr"}


def test_a_frame_that_is_gone_when_it_is_told_has_failed(told, tmp_path):
    listener, events, _ = told
    listener.frame_done(1, "", tmp_path / "absent.exr", {})
    assert events()[0].frame_failed.error.reason == "OUTPUT_GONE"


def test_the_same_warning_is_told_once_also_in_another_life(told, store, tmp_path):
    listener, events, job = told
    spec = JobSpec()
    spec.output.pattern = str(tmp_path / "o.####.exr")
    listener.warning("Mind the gap.")
    listener.warning("Mind the gap.")
    StoredListener(store, job, spec, listener._places, Figures()).warning("Mind the gap.")
    assert len(events()) == 1


def test_a_frame_whose_folder_became_a_link_meanwhile_fails(told, tmp_path):
    listener, events, _ = told
    (tmp_path / "sub").symlink_to("/tmp")
    listener.frame_done(1, "", tmp_path / "sub" / "o.0001.exr", {})
    (event,) = events()
    assert event.frame_failed.error.reason == "OUTPUT_MOVED"
