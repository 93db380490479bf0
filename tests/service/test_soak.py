"""What a studio's server meets in a year, in some minutes; figures stand in a table at the end: `make soak`."""

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from living import living, memory
from painting import painting
from proxy import Proxy
from world import motion_job, serving, until, write_plates

from impasto.client import Client, FrameDone, flow_spec
from impasto.server import plates
from impasto.v1 import catalog_pb2, job_pb2, live_pb2, plate_pb2
from impasto.v1.job_pb2 import (
    JOB_STATE_SUCCEEDED,
    CreateJobRequest,
    GetJobRequest,
    ListJobsRequest,
    WatchJobRequest,
)

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


def test_64_clients_at_once_each_get_their_frames(tmp_path, tell):
    shots = {}
    for client in range(64):
        write_plates(tmp_path / f"p{client}", range(1001 + client * 10, 1004 + client * 10))
        shots[client] = str(tmp_path / f"p{client}" / "plate.####.exr")
    found, began = {}, time.monotonic()
    with serving(tmp_path / "s", painting, listen="127.0.0.1:0") as (running, _):

        def work(number):
            with Client.connect(running.address, token=running.token, cache=tmp_path / f"d{number}", timeout=300) as c:
                out = str(tmp_path / f"o{number}" / "o.####.exr")
                events = list(c.flow(shots[number], out=out, motion="plate"))
                found[number] = [event.frame for event in events if isinstance(event, FrameDone)]

        threads = [threading.Thread(target=work, args=(number,)) for number in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {number: list(range(1001 + number * 10, 1004 + number * 10)) for number in range(64)}
    tell(f"64 clients, 192 frames sent, made and fetched: {time.monotonic() - began:.1f} s")


def test_2000_queued_jobs_all_end_in_the_order_they_came(tmp_path, tell):
    files = write_plates(tmp_path / "plates", range(1, 2))
    with living(tmp_path / "s", tmp_path, 0.0) as (process, caller):
        before, began = memory(process), time.monotonic()
        names = []
        for number in range(2000):
            spec = motion_job(files, tmp_path / "out" / str(number % 20))
            names.append(caller.jobs.CreateJob(CreateJobRequest(spec=spec), timeout=60).job.name)
        made = time.monotonic() - began
        until(
            lambda: caller.jobs.GetJob(GetJobRequest(name=names[-1]), timeout=60).job.state == JOB_STATE_SUCCEEDED, 900
        )
        drained = time.monotonic() - began
        listed, token = [], ""
        while True:
            answer = caller.jobs.ListJobs(ListJobsRequest(page_size=300, page_token=token), timeout=60)
            listed += answer.jobs
            token = answer.next_page_token
            if not token:
                break
        after = memory(process)
    assert [job.name for job in listed] == names[::-1]
    assert all(job.state == JOB_STATE_SUCCEEDED and job.frames_done == 1 for job in listed)
    tell(f"2000 jobs: made in {made:.1f} s, ended after {drained:.1f} s; memory {before:.0f} -> {after:.0f} MiB")
    assert after - before < 150


def test_killed_at_50_random_moments_nothing_is_lost_and_nothing_doubled(tmp_path, tell):
    rng = random.Random(5)
    files = write_plates(tmp_path / "plates", range(1001, 1041))
    names, seen = [], {}
    began = time.monotonic()
    for life in range(50):
        born = time.monotonic()
        with living(tmp_path / "s", tmp_path, 0.03) as (process, caller):
            slowness = max(1.0, time.monotonic() - born)  # of this machine now; else a busy one would never get on
            if life % 10 == 0:
                spec = motion_job(files, tmp_path / "out" / str(life))
                request = CreateJobRequest(spec=spec, request_id=f"life {life}")
                names.append(caller.jobs.CreateJob(request, timeout=60).job.name)
            for name in names:
                seen.setdefault(name, [])
            watched = rng.choice(names)
            stop = threading.Timer(rng.uniform(0.01, 1.2 * slowness), os.kill, (process.pid, signal.SIGKILL))
            stop.start()
            try:
                after = len(seen[watched])
                for answer in caller.jobs.WatchJob(WatchJobRequest(name=watched, after=after), timeout=60):
                    assert answer.event.number == len(seen[watched]) + 1
                    seen[watched].append(answer.event)
            except grpc.RpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE  # noqa: PT017
            stop.join()
            process.wait(20)
    with serving(tmp_path / "s", roots=(tmp_path,)) as (_, caller):
        for life, name in zip(range(0, 50, 10), names, strict=True):
            events = caller.watch(name, timeout=300)
            assert events[: len(seen[name])] == seen[name]
            assert [event.number for event in events] == list(range(1, len(events) + 1))
            done = [event.frame_done.frame for event in events if event.HasField("frame_done")]
            assert sorted(done) == list(range(1001, 1041))
            assert events[-1].state.state == JOB_STATE_SUCCEEDED
            request = CreateJobRequest(spec=motion_job(files, tmp_path / "out" / str(life)), request_id=f"life {life}")
            assert caller.jobs.CreateJob(request, timeout=60).job.name == name
            for frame, path in files.items():
                made = (tmp_path / "out" / str(life) / f"made.{frame}.exr").read_bytes()
                assert made == path.read_bytes() + b"painted"
    tell(f"50 kills over 5 jobs of 40 frames: nothing lost, nothing doubled; {time.monotonic() - began:.0f} s")


def test_a_line_cut_a_hundred_times_loses_nothing(tmp_path, tell):
    rng = np.random.default_rng(1)
    window = plates.Window(0, 0, 256, 128)
    (tmp_path / "p").mkdir()
    for frame in range(1, 41):
        pixels = rng.random((128, 256)).astype(np.float32)
        plate = plates.Plate(dict.fromkeys("RGB", pixels), window, window, compression="none")
        plates.write(tmp_path / "p" / f"p.{frame:04d}.exr", plate)
    began = time.monotonic()
    with serving(tmp_path / "s", painting, listen="127.0.0.1:0") as (running, _):
        proxy = Proxy(running.address, seed=9, cut_after=500_000, delay=0.002)
        with Client.connect(proxy.address, token=running.token, cache=tmp_path / "d", patience=300) as client:
            events = list(
                client.flow(str(tmp_path / "p" / "p.####.exr"), out=str(tmp_path / "o.####.exr"), motion="plate")
            )
        proxy.close()
    assert [event.frame for event in events if isinstance(event, FrameDone)] == list(range(1, 41))
    numbers = [event.number for event in events if event.number]
    assert numbers == list(range(1, len(numbers) + 1))
    tell(f"{proxy.cuts} cuts over 40 frames of 393 KiB each way: all whole, {time.monotonic() - began:.0f} s")
    assert proxy.cuts > 50


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no disk can be mounted here: {made.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=False)


@pytest.mark.parametrize("full", ["cache_dir", "state_dir", "out"])
def test_a_full_disk_is_told_and_the_server_lives_on(tmp_path, tiny_disk, full, tell):
    files = write_plates(tmp_path / "plates", range(1, 4))
    values = {full: tiny_disk / full} if full != "out" else {}
    with serving(tmp_path / "s", painting, roots=(tiny_disk,), **values) as (_, caller):
        out = tiny_disk / "out" if full == "out" else tmp_path / "out"
        (tiny_disk / "ballast").write_bytes(b"x" * ((1 << 20) - 200_000 if full == "state_dir" else (1 << 20) - 40_000))
        said = set()
        for number in range(60):
            try:
                (tmp_path / "big").write_bytes(os.urandom(30_000))
                caller.upload(tmp_path / "big")
                for path in files.values():
                    caller.upload(path)
                job = caller.jobs.CreateJob(CreateJobRequest(spec=motion_job(files, out / str(number))), timeout=60).job
                last = caller.watch(job.name, timeout=20)[-1]
                said.add(last.state.error.reason or "well")
            except grpc.RpcError as error:
                said.add(error.code().name)
            if said - {"well"}:
                break
            with (tiny_disk / "ballast").open("ab") as file, contextlib.suppress(OSError):
                file.write(b"x" * 20_000)
        tell(f"disk full under {full}: {sorted(said)}")
        # A job whose state cannot be kept waits for room, so whoever watches it runs out of time.
        assert said & {"RESOURCE_EXHAUSTED", "DISK_FULL", "NO_ROOM", "DEADLINE_EXCEEDED"}
        (tiny_disk / "ballast").unlink()

        def works():
            try:
                spec = motion_job(files, tmp_path / "later")
                for path in files.values():
                    caller.upload(path)
                job = caller.jobs.CreateJob(CreateJobRequest(spec=spec), timeout=60).job
                return caller.watch(job.name, timeout=60)[-1].state.state == JOB_STATE_SUCCEEDED
            except grpc.RpcError:
                return False

        until(works, 60)


def test_a_clock_that_jumps_stops_no_job_and_loses_none(tmp_path, monkeypatch):
    shift = [0.0]
    jumping = SimpleNamespace(**{**vars(time), "time": lambda: time.time() + shift[0]})
    for module in ("store", "cache", "expiry", "queue"):  # the test's own client keeps its clock
        monkeypatch.setattr(f"impasto.server.jobs.{module}.time", jumping)
    files = write_plates(tmp_path / "plates", range(1, 11))
    with serving(tmp_path / "s", painting, roots=(tmp_path,)) as (_, caller):
        names = []
        for jump in (0.0, 3e8, -3e8, 86400.0, 0.0):
            shift[0] = jump
            spec = motion_job(files, tmp_path / "out" / str(jump))
            names.append(caller.jobs.CreateJob(CreateJobRequest(spec=spec), timeout=60).job.name)
            assert caller.watch(names[-1], timeout=60)[-1].state.state == JOB_STATE_SUCCEEDED
        listed = caller.jobs.ListJobs(ListJobsRequest(), timeout=60).jobs
        assert [job.name for job in listed] == names[::-1]


def _methods(channel):
    services = (job_pb2, plate_pb2, catalog_pb2, live_pb2)
    for module in services:
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                yield f"/{service.full_name}/{method.name}", method


def test_10000_fuzzed_requests_leave_the_server_alive_and_flat(tmp_path, tell):
    rng = random.Random(7)
    files = write_plates(tmp_path / "plates")
    seeds = {
        "CreateJob": CreateJobRequest(spec=motion_job(files, tmp_path / "out")).SerializeToString(),
        "Upload": plate_pb2.UploadRequest(header=plate_pb2.UploadHeader(sha256="a" * 64, size=9)).SerializeToString(),
        "Stylize": live_pb2.StylizeRequest(
            settings=live_pb2.LiveSettings(width=32, height=32, format=2)
        ).SerializeToString(),
    }
    said: dict[str, int] = {}
    with living(tmp_path / "s", tmp_path, 0.0) as (process, caller):
        methods = list(_methods(caller.channel))
        marks = []
        for count in range(10_000):
            name, method = rng.choice(methods)
            body = bytearray(seeds.get(method.name, b"\x0a\x05jobs/"))
            for _ in range(rng.choice((0, 1, 1, 2, 4, 8))):
                where = rng.randrange(len(body) + 1)
                body[where : where + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 4))
            kind = ("stream" if method.client_streaming else "unary") + (
                "_stream" if method.server_streaming else "_unary"
            )
            call = getattr(caller.channel, kind)(name)
            try:
                answer = call(iter([bytes(body)]) if method.client_streaming else bytes(body), timeout=10)
                if method.server_streaming:
                    for _, _piece in zip(range(50), answer, strict=False):
                        pass
                    answer.cancel()
                code = "OK"
            except grpc.RpcError as error:
                code = error.code().name
                assert "made a mistake" not in error.details(), (name, bytes(body), error.details())  # noqa: PT017
                code += " (no message)" if "no message" in error.details() else ""
            said[code] = said.get(code, 0) + 1
            if count in (2000, 6000, 9999):
                marks.append(round(memory(process)))
        assert process.poll() is None
        spec = motion_job(files, tmp_path / "well")
        job = caller.jobs.CreateJob(CreateJobRequest(spec=spec), timeout=60).job
        assert caller.watch(job.name, timeout=120)[-1].state.state == JOB_STATE_SUCCEEDED
    tell(f"10000 fuzzed requests: {said}; memory after 2000, 6000, 10000: {marks} MiB")
    assert said.get("UNAVAILABLE", 0) == 0
    assert marks[2] - marks[1] < 30


def test_3000_fuzzed_exr_uploads_leave_the_server_alive_and_flat(tmp_path, tell):
    rng = random.Random(11)
    window = plates.Window(0, 0, 64, 48)
    (tmp_path / "good").mkdir()
    bodies = []
    for number, compression in enumerate(("none", "zips", "zip", "piz", "rle", "dwaa", "b44", "pxr24")):
        pixels = np.random.default_rng(number).random((48, 64)).astype(np.float16)
        path = tmp_path / "good" / f"{compression}.exr"
        plates.write(path, plates.Plate(dict.fromkeys("RGBA", pixels), window, window, compression=compression))
        bodies.append(path.read_bytes())
    failed = done = 0
    began = time.monotonic()
    (tmp_path / "nowhere").mkdir()
    with living(tmp_path / "s", tmp_path / "nowhere", 0.0, 0, "reading") as (process, caller):
        marks = []
        for batch in range(100):
            files = {}
            for frame in range(1, 31):
                body = bytearray(rng.choice(bodies))
                where = (0, 400) if rng.random() < 0.5 else (400, len(body))
                for _ in range(rng.randint(1, 12)):
                    body[rng.randrange(*where)] = rng.randrange(256)
                if rng.random() < 0.1:
                    del body[rng.randrange(len(body)) :]
                files[frame] = tmp_path / f"x.{frame:04d}.exr"
                files[frame].write_bytes(body + batch.to_bytes(2, "big"))
            spec = motion_job(files, tmp_path / "out")
            for path in files.values():
                caller.upload(path)
            try:
                name = caller.jobs.CreateJob(CreateJobRequest(spec=spec), timeout=300).job.name
            except grpc.RpcError as error:
                assert error.code() is grpc.StatusCode.INVALID_ARGUMENT  # noqa: PT017
                failed += 30
                continue
            events = caller.watch(name, timeout=300)
            done += sum(event.HasField("frame_done") for event in events)
            failed += sum(event.HasField("frame_failed") for event in events)
            assert events[-1].state.error.reason != "INTERNAL", events[-1]
            if batch in (25, 99):
                marks.append(round(memory(process)))
        assert process.poll() is None
    tell(
        f"3000 fuzzed EXR uploads: {done} frames made, {failed} failed alone, {time.monotonic() - began:.0f} s; "
        f"memory after 750 {marks[0]:.0f} MiB, after 3000 {marks[-1]:.0f} MiB"
    )
    assert done + failed == 3000
    assert marks[-1] - marks[0] < 200


def test_many_embedded_servers_work_side_by_side(tmp_path):
    from impasto.cli import embedded

    write_plates(tmp_path / "plates")
    failures = []

    def work(number):
        try:
            with embedded.client(tmp_path / "cache") as client:
                spec = flow_spec(str(tmp_path / "plates" / "plate.####.exr"), out=str(tmp_path / f"o{number}.####.exr"))
                assert len(client.render(spec).result().done) == 3
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
