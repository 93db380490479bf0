"""Frames written behind the painting, on a thread of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

_WAITING = 2
"""Frames that may wait to be written; painting stops until there are fewer."""


class Behind:
    """Does pieces of work in order while its caller goes on.

    What a piece raises is raised by the next call, or at the end; a piece that waits then is left undone.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "impasto-write")
        self._begun: deque[Future[None]] = deque()

    def put(self, work: Callable[[], None]) -> None:
        """Have this done; waits while too much is waiting."""
        while len(self._begun) >= _WAITING:
            self._begun.popleft().result()
        self._begun.append(self._pool.submit(work))

    def __enter__(self) -> Behind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for all that was put; after an error only for what is being done."""
        try:
            while error is None and self._begun:
                self._begun.popleft().result()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)
