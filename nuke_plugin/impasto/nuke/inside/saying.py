"""Words for the artist: one dialog where there are windows, a line where there are none, and the log."""

from __future__ import annotations

import atexit
import logging
import logging.handlers
import queue
import tempfile
import threading
from pathlib import Path

import nuke
from impasto.nuke.errors import NodeError

_log = logging.getLogger("impasto.nuke")


def say(words: str) -> None:
    """A line on Nuke's console and in the log."""
    logger().info(words)
    nuke.tprint(f"Impasto: {words}")


def tell(error: NodeError) -> None:
    """An error: one dialog with cause and cure where there are windows, else a line.

    On the main thread.
    """
    words = f"{error}\n\nMore is in {error.log}" if error.log else str(error)
    say(words.replace("\n\n", " "))
    if nuke.GUI:
        nuke.message(words)


def tell_words(words: str) -> None:
    """One dialog where there are windows, else a line. On the main thread."""
    if nuke.GUI:
        nuke.message(words)
    else:
        say(words)


def tell_ended(result: object, error: NodeError | None) -> None:
    """What ends steps of which only a failure matters."""
    if error is not None:
        tell(error)


def logger() -> logging.Logger:
    """The log of the nodes, `~/.nuke/impasto.log`; beside temporary files where there is no home.

    It is written by a thread of its own: homes lie on servers, too.
    """
    if not _log.handlers:
        _log.setLevel(logging.INFO)
        _log.propagate = False
        records: queue.SimpleQueue[logging.LogRecord | None] = queue.SimpleQueue()
        _log.addHandler(logging.handlers.QueueHandler(records))
        writer = threading.Thread(target=_write, args=(records,), name="impasto-log", daemon=True)
        writer.start()
        atexit.register(_end, records, writer)
    return _log


def _write(records: queue.SimpleQueue[logging.LogRecord | None]) -> None:
    handler = _handler()
    while True:
        record = records.get()
        if record is None:
            handler.close()
            return
        handler.handle(record)


def _end(records: queue.SimpleQueue[logging.LogRecord | None], writer: threading.Thread) -> None:
    records.put(None)
    writer.join(1.0)


def _handler() -> logging.Handler:
    try:
        return _file(Path.home() / ".nuke")
    except (OSError, RuntimeError):
        return _file(Path(tempfile.gettempdir()))


def _file(folder: Path) -> logging.Handler:
    folder.mkdir(exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        str(folder / "impasto.log"), maxBytes=1 << 20, backupCount=2, encoding="utf-8", delay=False
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler
