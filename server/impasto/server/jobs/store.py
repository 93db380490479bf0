"""Jobs and their events, durable in SQLite: what `CreateJob` answered survives anything but the disk."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from impasto.server.errors import BadRequest, NoRoom, NotFound, NotReady
from impasto.server.jobs.lock import Lock
from impasto.server.jobs.plan import Plan
from impasto.v1.job_pb2 import (
    JOB_PRIORITY_NORMAL,
    JOB_STATE_CANCELLED,
    JOB_STATE_FAILED,
    JOB_STATE_QUEUED,
    JOB_STATE_RUNNING,
    JOB_STATE_SUCCEEDED,
    JOB_STATE_WAITING,
    Job,
    JobEvent,
    JobPriority,
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
    last_event INTEGER NOT NULL DEFAULT 0,
    priority INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0
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
VERSION = 2
ADDED = {2: ("priority INTEGER NOT NULL DEFAULT 0", "deaths INTEGER NOT NULL DEFAULT 0")}
"""Columns of `jobs` that came with a version; a store of an earlier one is given them."""


@dataclass(frozen=True)
class Kept:
    """A job as kept.

    Attributes:
        id: without `jobs/`.
        state: where it is in its life.
        spec: what was asked.
        plan: what was decided.
        cancel: whether its end was asked for.
        place: its age: smaller is older.
        user: who asked.
        priority: how urgent it is.
        deaths: times a server died with it since it last finished a frame.
    """

    id: str
    state: JobState
    spec: JobSpec
    plan: Plan
    cancel: bool
    place: int
    user: str
    priority: JobPriority
    deaths: int


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

    def create(
        self,
        spec: JobSpec,
        plan: Plan,
        state: JobState,
        request_id: str = "",
        user: str = "",
        priority: JobPriority = JOB_PRIORITY_NORMAL,
    ) -> str:
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
                    "INSERT INTO jobs (id, request_id, user, state, spec, plan, create_time, frames_total, priority) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        job,
                        request_id or None,
                        user,
                        state,
                        spec.SerializeToString(deterministic=True),
                        plan.to_json(),
                        time.time(),
                        plan.total,
                        priority,
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
            path: where a frame done, or a file beside the frames, lies.
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
                db.execute("UPDATE jobs SET deaths = 0 WHERE id = ?", (job,))
            elif event.result.HasField("file"):
                made = event.result.file.file
                db.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (job, made.sha256, str(path or "")))
            self._append(db, job, event)

    def died(self, job: str) -> int:
        """A server died while it ran this job; gives how often since a frame of it was last told."""
        with self._change() as db:
            db.execute("UPDATE jobs SET deaths = deaths + 1 WHERE id = ?", (job,))
            return int(db.execute("SELECT deaths FROM jobs WHERE id = ?", (job,)).fetchone()[0])

    def replan(self, job: str, plan: Plan, before: int, message: str) -> None:
        """The device ran out of memory: keep the plan for the whole shot made anew, with its event.

        Args:
            job: its id.
            plan: the plan now.
            before: bytes it was planned for.
            message: what the device said.
        """
        with self._change() as db:
            db.execute("UPDATE jobs SET plan = ?, frames_total = ? WHERE id = ?", (plan.to_json(), plan.total, job))
            db.execute("DELETE FROM frames WHERE job = ?", (job,))
            event = JobEvent()
            event.replanned.memory_before, event.replanned.memory_bytes = before, plan.memory
            event.replanned.digest, event.replanned.message = plan.digest, message
            self._append(db, job, event)

    def counts(self) -> dict[int, int]:
        """Jobs by state."""
        return {row["state"]: row["n"] for row in self._all("SELECT state, COUNT(*) AS n FROM jobs GROUP BY state")}

    def waiting_of(self, user: str) -> int:
        """Jobs of a user that have not ended."""
        marks = ",".join("?" * len(UNFINISHED))
        rows = self._all(f"SELECT COUNT(*) AS n FROM jobs WHERE user = ? AND state IN ({marks})", user, *UNFINISHED)
        return int(rows[0]["n"])

    def ended_before(self, when: float) -> list[str]:
        """Jobs that ended before a time (seconds since 1970), oldest first."""
        rows = self._all("SELECT id FROM jobs WHERE end_time IS NOT NULL AND end_time < ? ORDER BY end_time", when)
        return [row["id"] for row in rows]

    def forget(self, job: str) -> None:
        """Remove an ended job, its events and frames; its files are the caller's."""
        with self._change() as db:
            marks = ",".join("?" * len(ENDED))
            db.execute(f"DELETE FROM jobs WHERE id = ? AND state IN ({marks})", (job, *ENDED))
            if db.execute("SELECT changes()").fetchone()[0]:
                db.execute("DELETE FROM events WHERE job = ?", (job,))
                db.execute("DELETE FROM frames WHERE job = ?", (job,))
                db.execute("DELETE FROM files WHERE job = ?", (job,))

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

    def frame_in_work(self, job: str) -> tuple[int, str]:
        """The frame and view the last progress told of; (0, "") where none did."""
        for row in self._all("SELECT body FROM events WHERE job = ? ORDER BY number DESC LIMIT 64", job):
            event = JobEvent.FromString(row["body"])
            if event.HasField("progress"):
                return event.progress.frame, event.progress.view
        return 0, ""

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
        """A file written, by its content."""
        query = "SELECT path FROM frames WHERE sha256 = ? AND done UNION ALL SELECT path FROM files WHERE sha256 = ?"
        rows = self._all(query, sha256, sha256)
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

    def page(
        self,
        size: int,
        before: int | None,
        states: Sequence[JobState] = (),
        user: str = "",
        made: tuple[float | None, float | None] = (None, None),
    ) -> tuple[list[Job], int | None]:
        """A page of jobs, newest first, without specs.

        Args:
            size: at most so many.
            before: what the page before returned; None for the first.
            states: those to show; empty for all.
            user: whose jobs; empty for everybody's.
            made: made at the first time or later and before the second, in seconds since 1970.

        Returns:
            The jobs, and where the next page begins, None after the last.
        """
        wishes: list[tuple[str, object]] = [("place < ?", 1 << 62 if before is None else before)]
        wishes += [("user = ?", user)] if user else []
        wishes += [
            (f"create_time {sign} ?", time) for sign, time in zip((">=", "<"), made, strict=True) if time is not None
        ]
        query, values = " AND ".join(words for words, _ in wishes), [value for _, value in wishes]
        if states:
            query += f" AND state IN ({','.join('?' * len(states))})"
            values += list(states)
        rows = self._all(f"SELECT * FROM jobs WHERE {query} ORDER BY place DESC LIMIT ?", *values, size + 1)
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
            priority=row["priority"],
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
        place=row["place"],
        user=row["user"],
        priority=row["priority"],
        deaths=row["deaths"],
    )
