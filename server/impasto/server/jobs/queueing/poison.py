"""A frame over which one server after the other dies is given up, so that the others of its job can be made."""

from __future__ import annotations

import structlog

from impasto.server.jobs.records.store import JobStore, Kept
from impasto.v1.job_pb2 import JobEvent

DEATHS = 5
"""Servers that must die in a row over a job, without one more frame of it, before the frame in work is given up."""

log = structlog.get_logger(__name__)


def give_up_poison(store: JobStore, kept: Kept) -> None:
    """Let the frame fail over which one server after the other has died."""
    deaths = store.died(kept.id)
    if deaths < DEATHS:
        return
    told = store.frames_told(kept.id)
    left = [(f, v) for f in kept.plan.frames for v in kept.plan.file_views if (f, v) not in told]
    at = store.frame_in_work(kept.id)
    frame, view = at if at in left else left[0] if left else (0, "")
    if left:
        event = JobEvent()
        event.frame_failed.frame, event.frame_failed.view = frame, view
        event.frame_failed.error.reason = "FRAME_POISONED"
        event.frame_failed.error.message = (
            f"The server died {deaths} times while it worked on frame {frame}; look at that frame's files, and "
            "report it with the server's log."
        )
        store.tell(kept.id, event)
        log.error("frame given up", job=kept.id, frame=frame, view=view, deaths=deaths)
