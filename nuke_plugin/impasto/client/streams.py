"""A stream of answers read on a thread of its own, so that Ctrl-C never lands inside gRPC's locks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any, Protocol


class Stream(Protocol):
    """A call whose answers come one by one, as gRPC returns it."""

    def __iter__(self) -> Iterator[Any]: ...

    def cancel(self) -> bool:
        """End it."""
        ...


def apart(call: Stream) -> Iterator[Any]:
    """The answers of a call, in their order; the call is cancelled when nobody wants more.

    An exception raised by a signal while gRPC holds a lock would leave that lock held, and the next call waiting for
    ever. Here the caller waits in a queue that a signal may interrupt at any moment.

    Raises:
        grpc.RpcError: as the call ended, after its last answer.
    """
    found: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def read() -> None:
        try:
            for answer in call:
                found.put((answer, None))
            found.put((None, None))
        except BaseException as error:
            found.put((None, error))

    threading.Thread(target=read, name="impasto-stream", daemon=True).start()
    try:
        while True:
            answer, error = found.get()
            if error is not None:
                raise error
            if answer is None:
                return
            yield answer
    finally:
        call.cancel()
