"""A small world for the tests of the service: plates of a few pixels, jobs of them, and a runner that copies."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np

from impasto.server import plates
from impasto.server.config import ServerConfig
from impasto.server.errors import Cancelled, FrameError
from impasto.server.jobs.task import Task
from impasto.server.rpc.server import RunningServer, start
from impasto.v1.job_pb2 import JobEvent, JobSpec, WatchJobRequest
from impasto.v1.job_pb2_grpc import JobServiceStub
from impasto.v1.plate_pb2 import FileRef, FrameFile, UploadHeader, UploadRequest
from impasto.v1.plate_pb2_grpc import PlateServiceStub


def write_plates(folder: Path, frames: range = range(1001, 1004)) -> dict[int, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    window = plates.Window(0, 0, 8, 6)
    for frame in frames:
        files[frame] = folder / f"plate.{frame}.exr"
        pixels = np.full((6, 8), frame / 1000, np.float16)
        plates.write(files[frame], plates.Plate(dict.fromkeys("RGB", pixels), window, window))
    return files


def ref_of(path: Path) -> FileRef:
    content = path.read_bytes()
    return FileRef(sha256=hashlib.sha256(content).hexdigest(), size=len(content), path=str(path))


def motion_job(files: dict[int, Path], out: Path, frames: str = "") -> JobSpec:
    spec = JobSpec()
    first, last = min(files), max(files)
    spec.plate.pattern = str(files[first].parent / "plate.####.exr")
    spec.plate.shot = f"{first}-{last}"
    spec.plate.frames = frames or spec.plate.shot
    for frame, path in files.items():
        spec.plate.files.append(FrameFile(frame=frame, file=ref_of(path)))
    spec.output.pattern = str(out / "made.####.exr")
    spec.compute.device = "cpu"
    spec.motion.motion.plate = True
    return spec


def copying(task: Task) -> None:
    """A runner that copies each plate to its place."""
    files = {entry.frame: entry.file for entry in task.spec.plate.files}
    for number, frame in enumerate(task.plan.frames):
        if task.cancelled():
            raise Cancelled("The job was cancelled; finished frames are kept.")
        if (frame, "") in task.done:
            continue
        task.listener.progress("copying", frame, "", number / len(task.plan.frames))
        try:
            content = task.local(files[frame]).read_bytes()
        except FrameError as error:
            task.listener.frame_failed(frame, "", error.reason, error.message)
            continue
        target = task.target(frame, "")
        target.write_bytes(content + b"painted")
        task.listener.frame_done(frame, "", target, {"share": 0.5})


class Caller:
    """Stubs to a server."""

    def __init__(self, address: str, token: str = "") -> None:
        self.channel = grpc.insecure_channel(address)
        self.jobs, self.plates = JobServiceStub(self.channel), PlateServiceStub(self.channel)
        self.metadata = (("authorization", f"Bearer {token}"),)

    def watch(self, name: str, after: int = 0, timeout: float = 30) -> list[JobEvent]:
        request = WatchJobRequest(name=name, after=after)
        return [answer.event for answer in self.jobs.WatchJob(request, timeout=timeout, metadata=self.metadata)]

    def upload(self, path: Path, size: int | None = None, offset: int = 0, sha256: str = "") -> int:
        """Send a file from an offset to a size, as one that is whole at its true size."""
        content = path.read_bytes()
        header = UploadHeader(sha256=sha256 or hashlib.sha256(content).hexdigest(), size=len(content), offset=offset)
        part = content[offset:size]
        requests = [UploadRequest(header=header), UploadRequest(chunk=part)]
        return self.plates.Upload(iter(requests), timeout=30, metadata=self.metadata).received


@contextmanager
def serving(
    folder: Path, runner: Callable[[Task], None] = copying, **values: object
) -> Iterator[tuple[RunningServer, Caller]]:
    """A server on a private socket, its state and cache in `folder`, without roots unless given."""
    running = start(private(folder, **values), runner)
    caller = Caller(running.address, running.token)
    try:
        yield running, caller
    finally:
        caller.channel.close()
        running.stop(5)


def private(folder: Path, **values: object) -> ServerConfig:
    folder.mkdir(parents=True, exist_ok=True)
    known: dict[str, object] = {
        "listen": f"unix:{folder}/s",
        "state_dir": folder / "state",
        "cache_dir": folder / "cache",
        "log_level": "error",
    }
    return ServerConfig(**(known | values))  # type: ignore[arg-type]


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
