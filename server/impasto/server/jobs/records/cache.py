"""The content cache: files by their content and arrays by key, shared by any number of processes without locks.

An entry is written beside and renamed, so it is whole or not there; one that does not read back as it was written is a
miss. The time of last access says when it was last used.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import threading
import time
import zipfile
import zlib
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from impasto.server.errors import BadRequest, NoRoom, NotReady

GRACE = 600.0
"""Seconds after its last use in which a file is never taken: another server may be working with it."""
STALE = 86400.0
"""Seconds after which what a killed process left half-written is taken."""
KEPT_ARRAYS = 16
KEPT_BYTES = 512 << 20

log = structlog.get_logger(__name__)


class Cache:
    """Files by SHA-256 and arrays by key, kept under a size.

    Args:
        folder: shared with other processes; made where it is missing.
        most: bytes kept.
        uploads: this server's own folder for what is arriving; on any disk.
    """

    def __init__(self, folder: Path, most: int, uploads: Path) -> None:
        self.folder, self.most = folder, most
        self._files, self._arrays, self._uploads = folder / "files", folder / "arrays", uploads
        try:
            for made in (self._files, self._arrays, uploads):
                made.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotReady(
                f"The cache {folder} cannot be used ({error.strerror}); name another with --cache.",
                reason="CACHE_UNUSABLE",
            ) from error
        self._lock = threading.Lock()
        self._taking = threading.Lock()
        self._kept: OrderedDict[str, dict[str, NDArray[Any]]] = OrderedDict()
        self._pins: dict[str, frozenset[str]] = {}
        self._checked: dict[str, tuple[int, int, int]] = {}
        self._looks: Counter[tuple[str, bool]] = Counter()
        self._written = most  # so that the first write looks at what is there

    # Files

    def file(self, sha256: str) -> Path | None:
        """The file of this content, or None. Counts as a use."""
        path = self._file(sha256)
        found = _touch(path)
        self._look("file", found)
        return path if found else None

    def looks(self) -> dict[tuple[str, bool], int]:
        """How often files and arrays were looked for, by kind and whether they were there."""
        with self._lock:
            return dict(self._looks)

    def _look(self, kind: str, found: bool) -> None:
        with self._lock:
            self._looks[kind, found] += 1

    def checked(self, sha256: str) -> Path | None:
        """The same, read through once to see that its content is right; a damaged one is removed."""
        path = self.file(sha256)
        if path is None:
            return None
        facts = path.stat()
        state = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        if self._checked.get(sha256) != state:
            if _sha256(path) != sha256:
                log.warning("damaged file removed from the cache", file=str(path))
                path.unlink(missing_ok=True)
                return None
            self._checked[sha256] = state
        return path

    def received(self, sha256: str) -> int:
        """Bytes of an upload that have arrived, from the start without gaps."""
        try:
            return self._upload(sha256).stat().st_size
        except OSError:
            return 0

    def arriving(self, sha256: str) -> Path | None:
        """The part of an upload that has arrived, its content not checked yet; None where there is none."""
        path = self._upload(sha256)
        return path if path.is_file() else None

    def receive(self, sha256: str, size: int, offset: int, chunks: Iterable[bytes]) -> int:
        """Take a file, or the rest of it. Several may send the same content at once.

        Args:
            sha256: of the whole file.
            size: of the whole file in bytes.
            offset: where the first chunk begins; at most what was received before.
            chunks: bytes in order.

        Returns:
            Bytes received now; the file is in the cache when this is its size.

        Raises:
            BadRequest: the chunks do not fit, or the content is not what was named (`UPLOAD_CORRUPT`).
            NoRoom: the disk or the cache is too small.
        """
        if self.file(sha256) is not None:
            return size
        if size > self.most:
            raise NoRoom(
                f"The file is {size} bytes and the server's cache holds {self.most}; enlarge cache_bytes.",
                reason="CACHE_TOO_SMALL",
            )
        if offset > self.received(sha256):
            raise BadRequest(
                f"The upload begins at byte {offset} and {self.received(sha256)} have arrived; ask FindMissing again.",
                reason="UPLOAD_OFFSET",
                received=self.received(sha256),
            )
        path = self._upload(sha256)
        with _told_when_full(self._uploads):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            try:
                at = _write_at(handle, offset, size, chunks)
                os.fsync(handle)
            finally:
                os.close(handle)
        if at == size:
            self._take(path, sha256)
        return at

    def _take(self, path: Path, sha256: str) -> None:
        """Check a whole upload and move it into the cache."""
        digest = _sha256(path)
        with self._taking:
            if self.file(sha256) is not None:
                return  # another sender of the same content was faster
            if digest != sha256:
                path.unlink(missing_ok=True)
                raise BadRequest(
                    f"What arrived is not the content {sha256[:12]}... that was named; send the file again.",
                    reason="UPLOAD_CORRUPT",
                )
            with _told_when_full(self.folder):
                size = path.stat().st_size
                _move(path, self._file(sha256))
        self._count(size)

    def sweep_uploads(self) -> int:
        """Take parts of files that have lain for `STALE` seconds and that no unended job waits for.

        Returns:
            Bytes taken.
        """
        pinned, now, taken = self._pinned(), time.time(), 0
        for path in self._uploads.iterdir():
            with contextlib.suppress(OSError):
                facts = path.stat()
                if path.name not in pinned and now - facts.st_mtime > STALE:
                    path.unlink()
                    taken += facts.st_size
        return taken

    def pin(self, owner: str, files: Iterable[str]) -> None:
        """Never take these files while their owner, a job, has not ended; no files: it has."""
        with self._lock:
            self._pins[owner] = frozenset(files)
            if not self._pins[owner]:
                del self._pins[owner]

    def touch_pinned(self) -> None:
        """Tell other processes that the pinned files are in use; called more often than `GRACE`."""
        for sha256 in self._pinned():
            self.file(sha256)

    def _pinned(self) -> frozenset[str]:
        with self._lock:
            return frozenset().union(*self._pins.values())

    # Arrays

    def load(self, key: str) -> dict[str, NDArray[Any]] | None:
        """The arrays kept under this key, the caller's own copies, or None."""
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                self._looks["array", True] += 1
                return {name: array.copy() for name, array in kept.items()}
        path = self._array(key)
        arrays = _read_arrays(path)
        self._look("array", arrays is not None)
        if arrays is None:
            return None
        _touch(path)
        self._keep(key, {name: array.copy() for name, array in arrays.items()})
        return arrays

    def save(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays under this key.

        Raises:
            NoRoom: the disk is full (`DISK_FULL`).
        """
        own = {name: np.array(array, order="C") for name, array in arrays.items()}
        path = self._array(key)
        beside = _beside(path)
        with _told_when_full(self.folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write_arrays(beside, own)
                beside.replace(path)
            finally:
                beside.unlink(missing_ok=True)
        self._keep(key, own)
        self._count(sum(array.nbytes for array in own.values()))

    def _keep(self, key: str, arrays: dict[str, NDArray[Any]]) -> None:
        with self._lock:
            self._kept[key] = arrays
            self._kept.move_to_end(key)
            size = sum(array.nbytes for kept in self._kept.values() for array in kept.values())
            while len(self._kept) > KEPT_ARRAYS or (size > KEPT_BYTES and self._kept):
                _, oldest = self._kept.popitem(last=False)
                size -= sum(array.nbytes for array in oldest.values())

    # Size

    def _count(self, size: int) -> None:
        with self._lock:
            self._written += size
            due = self._written > self.most // 20
            if due:
                self._written = 0
        if due:
            self.evict()

    def evict(self) -> int:
        """Take the entries used longest ago until the cache is under its size.

        Pinned files, and files used a short while ago by whomever, stay.

        Returns:
            Bytes taken.
        """
        pinned, now = self._pinned(), time.time()
        entries = sorted(self._entries())
        over = sum(size for _, size, _ in entries) - self.most
        taken = 0
        for used, size, path in entries:
            half_written = path.name.startswith(".")
            file = path.parent.parent == self._files
            if half_written:
                free = now - used > STALE
            else:
                free = taken < over and not (file and (path.name in pinned or now - used < GRACE))
            if free:
                with contextlib.suppress(OSError):
                    path.unlink()
                    taken += size
        if taken:
            log.info("cache trimmed", bytes=taken, folder=str(self.folder))
        return taken

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        for top in (self._files, self._arrays):
            for folder, _, names in os.walk(top):
                for name in names:
                    path = Path(folder) / name
                    with contextlib.suppress(OSError):
                        facts = path.stat()
                        yield facts.st_atime, facts.st_size, path

    def _file(self, sha256: str) -> Path:
        return self._files / sha256[:2] / sha256

    def _upload(self, sha256: str) -> Path:
        return self._uploads / sha256

    def _array(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self._arrays / name[:2] / name


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def _move(path: Path, target: Path) -> None:
    """Move a file, also to another disk; it is whole under its new name or not there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = _beside(target)
        try:
            shutil.copyfile(path, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
        path.unlink()


def _touch(path: Path) -> bool:
    """Note a use, leaving the time of change alone. False where there is no such file."""
    try:
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    except OSError:
        return False
    return True


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _write_at(handle: int, at: int, size: int, chunks: Iterable[bytes]) -> int:
    for chunk in chunks:
        if at + len(chunk) > size:
            raise BadRequest(f"More than the {size} bytes that were named arrived.", reason="UPLOAD_CORRUPT")
        os.lseek(handle, at, os.SEEK_SET)
        view = memoryview(chunk)
        while view:
            count = os.write(handle, view)
            view, at = view[count:], at + count
    return at


@contextlib.contextmanager
def _told_when_full(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NoRoom(
            f"Nothing can be written to {folder} ({error.strerror}); free space there, or name another folder.",
            reason="DISK_FULL",
        ) from error


def _write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """A zip of .npy members, stored; the checksum of each member is the guard when it is read."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(name, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _read_arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {}
            for name in archive.namelist():
                with archive.open(name) as member:
                    arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
                    member.read()  # to the end, where the checksum is compared
            return arrays
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
