import threading

import pytest

from impasto.server.errors import Cancelled
from impasto.server.jobs.inputs.arrivals import HEAD, STALL, Arrivals, Starved
from impasto.server.jobs.planning.spec import file_refs, files_needed_first, plate_heads
from impasto.v1.job_pb2 import Cut, JobSpec, Key
from impasto.v1.plate_pb2 import FileRef, FrameFile


def spec_of(frames=20, ending="exr"):
    spec = JobSpec()
    spec.plate.files.extend(
        FrameFile(frame=n, file=FileRef(sha256=f"plate {n}", path=f"p.{n}.{ending}")) for n in range(1, frames + 1)
    )
    spec.stylize.keys.append(Key(frame=1, file=FileRef(sha256="key", path="key.png")))
    return spec


@pytest.fixture
def room():
    class Room:
        def __init__(self):
            self.here, self.received, self.now = set(), {}, 0.0
            self.arrivals = Arrivals(
                lambda spec: [ref.sha256 for _, ref in file_refs(spec) if ref.sha256 not in self.here],
                lambda sha256: self.received.get(sha256, 0),
                lambda: self.now,
            )

        def come(self, *files):
            return [job for sha256 in files for job in self.arrivals.came(sha256, 10 * HEAD, whole=True)]

    return Room()


def test_a_job_begins_with_its_keys_its_analysis_frames_and_the_heads_of_the_others(room):
    spec = spec_of()
    assert not room.arrivals.expect("job", spec)
    late = sorted(plate_heads(spec) - files_needed_first(spec))
    assert room.arrivals.heads("job") == late
    assert len(late) == 4
    assert room.come(*sorted(files_needed_first(spec))) == []
    for head in late[:-1]:
        assert room.arrivals.came(head, HEAD, whole=False) == []
    assert room.arrivals.came(late[-1], HEAD - 1, whole=False) == []
    assert room.arrivals.came(late[-1], HEAD, whole=False) == ["job"]
    assert room.arrivals.came(late[0], 2 * HEAD, whole=False) == []  # it was told once
    assert [room.arrivals.awaited("job", sha256) for sha256 in ("key", late[0])] == [False, True]
    room.come(*late)
    assert not room.arrivals.lacks("job")


def test_heads_that_came_before_are_not_waited_for_again(room):
    room.received = {f"plate {n}": HEAD for n in range(1, 21)}
    room.arrivals.expect("job", spec_of())
    assert room.arrivals.heads("job") == []


def test_pictures_that_tell_their_size_at_no_fixed_place_come_whole(room):
    spec = spec_of(ending="tif")
    room.arrivals.expect("job", spec)
    assert room.arrivals.heads("job") == []
    everything = [ref.sha256 for _, ref in file_refs(spec)]
    assert room.come(*everything[:-1]) == []
    assert room.come(everything[-1]) == ["job"]


def test_a_job_that_starved_begins_when_all_is_here(room):
    spec = spec_of()
    room.here = {"key", *(f"plate {n}" for n in range(1, 19))}
    assert not room.arrivals.expect("job", spec, everything=True)
    assert room.come("plate 19") == []
    assert room.come("plate 20") == ["job"]


def test_waiting_ends_with_the_file_with_the_job_and_when_nothing_comes(room):
    room.arrivals.expect("job", spec_of())
    threading.Timer(0.05, lambda: room.come("plate 2")).start()
    room.arrivals.wait("job", "plate 2", lambda: None)

    def cancelled():
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        room.arrivals.wait("job", "plate 3", cancelled)
    room.now = STALL + 1
    with pytest.raises(Starved):
        room.arrivals.wait("job", "plate 3", lambda: None)
    room.arrivals.forget("job")
    room.arrivals.wait("job", "plate 3", lambda: None)


def test_jobs_for_which_nothing_comes_are_found(room):
    room.arrivals.expect("job", spec_of())
    room.now = 100.0
    assert list(room.arrivals.idle(99)) == ["job"]
    room.come("plate 1")
    assert list(room.arrivals.idle(99)) == []


def test_with_cuts_given_each_shot_is_sent_before_the_next():
    spec = spec_of(40)
    spec.plate.cuts = "given"
    spec.plate.given_cuts.append(Cut(frame=21))
    order = [int(ref.sha256.partition(" ")[2]) for word, ref in file_refs(spec) if word == "plate"]
    assert sorted(order[:20]) == list(range(1, 21))
    assert sorted(order[20:]) == list(range(21, 41))
    assert len(files_needed_first(spec)) == 17  # the key, and 16 frames of the first shot
