"""How jobs end: kept with a reason and a sentence, counted, their files let go."""

from __future__ import annotations

import secrets

import structlog

from impasto.server.errors import ImpastoError
from impasto.server.jobs.inputs.arrivals import Arrivals
from impasto.server.jobs.queueing.figures import Figures
from impasto.server.jobs.records.cache import Cache
from impasto.server.jobs.records.store import JobStore
from impasto.v1.job_pb2 import JOB_STATE_FAILED, JobState

log = structlog.get_logger(__name__)


class Ending:
    """Ends jobs.

    Args:
        store: where jobs are kept.
        cache: holds their files as long as they have not ended.
        arrivals: forgets what they waited for.
        figures: counts them.
    """

    def __init__(self, store: JobStore, cache: Cache, arrivals: Arrivals, figures: Figures) -> None:
        self._store, self._cache, self._arrivals, self._figures = store, cache, arrivals, figures

    def end(self, job: str, state: JobState, reason: str = "", message: str = "") -> None:
        """Let a job enter its last state; one that has ended stays as it is."""
        if self._store.enter(job, state, reason=reason, message=message):
            name = JobState.Name(state).removeprefix("JOB_STATE_").lower()
            log.info("job ended", job=job, state=name)
            self._figures.add("jobs_ended", name)
        self._arrivals.forget(job)
        self._cache.pin(job, ())

    def fail(self, job: str, error: Exception) -> None:
        """End a job that cannot be done, with a sentence for its user and the rest for the log."""
        if isinstance(error, ImpastoError):
            reason, message = error.reason, error.message
            log.warning("job failed", job=job, reason=reason, message=message)
        else:
            number = secrets.token_hex(4)
            reason = "INTERNAL"
            message = f"The server made a mistake; report it with the log around '{number}' on the server."
            log.exception("job failed", job=job, number=number)
        self.end(job, JOB_STATE_FAILED, reason, message)
