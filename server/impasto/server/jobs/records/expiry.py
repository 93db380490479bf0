"""Old jobs go, with their events and the frames kept here."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from impasto.server.jobs.records.store import JobStore

DAY = 86400.0
EVERY = 3600.0
"""Seconds between looks. What one look finds old goes at the next if it is old still: a clock that jumps and is set
right within the hour takes nothing."""

log = structlog.get_logger(__name__)


class Expiry:
    """Lets ended jobs go after some days.

    Args:
        store: of the jobs.
        days: an ended job stays; 0 for ever.
        forget_files: removes the files of a job.
        clock: seconds since 1970.
        steady: seconds, never set back.
    """

    def __init__(
        self,
        store: JobStore,
        days: float,
        forget_files: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._days, self._forget_files = store, days, forget_files
        self._clock, self._steady = clock, steady
        self._found: frozenset[str] = frozenset()
        self._last = float("-inf")

    def look(self) -> int:
        """Remove what was old at the look before and is so still; does nothing within an hour of that look.

        Returns:
            Jobs removed.
        """
        if not self._days or self._steady() - self._last < EVERY:
            return 0
        self._last = self._steady()
        old = frozenset(self._store.ended_before(self._clock() - self._days * DAY))
        gone = old & self._found
        self._found = old - gone
        for job in sorted(gone):
            self._forget_files(job)
            self._store.forget(job)
        if gone:
            log.info("old jobs removed", jobs=len(gone), days=self._days)
        return len(gone)
