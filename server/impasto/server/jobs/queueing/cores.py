"""How many cores a job's work may use: never which bits it makes, as threads inside one operation are fixed."""

from __future__ import annotations

import contextvars
import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future

from impasto.server.config import available_threads

_turns = itertools.count()


def run_on(count: int, work: Callable[[], None]) -> None:
    """Do work, all threads it begins included, on so many of the process's cores.

    It is done on a thread of its own, so that pools it leaves behind go with that. Two such works begin at different
    cores. Systems that bind no threads to cores (macOS, Windows) are left as they are.

    Args:
        count: cores, 1 or more; as many as the process may use change nothing.
        work: what it raises is raised here.
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if not allowed or count >= available_threads():
        work()
        return
    first = next(_turns) * count
    own = {allowed[(first + place) % len(allowed)] for place in range(count)}
    done: Future[None] = Future()

    def bound() -> None:
        os.sched_setaffinity(0, own)
        try:
            work()
            done.set_result(None)
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=contextvars.copy_context().run, args=(bound,), name="impasto-bound").start()
    done.result()
