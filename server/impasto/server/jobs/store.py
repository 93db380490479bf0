"""Jobs and their events, durable in SQLite: what `CreateJob` answered survives anything but the disk."""

from __future__ import annotations

import os
import secrets
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from impasto.server.errors import BadRequest, NotFound, NotReady
from impasto.server.jobs.plan import Plan
from impasto.v1.job_pb2 import (
    JOB_STATE_CANCELLED,
    JOB_STATE_FAILED,
    JOB_STATE_QUEUED,
    JOB_STATE_RUNNING,
    JOB_STATE_SUCCEEDED,
    JOB_STATE_WAITING,
    Job,
    JobEvent,
    JobSpec,
    JobState,
    Warning,  # noqa: A004
)

ENDED = frozenset({JOB_STATE_SUCCEEDED, JOB_STATE_FAILED, JOB_STATE_CANCELLED})
UNFINISHED = (JOB_STATE_WAITING, JOB_STATE_QUEUED, JOB_STATE_RUNNING)

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
    last_event INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state);
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
"""
VERSION = 1


@dataclass(frozen=True)
class Kept:
    """A job as kept.

    Attributes:
        id: without `jobs/`.
        state: where it is in its life.
        spec: what was asked.
        plan: what was decided.
        cancel: whether its end was asked for.
    """

    id: str
    state: JobState
    spec: JobSpec
    plan: Plan
    cancel: bool


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


class JobStore:
    """All jobs of one server. Safe for threads; every change is on disk when the call returns.

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
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            self._changed.notify_all()

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

    def find_request(self, request_id: str, spec: JobSpec) -> str | None:
        """Id of the job an earlier request of this id made, or None.

        Raises:
            BadRequest: that request asked for something else (`REQUEST_ID_REUSED`).
        """
        rows = self._all("SELECT id, spec FROM jobs WHERE request_id = ?", request_id) if request_id else []
        if not rows:
            return None
        if JobSpec.FromString(rows[0]["spec"]) != spec:
            raise BadRequest(
                f"The request id '{request_id}' already made jobs/{rows[0]['id']} of another spec; use a new id.",
                reason="REQUEST_ID_REUSED",
            )
        return str(rows[0]["id"])

    def create(self, spec: JobSpec, plan: Plan, state: JobState, request_id: str = "", user: str = "") -> str:
        """Keep a job in its first state, `WAITING` or `QUEUED`; the same request id gives the same job again.

        Returns:
            Its id, without `jobs/`.

        Raises:
            BadRequest: the request id made another job.
        """
        with self._changed:
            earlier = self.find_request(request_id, spec)
            if earlier is not None:
                return earlier
            job = secrets.token_hex(6)
            with self._change() as db:
                db.execute(
                    "INSERT INTO jobs (id, request_id, user, state, spec, plan, create_time, frames_total) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        job,
                        request_id or None,
                        user,
                        state,
                        spec.SerializeToString(deterministic=True),
                        plan.to_json(),
                        time.time(),
                        plan.total,
                    ),
                )
                event = JobEvent()
                event.state.state = state
                self._append(db, job, event)
        return job

    def _append(self, db: sqlite3.Connection, job: str, event: JobEvent) -> JobEvent:
        row = db.execute("SELECT last_event FROM jobs WHERE id = ?", (job,)).fetchone()
        event.number = row["last_event"] + 1
        event.time.GetCurrentTime()
        db.execute("INSERT INTO events VALUES (?, ?, ?)", (job, event.number, event.SerializeToString()))
        db.execute("UPDATE jobs SET last_event = ? WHERE id = ?", (event.number, job))
        return event

    def enter(
        self, job: str, state: JobState, *, plan: Plan | None = None, reason: str = "", message: str = ""
    ) -> bool:
        """Let a job enter a state, with its event.

        Args:
            job: its id.
            state: the state entered.
            plan: replaces the plan, where it was made anew.
            reason: why it failed.
            message: the sentence.

        Returns:
            False, and nothing happens, where the job had ended already.
        """
        with self._change() as db:
            row = db.execute("SELECT state FROM jobs WHERE id = ?", (job,)).fetchone()
            if row is None or row["state"] in ENDED:
                return False
            db.execute(
                "UPDATE jobs SET state = ?, error_reason = ?, error_message = ? WHERE id = ?",
                (state, reason, message, job),
            )
            now = time.time()
            if state == JOB_STATE_RUNNING:
                db.execute("UPDATE jobs SET start_time = COALESCE(start_time, ?) WHERE id = ?", (now, job))
            if state in ENDED:
                db.execute("UPDATE jobs SET end_time = ? WHERE id = ?", (now, job))
            if plan is not None:
                db.execute("UPDATE jobs SET plan = ?, frames_total = ? WHERE id = ?", (plan.to_json(), plan.total, job))
            event = JobEvent()
            event.state.state = state
            if reason:
                event.state.error.reason, event.state.error.message = reason, message
            self._append(db, job, event)
            return True

    def tell(self, job: str, event: JobEvent, path: Path | None = None) -> None:
        """Append an event; a frame done or failed is counted with it.

        Args:
            job: its id.
            event: without number and time.
            path: where a frame done lies.
        """
        with self._change() as db:
            kind = event.WhichOneof("event")
            if kind in ("frame_done", "frame_failed"):
                told = event.frame_done if kind == "frame_done" else event.frame_failed
                sha256 = event.frame_done.file.sha256 if kind == "frame_done" else ""
                db.execute(
                    "INSERT OR REPLACE INTO frames VALUES (?, ?, ?, ?, ?, ?)",
                    (job, told.frame, told.view, kind == "frame_done", str(path or ""), sha256),
                )
            self._append(db, job, event)

    def ask_cancel(self, job: str) -> None:
        """Keep that a job's end was asked for."""
        self._row(job)
        with self._change() as db:
            db.execute("UPDATE jobs SET cancel = 1 WHERE id = ?", (job,))

    def get(self, job: str) -> Kept:
        """One job.

        Raises:
            NotFound: there is none of this id (`JOB_UNKNOWN`).
        """
        return _kept(self._row(job))

    def unfinished(self) -> list[Kept]:
        """Jobs that have not ended, oldest first."""
        marks = ",".join("?" * len(UNFINISHED))
        return [
            _kept(row) for row in self._all(f"SELECT * FROM jobs WHERE state IN ({marks}) ORDER BY place", *UNFINISHED)
        ]

    def frames_done(self, job: str) -> dict[tuple[int, str], Path]:
        """Files of the frames written, by (frame, view)."""
        rows = self._all("SELECT frame, view, path FROM frames WHERE job = ? AND done", job)
        return {(row["frame"], row["view"]): Path(row["path"]) for row in rows}

    def frames_told(self, job: str) -> frozenset[tuple[int, str]]:
        """Frames done or failed, as (frame, view)."""
        rows = self._all("SELECT frame, view FROM frames WHERE job = ?", job)
        return frozenset((row["frame"], row["view"]) for row in rows)

    def tell_warning(self, job: str, sentence: str) -> None:
        """Append an event with what its user should know."""
        self.tell(job, JobEvent(warning={"message": sentence}))

    def warnings(self, job: str) -> set[str]:
        """The sentences its user was told."""
        rows = self._all("SELECT body FROM events WHERE job = ?", job)
        events = [JobEvent.FromString(row["body"]) for row in rows]
        # mypy takes the field's type for the builtin of the same name
        return {cast(Warning, event.warning).message for event in events if event.HasField("warning")}

    def result(self, sha256: str) -> Path | None:
        """File of a frame written, by its content."""
        rows = self._all("SELECT path FROM frames WHERE sha256 = ? AND done", sha256)
        return next((path for row in rows if (path := Path(row["path"])).is_file()), None)

    def events(self, job: str, after: int, most: int = 256) -> list[JobEvent]:
        """Events after a number, in order, at most so many."""
        rows = self._all(
            "SELECT body FROM events WHERE job = ? AND number > ? ORDER BY number LIMIT ?", job, after, most
        )
        return [JobEvent.FromString(row["body"]) for row in rows]

    def wait(self, job: str, after: int, seconds: float) -> list[JobEvent] | None:
        """Events after a number, waiting for the first of them.

        Returns:
            Events in order; empty when the time is up; None where the job has ended and none will come.

        Raises:
            NotFound: there is no such job.
            NotReady: the server goes down.
        """
        end = time.monotonic() + seconds
        with self._changed:
            while True:
                ended = self._row(job)["state"] in ENDED
                events = self.events(job, after)
                if events:
                    return events
                if ended:
                    return None
                left = end - time.monotonic()
                if left <= 0:
                    return []
                self._changed.wait(left)

    def job(self, job: str) -> Job:
        """One job as the contract shows it."""
        return self._shown(self._row(job), whole=True)

    def page(self, size: int, before: int | None, states: Sequence[JobState]) -> tuple[list[Job], int | None]:
        """A page of jobs, newest first, without specs.

        Args:
            size: at most so many.
            before: what the page before returned; None for the first.
            states: those to show; empty for all.

        Returns:
            The jobs, and where the next page begins, None after the last.
        """
        query, values = "SELECT * FROM jobs WHERE place < ?", [1 << 62 if before is None else before]
        if states:
            query += f" AND state IN ({','.join('?' * len(states))})"
            values += list(states)
        rows = self._all(f"{query} ORDER BY place DESC LIMIT ?", *values, size + 1)
        shown = [self._shown(row, whole=False) for row in rows[:size]]
        return shown, rows[size - 1]["place"] if len(rows) > size else None

    def _shown(self, row: sqlite3.Row, whole: bool) -> Job:
        counts = self._all("SELECT done, COUNT(*) AS n FROM frames WHERE job = ? GROUP BY done", row["id"])
        by_done: Mapping[int, int] = {count["done"]: count["n"] for count in counts}
        job = Job(
            name=f"jobs/{row['id']}",
            state=row["state"],
            plan=Plan.from_json(row["plan"]).to_proto(),
            frames_done=by_done.get(1, 0),
            frames_failed=by_done.get(0, 0),
            frames_total=row["frames_total"],
            user=row["user"],
        )
        if whole:
            job.spec.ParseFromString(row["spec"])
        for name in ("create_time", "start_time", "end_time"):
            if row[name] is not None:
                getattr(job, name).FromNanoseconds(int(row[name] * 1e6) * 1000)
        if row["error_reason"]:
            job.error.reason, job.error.message = row["error_reason"], row["error_message"]
        return job


def _kept(row: sqlite3.Row) -> Kept:
    return Kept(
        id=row["id"],
        state=row["state"],
        spec=JobSpec.FromString(row["spec"]),
        plan=Plan.from_json(row["plan"]),
        cancel=bool(row["cancel"]),
    )
