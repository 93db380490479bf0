"""Words for the artist: one dialog where there are windows, a line where there are none, and the log."""

from __future__ import annotations

import logging
import logging.handlers
import tempfile
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


def logger() -> logging.Logger:
    """The log of the nodes, `~/.nuke/impasto.log`; beside temporary files where there is no home."""
    if not _log.handlers:
        _log.setLevel(logging.INFO)
        _log.propagate = False
        try:
            _log.addHandler(_file(Path.home() / ".nuke"))
        except (OSError, RuntimeError):
            _log.addHandler(_file(Path(tempfile.gettempdir())))
    return _log


def _file(folder: Path) -> logging.Handler:
    folder.mkdir(exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        str(folder / "impasto.log"), maxBytes=1 << 20, backupCount=2, encoding="utf-8", delay=False
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler
