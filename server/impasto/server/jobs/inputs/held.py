"""Files in place, opened once: what is read is what was checked, whatever becomes of their names meanwhile.

A file is opened component by component without following a link, and kept open. Whoever reads it is given a name of our
own that leads to the open file (`/proc/PID/fd/N`), also in the processes that decode.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from impasto.server.errors import NoRoom

MOST = 256
"""Files held open at once."""

HELD = Path("/proc/self/fd").is_dir() and os.open in os.supports_dir_fd
"""Whether this system can; on others a swap is found out after the reading."""


@dataclass
class OpenFile:
    """A file that is held open.

    Attributes:
        path: our own name for it; another one after every change of the file.
        handle: its descriptor.
        facts: device, inode, size, time of change of content, time of any change.
        used: when it was last asked for, by the steady clock.
    """

    path: Path
    handle: int
    facts: tuple[int, ...]
    used: float


class Held:
    """Holds files open, but those used longest ago where they are many, or not used for long: a disk may be unmounted.

    Args:
        folder: the server's own, for the names; emptied.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        self._names = re.compile(re.escape(str(folder)) + r"/\d+(?=/)")
        self._lock = threading.Lock()
        self._files: OrderedDict[Path, OpenFile] = OrderedDict()
        self._count = 0

    def open(self, true: Path, root: Path) -> OpenFile:
        """Hold a regular file open.

        Args:
            true: where it lies, links followed.
            root: the folder above it that is trusted.

        Raises:
            OSError: it is gone, or a part of its name has become a link.
            NoRoom: no name can be made for it (`DISK_FULL`).
        """
        handle = _open_beneath(root, true.relative_to(root).parts)
        facts = _facts(handle)
        with self._lock:
            now = time.monotonic()
            known = self._files.get(true)
            if known is not None and known.facts == facts:
                os.close(handle)
                known.used = now
                self._files.move_to_end(true)
                return known
            path = self._name(true, handle)
            if known is not None:
                self._let_go(known)
            self._files[true] = OpenFile(path, handle, facts, now)
            self._files.move_to_end(true)
            while len(self._files) > MOST:
                self._let_go_oldest()
            return self._files[true]

    def _name(self, true: Path, handle: int) -> Path:
        """A name of our own that leads to an open file, which is closed where none can be made."""
        self._count += 1
        own = self._folder / str(self._count)
        path = own / str(true).lstrip("/")
        try:
            path.parent.mkdir(parents=True)
            path.symlink_to(f"/proc/{os.getpid()}/fd/{handle}")
        except OSError as error:
            os.close(handle)
            shutil.rmtree(own, ignore_errors=True)
            raise NoRoom(
                f"{true} cannot be held open, as no name can be made in {self._folder} ({error.strerror}); free space "
                "there, or start the server with another --state.",
                reason="DISK_FULL",
            ) from error
        return path

    def rest(self, seconds: float) -> None:
        """Let go of what was not opened for so long."""
        with self._lock:
            before = time.monotonic() - seconds
            while self._files and next(iter(self._files.values())).used <= before:
                self._let_go_oldest()

    def plain(self, sentence: str) -> str:
        """A sentence with the files' own names instead of ours."""
        return self._names.sub("", sentence)

    def close(self) -> None:
        """Let go of all."""
        with self._lock:
            while self._files:
                self._let_go_oldest()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _let_go_oldest(self) -> None:
        self._let_go(self._files.popitem(last=False)[1])

    def _let_go(self, file: OpenFile) -> None:
        os.close(file.handle)
        with contextlib.suppress(OSError):
            shutil.rmtree(self._folder / file.path.relative_to(self._folder).parts[0])


def _open_beneath(root: Path, parts: tuple[str, ...]) -> int:
    """Open a regular file below a folder without following any link on the way."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = deeper
        how = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        handle = os.open(parts[-1], how, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError("it is no regular file")
    return handle


def _facts(handle: int) -> tuple[int, ...]:
    facts = os.fstat(handle)
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
