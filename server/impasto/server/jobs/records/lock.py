"""One server a state directory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from impasto.server.errors import NotReady


class Lock:
    """Holds a state directory for one server; the system lets go when the process ends, however it ends.

    Args:
        folder: the state directory, which exists.

    Raises:
        NotReady: another server has it (`STATE_IN_USE`).
    """

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(self._file, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise NotReady(
                f"Another server works in {folder}; stop it, or name another folder with --state.",
                reason="STATE_IN_USE",
            ) from error

    def release(self) -> None:
        """Let go."""
        os.close(self._file)
