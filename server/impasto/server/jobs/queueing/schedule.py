"""Which job is next on which device: by class, then by how little its user has used, then by age.

Fairness is by device time with a half-life, so that a user of one long shot and a user of a thousand short ones get
the same share (fair-share scheduling, Kay and Lauder 1988).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from impasto.v1.job_pb2 import (
    JOB_PRIORITY_INTERACTIVE,
    JOB_PRIORITY_NORMAL,
    JOB_PRIORITY_UNSPECIFIED,
    JobPriority,
)

HALF_LIFE = 3600.0
"""Seconds after which used device time counts half."""


@dataclass(frozen=True)
class Entry:
    """A job that is ready to run.

    Attributes:
        job: its id.
        devices: those it may run on.
        place: its age: smaller is older.
        user: who asked.
        priority: its class.
    """

    job: str
    devices: frozenset[str]
    place: int
    user: str = ""
    priority: JobPriority = JOB_PRIORITY_NORMAL

    @property
    def interactive(self) -> bool:
        """Whether it passes running jobs."""
        return self.priority == JOB_PRIORITY_INTERACTIVE


class Schedule:
    """The jobs that are ready. Not safe for threads; the queue's lock guards it.

    Args:
        clock: seconds, never set back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._used: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def push(self, entry: Entry) -> None:
        """A job is ready."""
        self._entries[entry.job] = entry

    def remove(self, job: str) -> None:
        """It is not, or there is none."""
        self._entries.pop(job, None)

    def take(self, device: str, interactive: bool) -> str | None:
        """The job that is next on a device, taken out; None where none is.

        Args:
            device: the device that is free.
            interactive: whether interactive jobs are asked for, or the others.
        """
        ready = [e for e in self._entries.values() if device in e.devices and e.interactive == interactive]
        if not ready:
            return None
        now = self._clock()
        return self._entries.pop(min(ready, key=lambda entry: self._order(entry, now)).job).job

    def waits(self, device: str, interactive: bool) -> bool:
        """Whether a job of this kind is ready for a device."""
        return any(device in e.devices and e.interactive == interactive for e in self._entries.values())

    def ahead(self, job: str) -> int:
        """Jobs that would be begun before this one, as things stand: those it shares a device with."""
        entry = self._entries.get(job)
        if entry is None:
            return 0
        now = self._clock()
        mine = self._order(entry, now)
        return sum(bool(e.devices & entry.devices) and self._order(e, now) < mine for e in self._entries.values())

    def charge(self, user: str, seconds: float) -> None:
        """A user has used a device."""
        now = self._clock()
        self._used[user] = (self._used_by(user, now) + seconds, now)

    def _used_by(self, user: str, now: float) -> float:
        used, then = self._used.get(user, (0.0, now))
        return float(used * 0.5 ** ((now - then) / HALF_LIFE))

    def _order(self, entry: Entry, now: float) -> tuple[int, float, int]:
        priority = entry.priority if entry.priority != JOB_PRIORITY_UNSPECIFIED else JOB_PRIORITY_NORMAL
        return -priority, self._used_by(entry.user, now), entry.place
