"""Motion measured while files are still arriving and the cuts of the range are not known."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from impasto.server.jobs.inputs.sequence import Sequence
from impasto.server.jobs.planning.spec import motion_model
from impasto.server.jobs.task import Task
from impasto.server.shots.motion import Motion

_LOOK = 0.2
_END = 10.0
"""Seconds to wait for what is being measured when the cuts are known."""

log = structlog.get_logger(__name__)


@contextmanager
def early_motion(task: Task, sequence: Sequence, motion: Callable[[str], Motion]) -> Iterator[None]:
    """Measure motion of frames as they arrive, as long as the block runs, on a thread of its own.

    Most ranges are one shot, so motion is measured as that of one: the store then holds it when it is asked for. Where
    cuts are found some of it was in vain; it is known by the exposure of the whole range and does no harm.

    Args:
        task: the job; nothing is measured where all its files are here, or it measures none.
        sequence: its frames.
        motion: of a view, as that of a shot that is not parted.
    """
    known = task.spec.plate.cuts not in ("", "detect")
    if known or not motion_model(task.spec) or all(map(sequence.frames.arrived, sequence.frames.numbers)):
        yield
        return
    ended = threading.Event()

    def measure() -> None:
        try:
            for view in sequence.views:
                _measure(motion(view), sequence, ended)
        except Exception as error:  # whoever needs it meets the same and tells it
            log.debug("motion is not measured early", why=str(error))

    thread = threading.Thread(target=measure, name="impasto-early", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(_END)


def _measure(motion: Motion, sequence: Sequence, ended: threading.Event) -> None:
    for frame in sequence.frames.numbers:
        if sequence.frames.error(frame):
            continue
        for needed in (frame, *motion.neighbours(frame)):
            while needed is not None and not sequence.frames.arrived(needed):
                if ended.wait(_LOOK):
                    return
        if ended.is_set():
            return
        motion.frame(frame)
