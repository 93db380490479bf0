"""The queue: takes jobs in, lets them run when enough of their files is here, and keeps what becomes of them."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time

import structlog

from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest, NoRoom, NotReady
from impasto.server.jobs.inputs.arrivals import Arrivals
from impasto.server.jobs.inputs.places import Places
from impasto.server.jobs.planning.devices import devices_meant
from impasto.server.jobs.planning.plan import Plan
from impasto.server.jobs.planning.spec import file_refs
from impasto.server.jobs.queueing.ending import Ending
from impasto.server.jobs.queueing.execution import Execution, Outcome, Runner
from impasto.server.jobs.queueing.figures import Figures
from impasto.server.jobs.queueing.planner import Planner
from impasto.server.jobs.queueing.poison import give_up_poison
from impasto.server.jobs.queueing.schedule import Entry, Schedule
from impasto.server.jobs.queueing.workers import Workers
from impasto.server.jobs.records.cache import Cache
from impasto.server.jobs.records.expiry import Expiry
from impasto.server.jobs.records.listing import ENDED
from impasto.server.jobs.records.store import JobStore
from impasto.server.jobs.task import Task
from impasto.v1.job_pb2 import (
    JOB_PRIORITY_INTERACTIVE,
    JOB_PRIORITY_NORMAL,
    JOB_STATE_CANCELLED,
    JOB_STATE_FAILED,
    JOB_STATE_QUEUED,
    JOB_STATE_RUNNING,
    JOB_STATE_WAITING,
    JobPriority,
    JobSpec,
)

HEARTBEAT = 120.0
HELD_SECONDS = 600.0
"""How long a file in place is held open after its last use."""
PAUSE = 5.0
"""Seconds before a job is tried again whose state could not be kept."""

log = structlog.get_logger(__name__)


def _run(task: Task) -> None:
    from impasto.server.jobs.running.run import run

    run(task)


class Queue:
    """Takes jobs in, runs them, and keeps what happens.

    Args:
        config: the server's.
        store: where jobs are kept.
        cache: where uploads arrive.
        places: finds the files of jobs.
        runner: makes the frames of a task; None takes `impasto.server.jobs.running.run.run`.
        figures: counts what happens.
    """

    def __init__(
        self,
        config: ServerConfig,
        store: JobStore,
        cache: Cache,
        places: Places,
        runner: Runner | None = None,
        figures: Figures | None = None,
    ) -> None:
        figures = figures or Figures()
        self._config, self._store, self._cache, self._places = config, store, cache, places
        self._changed = threading.Condition(threading.RLock())
        self._schedule = Schedule()
        self._workers = Workers(self._changed, self._schedule, self._work)
        self._arrivals = Arrivals(places.missing, cache.received)
        self._planner = Planner(config, places)
        self._ending = Ending(store, cache, self._arrivals, figures)
        self._expiry = Expiry(store, config.keep_days, self._forget_files)
        self._stopping = threading.Event()
        self._execution = Execution(
            config,
            store,
            cache,
            places,
            self._arrivals,
            self._planner,
            self._workers,
            self._ending,
            figures,
            runner or _run,
            self._stopping,
        )

    def start(self) -> None:
        """Go on with what an earlier life left unfinished, and begin to work."""
        for kept in self._store.unfinished():
            self._pin(kept.id, kept.spec)
            if kept.cancel:
                self._ending.end(kept.id, JOB_STATE_CANCELLED)
                continue
            begun = self._arrivals.expect(kept.id, kept.spec, kept.priority == JOB_PRIORITY_INTERACTIVE)
            if kept.state == JOB_STATE_WAITING or not begun:
                if kept.state != JOB_STATE_WAITING:
                    self._store.enter(kept.id, JOB_STATE_WAITING)
                if begun:
                    self._begin(kept.id)
                continue
            if kept.state == JOB_STATE_RUNNING:
                log.info("job goes on", job=kept.id)
                give_up_poison(self._store, kept)
                self._store.enter(kept.id, JOB_STATE_QUEUED)
            self._push(kept.id)
        threading.Thread(target=self._heartbeat, name="impasto-heartbeat", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether a job runs or could run."""
        with self._changed:
            return bool(self._workers.running()) or len(self._schedule) > 0

    def running_by_device(self) -> dict[str, int]:
        """How many jobs run on each device."""
        return self._workers.by_device()

    def ahead(self, job: str) -> int:
        """Jobs that would be begun before this one."""
        with self._changed:
            return self._schedule.ahead(job)

    def plan(self, spec: JobSpec) -> tuple[Plan, list[str]]:
        """Check and plan a job without keeping it; see `Planner.plan`."""
        return self._planner.plan(spec)

    def create(
        self, spec: JobSpec, request_id: str = "", user: str = "", priority: JobPriority = JOB_PRIORITY_NORMAL
    ) -> str:
        """Plan a job, keep it, and let it run when enough of its files is here. Durable when this returns.

        Args:
            spec: what is asked.
            request_id: the same id gives the same job again.
            user: who asks.
            priority: how urgent it is.

        Returns:
            Its id.

        Raises:
            BadRequest: it cannot be done as asked.
            NotFound: it names something unknown.
            NoRoom: its user has too many jobs (`QUEUE_FULL`).
        """
        earlier = self._store.find_request(request_id, spec)
        if earlier is not None:
            return earlier
        plan, missing = self.plan(spec)
        self._refuse_long_preview(plan, priority)
        with self._changed:
            earlier = self._store.find_request(request_id, spec)
            if earlier is not None:
                return earlier
            if (count := self._store.waiting_of(user)) >= self._config.max_jobs:
                raise NoRoom(
                    f"{user or 'This user'} has {count} jobs that have not ended and the server takes "
                    f"{self._config.max_jobs} of each; wait for some, cancel some, or raise max_jobs.",
                    reason="QUEUE_FULL",
                )
            state = JOB_STATE_WAITING if missing else JOB_STATE_QUEUED
            job = self._store.create(spec, plan, state, request_id, user, priority)
            log.info("job created", job=job, frames=len(plan.frames), missing=len(missing), user=user)
            self._pin(job, spec)
            for warning in plan.warnings:
                self._store.tell_warning(job, warning)
            if not missing:
                self._push(job)
            elif self._arrivals.expect(job, spec, priority == JOB_PRIORITY_INTERACTIVE):
                self._begin(job)
        return job

    def _refuse_long_preview(self, plan: Plan, priority: JobPriority) -> None:
        most = self._config.interactive_frames
        if priority == JOB_PRIORITY_INTERACTIVE and plan.total > most:
            raise BadRequest(
                f"An interactive job passes the others and may want {most} frames; this one wants {plan.total}: "
                "give it another priority.",
                reason="PRIORITY_INVALID",
            )

    def came(self, sha256: str, received: int, whole: bool) -> None:
        """So many bytes of a file are here now; jobs that can begin by that do."""
        for job in self._arrivals.came(sha256, received, whole):
            self._begin(job)

    def missing(self, job: str) -> list[str]:
        """Files a job still waits for, by SHA-256, those needed first in front."""
        return self._places.missing(self._store.get(job).spec) if self._arrivals.lacks(job) else []

    def heads(self, job: str) -> list[str]:
        """Files whose first bytes a job waits for, by SHA-256."""
        return self._arrivals.heads(job)

    def _begin(self, job: str) -> None:
        """Queue a job that waited, planned by what its files say; where that cannot be kept it is tried again."""
        try:
            self._queue_waiting(job)
        except NoRoom as error:
            log.error("the state of the job cannot be kept; it is tried again", job=job, why=str(error))
            again = threading.Timer(PAUSE, self._begin, (job,))
            again.daemon = True
            again.start()
        except NotReady:
            log.info("the server ends; the job is queued in its next life", job=job)

    def _queue_waiting(self, job: str) -> None:
        with self._changed:
            try:
                plan = self._planner.whole(self._store.get(job).spec)
            except Exception as error:
                self._ending.fail(job, error)
                return
            if self._store.enter(job, JOB_STATE_QUEUED, plan=plan):
                self._push(job)

    def _push(self, job: str) -> None:
        with self._changed:
            kept = self._store.get(job)
            devices = frozenset(devices_meant(kept.spec, self._config, kept.plan.device))
            self._schedule.push(Entry(job, devices, kept.place, kept.user, kept.priority))
            for device in sorted(devices):
                self._workers.open(device)
            self._changed.notify_all()

    def cancel(self, job: str) -> None:
        """End a job: at once where it does not run, else at its next step. Finished frames stay.

        Raises:
            NotFound: there is no such job.
        """
        with self._changed:
            if self._store.get(job).state in ENDED:
                return
            self._store.ask_cancel(job)
            running = self._workers.running()
            if job in running:
                running[job].set()
                self._changed.notify_all()
                return
            self._schedule.remove(job)
            self._ending.end(job, JOB_STATE_CANCELLED)

    def stop(self, grace: float) -> bool:
        """Let running jobs stop at their next step; they go on in the server's next life.

        Args:
            grace: seconds to wait for them.

        Returns:
            Whether all stopped in time.
        """
        self._stopping.set()
        return self._workers.stop(grace)

    def _heartbeat(self) -> None:
        self._expiry.look()
        while not self._stopping.wait(HEARTBEAT):
            try:
                self._cache.touch_pinned()
                self._cache.sweep_uploads()
                self._places.rest(HELD_SECONDS)
                self._expiry.look()
                self.give_up_waiting()
            except Exception:
                log.exception("the heartbeat failed and goes on")

    def give_up_waiting(self) -> None:
        """End jobs for which no file has come in a long time: nobody will send them any more."""
        hours = self._config.upload_hours
        for job in self._arrivals.idle(hours * 3600) if hours else ():
            with self._changed:
                if self._store.get(job).state == JOB_STATE_WAITING:
                    sentence = (
                        f"Files of the job did not come for {hours:g} hours; send it again, what has arrived is "
                        "not sent twice."
                    )
                    self._ending.end(job, JOB_STATE_FAILED, reason="UPLOAD_ABANDONED", message=sentence)

    def _forget_files(self, job: str) -> None:
        shutil.rmtree(self._places.folder_of(job), ignore_errors=True)

    def _pin(self, job: str, spec: JobSpec) -> None:
        self._cache.pin(job, (ref.sha256 for _, ref in file_refs(spec)))

    def _work(self, job: str, device: str, cancel: threading.Event) -> None:
        """Run a job and charge its user; what cannot be kept is tried again later."""
        with structlog.contextvars.bound_contextvars(job=job):
            began, user = time.monotonic(), ""
            try:
                user = self._store.get(job).user
                outcome = self._execution.run(job, device, cancel)
                if outcome is Outcome.AGAIN:
                    self._push(job)
                elif outcome is Outcome.STARVED:
                    self._wait_for_all(job)
            except Exception as error:  # the database is full, or the server is gone under us
                if not self._stopping.is_set():
                    trace = None if isinstance(error, NoRoom) else error
                    log.error("the state of the job cannot be kept; it is tried again", why=str(error), exc_info=trace)
                    self._stopping.wait(PAUSE)
                    with self._changed, contextlib.suppress(Exception):
                        self._push(job)
            finally:
                with self._changed:
                    self._schedule.charge(user, time.monotonic() - began)

    def _wait_for_all(self, job: str) -> None:
        """Let a job that ran into a file that is not here wait until all are."""
        with self._changed:
            if self._store.enter(job, JOB_STATE_WAITING) and self._arrivals.expect(
                job, self._store.get(job).spec, everything=True
            ):
                self._begin(job)
