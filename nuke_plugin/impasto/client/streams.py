"""Answers read on threads of their own, so that Ctrl-C never lands inside gRPC's locks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any, Protocol


class Stream(Protocol):
    """A call whose answers come one by one, as gRPC returns it."""

    def __iter__(self) -> Iterator[Any]: ...

    def cancel(self) -> bool:
        """End it."""
        ...


class Pending(Protocol):
    """A call with one answer, as gRPC's `future` returns it."""

    def result(self) -> Any:
        """The answer; raises as the call ended."""
        ...

    def cancel(self) -> bool:
        """End it."""
        ...


_AHEAD = 16
"""Answers read before they are asked for: 16 MiB of a file."""
NOTHING_YET: Any = object()
"""What `apart` gives where it is to look up and nothing has come."""


def apart(call: Stream, look_up: float | None = None) -> Iterator[Any]:
    """The answers of a call, in their order; the call is cancelled when nobody wants more.

    An exception raised by a signal while gRPC holds a lock would leave that lock held, and the next call waiting for
    ever. Here the caller waits in a queue that a signal may interrupt at any moment.

    Args:
        call: just made.
        look_up: seconds after which `NOTHING_YET` is given where no answer came; None waits.

    Raises:
        grpc.RpcError: as the call ended, after its last answer.
    """
    found: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
    room, left = threading.Semaphore(_AHEAD), threading.Event()

    def read() -> None:
        try:
            for answer in call:
                found.put((answer, None))
                while not room.acquire(timeout=1.0):
                    if left.is_set():
                        return
            found.put((None, None))
        except BaseException as error:
            found.put((None, error))

    threading.Thread(target=read, name="impasto-stream", daemon=True).start()
    try:
        while True:
            try:
                answer, error = found.get(timeout=look_up)
            except Empty:
                yield NOTHING_YET
                continue
            room.release()
            if error is not None:
                raise error
            if answer is None:
                return
            yield answer
    finally:
        left.set()
        call.cancel()


def answered(call: Pending, look_up: float | None = None, meanwhile: Callable[[], None] | None = None) -> Any:
    """The one answer of a call made with `future`; the call is cancelled where its caller is interrupted.

    Args:
        call: just made.
        look_up: seconds after which `meanwhile` is called, again and again, as long as no answer has come.
        meanwhile: raises what ends the waiting.

    Raises:
        grpc.RpcError: as the call ended.
    """
    found: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def read() -> None:
        try:
            found.put((call.result(), None))
        except BaseException as error:
            found.put((None, error))

    threading.Thread(target=read, name="impasto-call", daemon=True).start()
    try:
        while True:
            try:
                answer, error = found.get(timeout=look_up)
                break
            except Empty:
                if meanwhile is not None:
                    meanwhile()
    except BaseException:
        call.cancel()
        raise
    if error is not None:
        raise error
    return answer
