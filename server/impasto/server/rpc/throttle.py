"""How fast a user may send."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

BURST = 1.0
"""Seconds of the rate that may come at once."""


class Throttle:
    """A bucket of bytes for each user that fills at a rate.

    Args:
        rate: bytes a second; 0 lets everything through.
        clock: seconds, never set back.
        sleep: waits so many seconds.
    """

    def __init__(
        self, rate: int, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._rate, self._clock, self._sleep = rate, clock, sleep
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}

    def take(self, user: str, count: int) -> None:
        """Let so many bytes of a user through, waiting for their turn."""
        if not self._rate:
            return
        with self._lock:
            now = self._clock()
            due = max(self._due.get(user, 0.0), now - BURST) + count / self._rate
            self._due[user] = due
        if due > now:
            self._sleep(due - now)
