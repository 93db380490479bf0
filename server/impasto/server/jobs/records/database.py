"""The server's SQLite file: opened, locked, brought up to date; every change of it is on disk when it is done."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impasto.server.errors import NoRoom, NotFound, NotReady
from impasto.server.jobs.records.lock import Lock

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    request_id TEXT UNIQUE,
    user TEXT NOT NULL,
    state INTEGER NOT NULL,
    spec BLOB NOT NULL,
    plan TEXT NOT NULL,
    create_time REAL NOT NULL,
    start_time REAL,
    end_time REAL,
    frames_total INTEGER NOT NULL,
    error_reason TEXT NOT NULL DEFAULT '',
    error_message TEXT NOT NULL DEFAULT '',
    cancel INTEGER NOT NULL DEFAULT 0,
    last_event INTEGER NOT NULL DEFAULT 0,
    priority INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    presumed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state);
CREATE INDEX IF NOT EXISTS jobs_by_end ON jobs (end_time);
CREATE TABLE IF NOT EXISTS events (
    job TEXT NOT NULL,
    number INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (job, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS frames (
    job TEXT NOT NULL,
    frame INTEGER NOT NULL,
    view TEXT NOT NULL,
    done INTEGER NOT NULL,
    path TEXT NOT NULL DEFAULT '',
    sha256 TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job, frame, view)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS frames_by_content ON frames (sha256);
CREATE TABLE IF NOT EXISTS files (
    job TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (sha256, job, path)
) WITHOUT ROWID;
"""
VERSION = 3
ADDED = {
    2: ("priority INTEGER NOT NULL DEFAULT 0", "deaths INTEGER NOT NULL DEFAULT 0"),
    3: ("presumed INTEGER NOT NULL DEFAULT 0",),
}
"""Columns of `jobs` that came with a version; a store of an earlier one is given them."""


class Database:
    """The tables of one server. Safe for threads.

    Args:
        folder: the state directory; made where it is missing.

    Raises:
        NotReady: another server has it, or a newer Impasto wrote it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock_file = Lock(folder)
        self._changed = threading.Condition(threading.RLock())
        self._closed = False
        self._db = sqlite3.connect(folder / "jobs.sqlite3", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            self.close()
            raise NotReady(
                f"{folder} was written by a newer Impasto; use that, or name another folder with --state.",
                reason="STATE_TOO_NEW",
            )
        for since in range(version + 1 if version else VERSION + 1, VERSION + 1):
            for column in ADDED[since]:
                self._db.execute(f"ALTER TABLE jobs ADD COLUMN {column}")
        self._db.executescript(SCHEMA + f"PRAGMA user_version={VERSION};")

    def close(self) -> None:
        """Let go of the state directory. Streams of events end."""
        with self._changed:
            if not self._closed:
                self._closed = True
                self._changed.notify_all()
                self._db.close()
                self._lock_file.release()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._changed:
            if self._closed:
                raise NotReady("The server is going down; ask again when it is back.", reason="SERVER_STOPPING")
            with self._told_when_full():
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                    self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:  # a full disk has rolled back already
                        self._db.execute("ROLLBACK")
                    raise
            self._changed.notify_all()

    @contextmanager
    def _told_when_full(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise NoRoom(
                f"The server's state in {self.folder} cannot be kept ({error}); free space on its disk.",
                reason="DISK_FULL",
            ) from error

    def _all(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._changed:
            if self._closed:
                raise NotReady("The server is going down; ask again when it is back.", reason="SERVER_STOPPING")
            return self._db.execute(query, values).fetchall()

    def _row(self, job: str) -> sqlite3.Row:
        rows = self._all("SELECT * FROM jobs WHERE id = ?", job)
        if not rows:
            raise NotFound(
                f"There is no job 'jobs/{job}' on this server; 'impasto job list' shows those there are.",
                reason="JOB_UNKNOWN",
            )
        return rows[0]
