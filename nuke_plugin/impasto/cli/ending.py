"""How the command ends: every error becomes one sentence and one exit code, a signal too."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType

from typer.exceptions import Abort, Exit, TyperException

from impasto.cli.events import finished_line
from impasto.client import ImpastoError
from impasto.sequences import SequenceError

DONE, FAILED, BAD_REQUEST, UNREACHABLE, FRAMES_FAILED, CANCELLED, TERMINATED = 0, 1, 2, 3, 4, 130, 143


class Terminated(SystemExit):
    """SIGTERM arrived; nothing catches it but the end and what must tidy up."""


def run(command: Callable[[], object], arguments: Sequence[str]) -> int:
    """Run a command to its end.

    Args:
        command: raises, or returns None or an exit code.
        arguments: of the command line; say whether events go to standard output.

    Returns:
        The exit code.
    """
    with _signals_as_exceptions():
        end = _outcome(command)
    if wants_events(arguments) and "--help" not in arguments:
        with contextlib.suppress(OSError):
            print(finished_line(end.code, end.reason, end.message), flush=True)
    if end.message:
        with contextlib.suppress(OSError):
            print(f"impasto: {end.message}", file=sys.stderr, flush=True)
    return end.code


def wants_events(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for events on standard output."""
    return "--events=json" in arguments or ("--events", "json") in itertools.pairwise(arguments)


@dataclass(frozen=True)
class _Outcome:
    code: int
    reason: str = ""
    message: str = ""


def _outcome(command: Callable[[], object]) -> _Outcome:
    try:
        code = command()
        if code == CANCELLED:
            raise KeyboardInterrupt  # which typer had turned into its code
        return _Outcome(code if isinstance(code, int) else DONE)
    except Exit as error:
        return _Outcome(error.exit_code)
    except TyperException as error:
        message = " ".join(error.format_message().split())
        return _Outcome(BAD_REQUEST, reason="USAGE", message=message if message.endswith((".", "?")) else f"{message}.")
    except SequenceError as error:
        return _Outcome(BAD_REQUEST, reason="BAD_REQUEST", message=str(error))
    except ImpastoError as error:
        return _Outcome(error.exit_code, error.reason, error.message)
    except Terminated:
        return _Outcome(TERMINATED, reason="TERMINATED", message="Terminated; finished frames are kept.")
    except (KeyboardInterrupt, Abort):
        return _Outcome(CANCELLED, reason="CANCELLED", message="Cancelled; finished frames are kept.")
    except OSError as error:
        if error.errno == errno.EPIPE:
            _silence_output()
            return _Outcome(FAILED, reason="PIPE_CLOSED")
        return _Outcome(FAILED, reason="OS_ERROR", message=f"{error.filename or 'A file'}: {error.strerror or error}.")


def _silence_output() -> None:
    """Whoever read us is gone; let Python's last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """SIGTERM raises `Terminated`, once; a second Ctrl-C ends at once instead of waiting for things to be tidied up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupted = False

    def terminate(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated(TERMINATED)

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted:
            os._exit(CANCELLED)
        interrupted = True
        raise KeyboardInterrupt

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, terminate)}
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
