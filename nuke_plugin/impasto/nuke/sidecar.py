"""The sidecar: the `impasto` command in a process group of its own, read by a thread, ended within a grace."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Callable

from impasto.nuke import events
from impasto.nuke.errors import CANCELLED, FAILED, NodeError
from impasto.nuke.events import Event

GRACE = 10.0
"""Seconds a cancelled command has to tidy up."""
POLL = 0.1
"""Seconds within which a wish to cancel is seen."""

_alive: set[Sidecar] = set()


class Sidecar:
    """One run of the command.

    Attributes:
        finished: its last event; None while it has not come.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: str) -> None:
        """Start it.

        Args:
            command: program and arguments.
            environment: all of its environment.
            log: file that takes what it says on standard error; added to.

        Raises:
            NodeError: it cannot be started.
        """
        self.finished: Event | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.log = log
        try:
            Path(log).parent.mkdir(parents=True, exist_ok=True)
            with Path(log).open("ab") as errors:
                self._process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=dict(environment),
                    start_new_session=os.name != "nt",
                    creationflags=_apart(),
                )
        except OSError as error:
            raise NodeError(
                f"The impasto command {command[0]} cannot be started: {error.strerror}; set IMPASTO_COMMAND to it.",
                FAILED,
                reason="COMMAND_MISSING",
            ) from error
        _alive.add(self)
        threading.Thread(target=self._read, name="impasto-events", daemon=True).start()

    def events(self) -> Iterator[Event | None]:
        """What it says until it ends, and None whenever `POLL` seconds passed in silence.

        Raises:
            NodeError: it speaks a newer schema; it is ended then.
        """
        while True:
            try:
                line = self._lines.get(timeout=POLL)
            except queue.Empty:
                yield None
                continue
            if line is None:
                self._process.wait()
                _alive.discard(self)
                return
            try:
                event = events.read(line)
            except NodeError:
                self.stop(0.0)
                raise
            if event is not None and event["type"] == "finished":
                self.finished = event
            if event is not None:
                yield event

    def text(self) -> Iterator[str]:
        """All it prints, for commands that print no events."""
        while True:
            line = self._lines.get()
            if line is None:
                self._process.wait()
                _alive.discard(self)
                return
            yield line

    @property
    def code(self) -> int | None:
        """Its exit code; None while it works."""
        return self._process.poll()

    def stop(self, grace: float = GRACE) -> None:
        """Ask it to end, wait, then end it and all it started."""
        if self.code is None:
            self._send(signal.SIGINT)
            ends = time.monotonic() + grace
            while self.code is None and time.monotonic() < ends:
                time.sleep(0.02)
        if self.code is None:
            self._kill()
        _alive.discard(self)

    def failure(self) -> NodeError | None:
        """Why it did not end well, in its own sentence; None where it did."""
        code = self._process.wait()
        told = self.finished or {}
        if code == 0:
            return None
        if told.get("message"):
            return NodeError(told["message"], code if code > 0 else FAILED, told.get("reason") or "FAILED", self.log)
        return NodeError(self._last_words(code), code if code > 0 else FAILED, reason="SIDECAR_ENDED", log=self.log)

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with contextlib.suppress(ValueError, OSError), stream:
            for line in stream:
                self._lines.put(line.decode("utf-8", "replace"))
        self._lines.put(None)

    def _last_words(self, code: int) -> str:
        said: list[str] = []
        with contextlib.suppress(OSError):
            said = Path(self.log).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        how = f"with exit code {code}" if code >= 0 else f"by signal {-code}"
        return f"The impasto command was ended {how}; the last it said was: {said[-1] if said else 'nothing'}"

    def _send(self, number: int) -> None:
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self._process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                os.killpg(self._process.pid, number)

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: str,
    heard: Callable[[Event], None],
    cancelled: Callable[[], bool],
) -> None:
    """Start the command, tell each event, and wait for its end.

    Args:
        command: program and arguments.
        environment: all of its environment.
        log: file that takes its standard error.
        heard: called with each event, in this thread.
        cancelled: asked at least ten times a second; True ends the command.

    Raises:
        NodeError: as it ended; exit code 130 where it was cancelled.
    """
    sidecar = Sidecar(command, environment, log)
    try:
        for event in sidecar.events():
            if event is not None:
                heard(event)
            if cancelled():
                sidecar.stop()
                raise NodeError(
                    "Cancelled; finished frames are kept, press Render to go on.",
                    CANCELLED,
                    reason="CANCELLED",
                    log=log,
                )
    finally:
        sidecar.stop()
    failure = sidecar.failure()
    if failure is not None:
        raise failure


def stop_all() -> None:
    """End every sidecar; jobs handed to a server go on there."""
    for sidecar in list(_alive):
        sidecar.stop(1.0)


def _apart() -> int:
    """On Windows: a process group of its own and no window."""
    return 0x00000200 | 0x08000000 if sys.platform == "win32" else 0


atexit.register(stop_all)
