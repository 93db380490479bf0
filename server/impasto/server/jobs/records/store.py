"""Jobs and their events, durable in SQLite: what `CreateJob` answered survives anything but the disk."""

from __future__ import annotations

import secrets
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from impasto.server.errors import BadRequest
from impasto.server.jobs.planning.plan import Plan
from impasto.server.jobs.records.listing import ENDED, UNFINISHED, Listing
from impasto.v1.job_pb2 import (
    JOB_PRIORITY_NORMAL,
    JOB_STATE_RUNNING,
    JobEvent,
    JobPriority,
    JobSpec,
    JobState,
    Warning,  # noqa: A004
)


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
        presumed: whether frames of it were made while others were on their way, and taken to be readable.
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
    presumed: bool


class JobStore(Listing):
    """All jobs of one server. Safe for threads; every change is on disk when the call returns."""

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

    def presume(self, job: str, presumed: bool) -> None:
        """Keep whether frames of a job are made while others, taken to be readable, are on their way."""
        with self._change() as db:
            db.execute("UPDATE jobs SET presumed = ? WHERE id = ?", (presumed, job))

    def begin_anew(self, job: str, sentence: str) -> None:
        """All frames of a job are to be made anew: forget them, and tell its user why."""
        with self._change() as db:
            db.execute("DELETE FROM frames WHERE job = ?", (job,))
            self._append(db, job, JobEvent(warning={"message": sentence}))

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
        presumed=bool(row["presumed"]),
    )
