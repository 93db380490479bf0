"""Jobs as the contract shows them: one, a page of them, how many there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from impasto.server.jobs.planning.plan import Plan
from impasto.server.jobs.records.database import Database
from impasto.v1.job_pb2 import (
    JOB_STATE_CANCELLED,
    JOB_STATE_FAILED,
    JOB_STATE_QUEUED,
    JOB_STATE_RUNNING,
    JOB_STATE_SUCCEEDED,
    JOB_STATE_WAITING,
    Job,
    JobState,
)

ENDED = frozenset({JOB_STATE_SUCCEEDED, JOB_STATE_FAILED, JOB_STATE_CANCELLED})
UNFINISHED = (JOB_STATE_WAITING, JOB_STATE_QUEUED, JOB_STATE_RUNNING)


class Listing(Database):
    """Looks at jobs without changing them."""

    def counts(self) -> dict[int, int]:
        """Jobs by state."""
        return {row["state"]: row["n"] for row in self._all("SELECT state, COUNT(*) AS n FROM jobs GROUP BY state")}

    def waiting_of(self, user: str) -> int:
        """Jobs of a user that have not ended."""
        marks = ",".join("?" * len(UNFINISHED))
        rows = self._all(f"SELECT COUNT(*) AS n FROM jobs WHERE user = ? AND state IN ({marks})", user, *UNFINISHED)
        return int(rows[0]["n"])

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
            (f"CAST(create_time * 1e6 AS INTEGER) {sign} ?", round(time * 1e6))  # microseconds, as jobs show them
            for sign, time in zip((">=", "<"), made, strict=True)
            if time is not None
        ]
        query, values = " AND ".join(words for words, _ in wishes), [value for _, value in wishes]
        if states:
            query += f" AND state IN ({','.join('?' * len(states))})"
            values += list(states)
        rows = self._all(f"SELECT * FROM jobs WHERE {query} ORDER BY place DESC LIMIT ?", *values, size + 1)
        shown = [self._shown(row, whole=False) for row in rows[:size]]
        return shown, rows[size - 1]["place"] if len(rows) > size else None

    def job(self, job: str) -> Job:
        """One job as the contract shows it."""
        return self._shown(self._row(job), whole=True)

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
