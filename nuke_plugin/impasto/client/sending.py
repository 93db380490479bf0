"""Files on their way to the server, beside whatever else goes on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from queue import Empty, SimpleQueue

from impasto.client.events import FilesSent

_LAST = 2.0


class Sending:
    """Sends files on a thread of its own.

    Args:
        pieces: sends a piece each time it is asked for the next, and tells of it.
    """

    def __init__(self, pieces: Iterator[FilesSent]) -> None:
        self._pieces = pieces
        self._told: SimpleQueue[FilesSent | BaseException] = SimpleQueue()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send, name="impasto-send", daemon=True)
        self._thread.start()

    def _send(self) -> None:
        try:
            for told in self._pieces:
                self._told.put(told)
                if self._over.is_set():
                    return
        except BaseException as error:
            self._told.put(error)

    def news(self) -> Iterator[FilesSent]:
        """What was sent since this was asked before; never waits.

        Raises:
            ImpastoError: no more can be sent.
        """
        with contextlib.suppress(Empty):
            while True:
                told = self._told.get_nowait()
                if isinstance(told, BaseException):
                    raise told
                yield told

    def last_news(self) -> Iterator[FilesSent]:
        """The same after the job's end: what is just being sent is waited for a little."""
        self._thread.join(_LAST)
        yield from self.news()

    def stop(self) -> None:
        """Send no further file."""
        self._over.set()
