from __future__ import annotations

import signal
import threading

import pytest

from impasto.client.streams import apart


class Call:
    """Answers given, then an error, an end, or nothing more until it is cancelled."""

    def __init__(self, *answers: str, error: Exception | None = None, silent: bool = False) -> None:
        self._answers, self._error, self._silent = answers, error, silent
        self.cancelled = threading.Event()

    def __iter__(self):
        yield from self._answers
        if self._error:
            raise self._error
        if self._silent:
            self.cancelled.wait(30)

    def cancel(self) -> bool:
        self.cancelled.set()
        return True


def test_answers_come_in_their_order_and_then_the_end() -> None:
    assert list(apart(Call("a", "b", "c"))) == ["a", "b", "c"]


def test_an_error_comes_after_the_answers_before_it() -> None:
    answers = apart(Call("a", error=ValueError("lost")))
    assert next(answers) == "a"
    with pytest.raises(ValueError, match="lost"):
        next(answers)


def test_whoever_leaves_early_cancels_the_call() -> None:
    call = Call("a", silent=True)
    answers = apart(call)
    next(answers)
    answers.close()
    assert call.cancelled.is_set()


def test_a_signal_ends_the_wait_for_a_silent_call() -> None:
    call = Call(silent=True)
    main = threading.get_ident()
    threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT)).start()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            next(apart(call))
    finally:
        signal.signal(signal.SIGINT, before)
    assert call.cancelled.is_set()
