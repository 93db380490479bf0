"""A runner that writes real frames, quickly: each plate darkened by half, with the job's digest in its header."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

import numpy as np

from impasto.server import plates
from impasto.server.errors import Cancelled, FrameError
from impasto.server.jobs.task import Task


def painting(task: Task) -> None:
    files = {(entry.frame, entry.view): entry.file for entry in task.spec.plate.files}
    for view in task.plan.file_views:
        for frame in task.plan.frames:
            if task.cancelled():
                raise Cancelled("The job was cancelled; finished frames are kept.")
            if (frame, view) in task.done:
                continue
            task.listener.progress("painting", frame, view, 0.5)
            try:
                if (frame, view) not in files:
                    raise FrameError(f"Frame {frame} is missing.", reason="FRAME_MISSING")
                plate = plates.read(task.local(files[frame, view]))
                target = task.target(frame, view)
                channels = {name: (pixels * 0.5).astype(np.float16) for name, pixels in plate.channels.items()}
                attributes = {**plate.attributes, "impasto/job": task.plan.digest}
                plates.write(target, dataclasses.replace(plate, channels=channels, attributes=attributes))
            except FrameError as error:
                task.listener.frame_failed(frame, view, error.reason, error.message)
            else:
                task.listener.frame_done(frame, view, target, {"share": 0.5})


def slowly(pause: threading.Event) -> Callable[[Task], None]:
    """A runner that paints one frame and then waits until the event is set, or the job is to stop."""

    def run(task: Task) -> None:
        first = dataclasses.replace(task.plan, frames=task.plan.frames[:1])
        painting(dataclasses.replace(task, plan=first))
        while not pause.wait(0.02):
            if task.cancelled():
                raise Cancelled("The job was cancelled; finished frames are kept.")
        done = task.done | {(task.plan.frames[0], view) for view in task.plan.file_views}
        painting(dataclasses.replace(task, done=frozenset(done)))

    return run
