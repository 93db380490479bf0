"""Work that takes turns between Nuke's main thread and one beside it, so that Nuke's windows never stand still.

Nodes and knobs may be touched on the main thread alone; files, which may lie on a slow server, must not be. So what may
take long is written as a generator, its *steps*: it works on the main thread, hands out (`yield`) a function to be run
beside, and gets its result back; `yield BREATHE` lets Nuke draw if the turn has lasted. Without windows there is
nothing to hold up: the same steps run `at_once`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable
from typing import Any, Callable, Optional, TypeVar

import nuke
from impasto.nuke.errors import FAILED, NodeError

TURN = 0.03
"""Seconds the main thread is held before it may breathe."""
BREATHE = None
"""Handed out where a turn may end."""

T = TypeVar("T")
Aside = Optional[Callable[[], Any]]
Steps = Generator[Aside, Any, T]
Ended = Callable[[Optional[T], Optional[NodeError]], None]


def at_once(steps: Steps[T]) -> T:
    """Run steps to their end, in this thread.

    Raises:
        NodeError: as they ended.
    """
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            aside = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer, error = _run(aside) if aside is not BREATHE else (None, None)


def in_turns(steps: Steps[T], ended: Ended[T]) -> None:
    """Begin steps; returns when their first turn is over.

    On the main thread, with windows.

    Args:
        steps: what is done.
        ended: called on the main thread with the result and None, or with None and the error; a mistake of ours comes
            as an error too.
    """
    _turn(steps, None, None, ended)


def begin(steps: Steps[T], ended: Ended[T]) -> None:
    """In turns where there are windows, else at once.

    Raises:
        NodeError: without windows, as the steps ended.
    """
    if nuke.GUI:
        in_turns(steps, ended)
    else:
        ended(at_once(steps), None)


def listed(items: Iterable[T]) -> Steps[list[T]]:
    """A list of what an iterator gives, Nuke breathing between."""
    found = []
    for item in items:
        found.append(item)
        yield BREATHE
    return found


def _turn(steps: Steps[T], answer: Any, error: BaseException | None, ended: Ended[T]) -> None:
    began = time.monotonic()
    while True:
        try:
            aside = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            ended(end.value, None)
            return
        except NodeError as failure:
            ended(None, failure)
            return
        except Exception as failure:  # a mistake of ours must still reach the artist
            ended(None, _told(failure))
            return
        answer = error = None
        if aside is not BREATHE or time.monotonic() - began > TURN:
            threading.Thread(target=_beside, args=(steps, aside, ended), name="impasto-aside", daemon=True).start()
            return


def _told(failure: Exception) -> NodeError:
    if isinstance(failure, ValueError) and "not attached to a node" in str(failure):  # deleted between two turns
        return NodeError(
            "A node was deleted while Impasto looked at the script; try again.", FAILED, reason="SCRIPT_CHANGED"
        )
    return NodeError(f"Impasto made a mistake: {failure!r}; please report it.", FAILED, reason="INTERNAL")


def _beside(steps: Steps[T], aside: Aside, ended: Ended[T]) -> None:
    answer, error = _run(aside) if aside is not BREATHE else (None, None)
    nuke.executeInMainThread(_turn, args=(steps, answer, error, ended))


def _run(aside: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return aside(), None
    except Exception as error:
        return None, error
