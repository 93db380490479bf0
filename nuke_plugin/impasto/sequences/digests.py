"""SHA-256 of files, remembered by path, size and time of change."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from impasto.sequences.errors import SequenceError

SETTLED = 2.0
"""Seconds a file must have been left alone before its digest is remembered: file systems keep time that coarsely."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class FileDigest:
    """A file by its content.

    Attributes:
        sha256: lower-case hexadecimal.
        size: in bytes.
        path: absolute; links are kept as they are.
    """

    sha256: str
    size: int
    path: Path


class Digests:
    """Finds the digests of files and remembers them between runs.

    Any number of threads and processes may share one folder. Where the memory cannot be read or written, digests
    are found anew: slower, never wrong.

    Args:
        folder: where `digests.sqlite` lies; None remembers nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._lock = threading.Lock()
        self._memory: sqlite3.Connection | None = None
        if folder is not None:
            with contextlib.suppress(OSError, sqlite3.Error):
                folder.mkdir(parents=True, exist_ok=True)
                self._memory = _open(folder / "digests.sqlite")

    def of(self, path: Path, handle: int | None = None) -> FileDigest:
        """The digest of a file.

        Args:
            path: of the file.
            handle: where it is open already: what is read is this file, whatever its name has become.

        Raises:
            SequenceError: where it cannot be read, or changes while it is read.
        """
        path = Path(os.path.abspath(path))  # noqa: PTH100 - a link is named as its user named it, so not resolve()
        try:
            key = _key(path, handle)
            known = self._recall(key)
            if known is None:
                known = _hash(path, handle)
                if _key(path, handle) != key:
                    raise SequenceError(f"{path} changed while it was read; wait until it is written, then try again.")
                self._remember(key, known)
        except OSError as error:
            raise SequenceError(f"{path} cannot be read: {error.strerror or error}.") from error
        return FileDigest(known, key[1], path)

    def of_all(self, paths: Iterable[Path]) -> dict[Path, FileDigest]:
        """The digests of many files by the path given, read side by side."""
        wanted = list(dict.fromkeys(paths))
        with ThreadPoolExecutor(max_workers=4) as readers:
            return dict(zip(wanted, readers.map(self.of, wanted), strict=True))

    def close(self) -> None:
        """Let go of the memory; digests are still found, but remembered no more."""
        with self._lock:
            memory, self._memory = self._memory, None
            if memory is not None:
                memory.close()

    def _recall(self, key: tuple[str, int, int, int]) -> str | None:
        row = self._run("SELECT sha256 FROM digest WHERE path = ? AND size = ? AND modified = ? AND changed = ?", key)
        return str(row[0]) if row else None

    def _remember(self, key: tuple[str, int, int, int], sha256: str) -> None:
        if time.time() - max(key[2:]) / 1e9 >= SETTLED:
            self._run("INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?, ?)", (*key, sha256))

    def _run(self, statement: str, values: tuple[str | int, ...]) -> tuple[str] | None:
        with self._lock, contextlib.suppress(sqlite3.Error, UnicodeError):
            if self._memory is not None:
                with self._memory:
                    row: tuple[str] | None = self._memory.execute(statement, values).fetchone()
                    return row
        return None


def _open(path: Path) -> sqlite3.Connection:
    memory = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
    with memory:
        memory.execute(
            "CREATE TABLE IF NOT EXISTS digest"
            " (path TEXT PRIMARY KEY, size INTEGER, modified INTEGER, changed INTEGER, sha256 TEXT NOT NULL)"
        )
    return memory


def _key(path: Path, handle: int | None) -> tuple[str, int, int, int]:
    facts = path.stat() if handle is None else os.fstat(handle)
    return str(path), facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _hash(path: Path, handle: int | None) -> str:
    digest = hashlib.sha256()
    if handle is not None:
        at = 0
        while chunk := os.pread(handle, _CHUNK, at):
            digest.update(chunk)
            at += len(chunk)
        return digest.hexdigest()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
