from __future__ import annotations

import os
import signal

import pytest
from typer.exceptions import Exit

from impasto.cli import ending
from impasto.client import (
    BadRequestError,
    FramesFailed,
    ImpastoError,
    JobCancelled,
    JobFailed,
    ServerUnreachable,
)
from impasto.sequences import SequenceError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ImpastoError("It failed."), 1),
        (JobFailed("It failed."), 1),
        (BadRequestError("It cannot be."), 2),
        (SequenceError("It cannot be."), 2),
        (ServerUnreachable("Nobody answers."), 3),
        (FramesFailed("Frame 5 failed."), 4),
        (JobCancelled("It was cancelled."), 130),
        (PermissionError(13, "Permission denied", "a.exr"), 1),
    ],
)
def test_every_error_is_one_sentence_and_its_exit_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    assert ending.run(fail, []) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("impasto: ")
    assert err.count("\n") == 1


def test_a_command_that_returns_ends_with_what_it_returned() -> None:
    assert ending.run(lambda: None, []) == 0
    assert ending.run(lambda: 1, []) == 1


def test_typers_exit_keeps_its_code() -> None:
    def leave() -> None:
        raise Exit(5)

    assert ending.run(leave, []) == 5


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_its_code_and_handlers_are_put_back(number: signal.Signals, code: int) -> None:
    before = signal.getsignal(number)
    assert ending.run(lambda: os.kill(os.getpid(), number), []) == code
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("arguments", [["--events", "json"], ["--events=json"]])
def test_where_events_are_asked_for_the_end_is_one_too(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise BadRequestError("It cannot be.", reason="NO")

    assert ending.run(fail, arguments) == 2
    assert '"exit": 2, "reason": "NO", "message": "It cannot be."' in capsys.readouterr().out


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        ending.run(lambda: 1 // 0, [])
