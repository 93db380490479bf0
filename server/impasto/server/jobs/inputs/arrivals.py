"""What jobs wait for: which of their files have not arrived, when enough has to begin, and who waits for one of them.

A job begins when its keys, looks and analysis frames are here and the first bytes of every other frame, which hold its
size. Its run then waits for each further file when it comes to it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from impasto.server.jobs.planning.spec import files_needed_first, plate_heads
from impasto.v1.job_pb2 import JobSpec

HEAD = 1 << 16
"""First bytes of a frame, sent before the rest of any: the header of an EXR lies within, seldom not."""
STALL = 60.0
"""Seconds without a byte after which a run waits no more; it goes on when all has arrived."""
_LOOK = 0.2


class Interrupted(Exception):
    """A run is to be left for a reason that lies in the arrival of its files."""


class Starved(Interrupted):
    """The file a run has come to is not here, and it waits no longer; it goes on when its files have arrived."""


class Disproved(Interrupted):
    """A frame taken to be readable before it arrived is not; what was made of that is to be made anew.

    Args:
        frame: its number.
        why: one sentence.
    """

    def __init__(self, frame: int, why: str) -> None:
        super().__init__(why)
        self.frame, self.why = frame, why


@dataclass
class _Expected:
    """What one job waits for, by SHA-256.

    Attributes:
        missing: files that are not here.
        first: those of them it cannot begin without.
        heads: those of which it cannot begin without the first bytes.
        begun: whether it was told to begin.
        moved: when something last arrived for it, by the steady clock.
    """

    missing: set[str]
    first: set[str]
    heads: set[str]
    begun: bool
    moved: float

    @property
    def enough(self) -> bool:
        """Whether the job can begin."""
        return not self.first and not self.heads


class Arrivals:
    """Knows what every unended job still lacks. Safe for threads.

    Args:
        missing: gives the files of a job that are not here, by SHA-256.
        received: bytes of a file that have arrived, from its start.
        clock: seconds, never set back.
    """

    def __init__(
        self,
        missing: Callable[[JobSpec], list[str]],
        received: Callable[[str], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look, self._received, self._clock = missing, received, clock
        self._changed = threading.Condition(threading.Lock())
        self._expected: dict[str, _Expected] = {}

    def expect(self, job: str, spec: JobSpec, everything: bool = False) -> bool:
        """Look which files of a job are missing.

        Args:
            job: its id.
            spec: the job.
            everything: whether it is to begin only when all its files are here.

        Returns:
            Whether it can begin.
        """
        with self._changed:
            missing = set(self._look(spec))
            if not missing:
                self._expected.pop(job, None)
                return True
            first = set(missing) if everything else missing & files_needed_first(spec)
            heads = {sha256 for sha256 in plate_heads(spec) & missing - first if self._received(sha256) < HEAD}
            here = _Expected(missing, first, heads, False, self._clock())
            here.begun = here.enough
            self._expected[job] = here
            return here.begun

    def came(self, sha256: str, size: int, whole: bool) -> list[str]:
        """So many bytes of a file, from its start, are here now.

        Returns:
            Jobs that can begin by that.
        """
        begin = []
        with self._changed:
            for job, expected in list(self._expected.items()):
                if sha256 not in expected.missing:
                    continue
                expected.moved = self._clock()
                if whole or size >= HEAD:
                    expected.heads.discard(sha256)
                if whole:
                    expected.missing.discard(sha256)
                    expected.first.discard(sha256)
                if expected.enough and not expected.begun:
                    expected.begun = True
                    begin.append(job)
                if not expected.missing:
                    del self._expected[job]
            self._changed.notify_all()
        return begin

    def heads(self, job: str) -> list[str]:
        """Files whose first `HEAD` bytes a job waits for, by SHA-256."""
        with self._changed:
            expected = self._expected.get(job)
            return sorted(expected.heads) if expected is not None else []

    def lacks(self, job: str) -> bool:
        """Whether files of a job have not arrived."""
        with self._changed:
            return job in self._expected

    def awaited(self, job: str, sha256: str) -> bool:
        """Whether a job waits for this file."""
        with self._changed:
            expected = self._expected.get(job)
            return expected is not None and sha256 in expected.missing

    def wait(self, job: str, sha256: str, step: Callable[[], None]) -> None:
        """Wait until a file of a job is here.

        Args:
            job: its id.
            sha256: of the file.
            step: asked again and again; raises what ends the waiting.

        Raises:
            Starved: nothing has arrived for the job in a long time.
        """
        while self.awaited(job, sha256):
            step()
            with self._changed:
                expected = self._expected.get(job)
                if expected is None or sha256 not in expected.missing:
                    return
                if self._clock() - expected.moved > STALL:
                    raise Starved(f"nothing has arrived for {STALL:.0f} s")
                self._changed.wait(_LOOK)

    def idle(self, seconds: float) -> Iterable[str]:
        """Jobs that cannot begin, and for which nothing has arrived for so long."""
        now = self._clock()
        with self._changed:
            return [job for job, e in self._expected.items() if not e.begun and now - e.moved > seconds]

    def forget(self, job: str) -> None:
        """A job waits for nothing any more."""
        with self._changed:
            self._expected.pop(job, None)
            self._changed.notify_all()
