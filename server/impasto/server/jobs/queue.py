"""The queue: one worker a device takes the jobs that are ready, oldest first."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

import structlog

from impasto.server.config import ServerConfig
from impasto.server.errors import Cancelled, ImpastoError
from impasto.server.jobs.cache import Cache
from impasto.server.jobs.listener import StoredListener
from impasto.server.jobs.places import Places
from impasto.server.jobs.plan import Plan, make_plan
from impasto.server.jobs.plate_header import first_header, picture_limits
from impasto.server.jobs.spec import file_refs, refuse_writing_onto_inputs
from impasto.server.jobs.store import ENDED, JobStore, Kept
from impasto.server.jobs.task import Task
from impasto.v1.job_pb2 import (
    JOB_STATE_CANCELLED,
    JOB_STATE_FAILED,
    JOB_STATE_QUEUED,
    JOB_STATE_RUNNING,
    JOB_STATE_SUCCEEDED,
    JOB_STATE_WAITING,
    JobSpec,
    JobState,
)

HEARTBEAT = 120.0

Runner = Callable[[Task], None]

log = structlog.get_logger(__name__)


def _run(task: Task) -> None:
    from impasto.server.jobs.run import run

    run(task)


class Queue:
    """Takes jobs in, runs them, and keeps what happens.

    Args:
        config: the server's.
        store: where jobs are kept.
        cache: where uploads arrive.
        places: finds the files of jobs.
        runner: makes the frames of a task; None takes `impasto.server.jobs.run.run`.
    """

    def __init__(
        self, config: ServerConfig, store: JobStore, cache: Cache, places: Places, runner: Runner | None = None
    ) -> None:
        self._config, self._store, self._cache, self._places = config, store, cache, places
        self._runner = runner or _run
        self._changed = threading.Condition(threading.RLock())
        self._ready: dict[str, list[str]] = {}
        self._waiting: dict[str, set[str]] = {}
        self._running: dict[str, threading.Event] = {}
        self._workers: list[threading.Thread] = []
        self._stopping = threading.Event()

    def start(self) -> None:
        """Go on with what an earlier life left unfinished, and begin to work."""
        for kept in self._store.unfinished():
            self._pin(kept.id, kept.spec)
            if kept.cancel:
                self._end(kept.id, JOB_STATE_CANCELLED)
            elif kept.state == JOB_STATE_WAITING:
                self._wait_for_files(kept.id, kept.spec)
            else:
                if kept.state == JOB_STATE_RUNNING:
                    log.info("job goes on", job=kept.id)
                    self._store.enter(kept.id, JOB_STATE_QUEUED)
                self._push(kept.id, kept.plan)
        threading.Thread(target=self._heartbeat, name="impasto-heartbeat", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether a job runs or could run."""
        with self._changed:
            return bool(self._running) or any(self._ready.values())

    def plan(self, spec: JobSpec) -> tuple[Plan, list[str]]:
        """Check and plan a job without keeping it.

        Returns:
            The plan, its views open while the plate is not here; and the files that are missing, by SHA-256.

        Raises:
            BadRequest: it cannot be done as asked.
            NotFound: it names something unknown.
        """
        plan = make_plan(spec, self._config, None)
        missing = self._places.missing(spec)
        if not missing:
            plan = self._whole_plan(spec)
        refuse_writing_onto_inputs(spec, plan.frames, plan.file_views)
        return plan, missing

    def _whole_plan(self, spec: JobSpec) -> Plan:
        """The plan of a job whose files are here.

        Raises:
            ImpastoError: it cannot be done.
        """
        header = first_header(spec, self._places.local, self._config)
        plan = make_plan(spec, self._config, header)
        if not plan.views:  # no frame can be read; each will say so for itself
            return Plan(**{**vars(plan), "views": tuple(spec.plate.views) or ("",)})
        return plan

    def create(self, spec: JobSpec, request_id: str = "", user: str = "") -> str:
        """Plan a job, keep it, and let it run when its files are here. Durable when this returns.

        Args:
            spec: what is asked.
            request_id: the same id gives the same job again.
            user: who asks.

        Returns:
            Its id.

        Raises:
            BadRequest: it cannot be done as asked.
            NotFound: it names something unknown.
        """
        earlier = self._store.find_request(request_id, spec)
        if earlier is not None:
            return earlier
        plan, missing = self.plan(spec)
        with self._changed:
            earlier = self._store.find_request(request_id, spec)
            if earlier is not None:
                return earlier
            state = JOB_STATE_WAITING if missing else JOB_STATE_QUEUED
            job = self._store.create(spec, plan, state, request_id, user)
            log.info("job created", job=job, frames=len(plan.frames), missing=len(missing), user=user)
            self._pin(job, spec)
            for warning in plan.warnings:
                self._store.tell_warning(job, warning)
            if missing:
                self._wait_for_files(job, spec)
            else:
                self._push(job, plan)
        return job

    def arrived(self, sha256: str) -> None:
        """A file is in the cache now; jobs that waited for it last go on."""
        with self._changed:
            complete = []
            for job, lacking in self._waiting.items():
                lacking.discard(sha256)
                if not lacking:
                    complete.append(job)
        for job in complete:
            self._wait_for_files(job, self._store.get(job).spec)

    def missing(self, job: str) -> list[str]:
        """Files a job still waits for, by SHA-256."""
        with self._changed:
            if job not in self._waiting:
                return []
        return self._places.missing(self._store.get(job).spec)

    def _wait_for_files(self, job: str, spec: JobSpec) -> None:
        """Queue a job whose files are all here, else remember what it lacks."""
        with self._changed:
            missing = self._places.missing(spec)
            if missing:
                self._waiting[job] = set(missing)
                return
            self._waiting.pop(job, None)
            try:
                plan = self._whole_plan(spec)
                refuse_writing_onto_inputs(spec, plan.frames, plan.file_views)
            except Exception as error:
                self._fail(job, error)
                return
            if self._store.enter(job, JOB_STATE_QUEUED, plan=plan):
                self._push(job, plan)

    def _push(self, job: str, plan: Plan) -> None:
        with self._changed:
            if plan.device not in self._ready:
                self._ready[plan.device] = []
                worker = threading.Thread(
                    target=self._work, args=(plan.device,), name=f"impasto-{plan.device}", daemon=True
                )
                self._workers.append(worker)
                worker.start()
            self._ready[plan.device].append(job)
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
            if job in self._running:
                self._running[job].set()
                return
            self._waiting.pop(job, None)
            for ready in self._ready.values():
                if job in ready:
                    ready.remove(job)
            self._end(job, JOB_STATE_CANCELLED)

    def stop(self, grace: float) -> bool:
        """Let running jobs stop at their next step; they go on in the server's next life.

        Args:
            grace: seconds to wait for them.

        Returns:
            Whether all stopped in time.
        """
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        for worker in self._workers:
            worker.join(grace)
        return not any(worker.is_alive() for worker in self._workers)

    def _heartbeat(self) -> None:
        while not self._stopping.wait(HEARTBEAT):
            self._cache.touch_pinned()

    def _pin(self, job: str, spec: JobSpec) -> None:
        self._cache.pin(job, (ref.sha256 for _, ref in file_refs(spec)))

    def _work(self, device: str) -> None:
        while True:
            with self._changed:
                while not self._ready[device] and not self._stopping.is_set():
                    self._changed.wait()
                if self._stopping.is_set():
                    return
                job = self._ready[device].pop(0)
                cancel = self._running[job] = threading.Event()
            try:
                with structlog.contextvars.bound_contextvars(job=job):
                    self._run_job(job, cancel)
            finally:
                with self._changed:
                    del self._running[job]
                    self._changed.notify_all()

    def _run_job(self, job: str, cancel: threading.Event) -> None:
        try:
            if not self._store.enter(job, JOB_STATE_RUNNING):
                return
            task = self._task(self._store.get(job), cancel)
            log.info("job runs", frames=len(task.plan.frames), done=len(task.done), device=task.plan.device)
            self._runner(task)
            self._refuse_untold(job, task.plan)
            self._end(job, JOB_STATE_SUCCEEDED)
        except Cancelled:
            if cancel.is_set():
                self._end(job, JOB_STATE_CANCELLED)
            else:
                log.info("job stopped with the server and goes on later")
        except Exception as error:
            self._fail(job, error)

    def _task(self, kept: Kept, cancel: threading.Event) -> Task:
        job, spec, plan = kept.id, kept.spec, kept.plan
        listener = StoredListener(self._store, job, spec)
        done = {key for key, path in self._store.frames_done(job).items() if path.is_file()}
        now = self._whole_plan(spec)
        if now.digest != plan.digest:
            listener.warning("The server changed since the job was made; all its frames are made anew.")
            self._store.enter(job, JOB_STATE_RUNNING, plan=now)
            plan, done = now, set()
        return Task(
            spec=spec,
            plan=plan,
            local=self._places.local,
            target=lambda frame, view: self._places.target(job, spec, frame, view),
            done=frozenset(done),
            store=self._cache,
            listener=listener,
            cancelled=lambda: cancel.is_set() or self._stopping.is_set(),
            limits=picture_limits(self._config),
        )

    def _refuse_untold(self, job: str, plan: Plan) -> None:
        told = self._store.frames_told(job)
        for frame in plan.frames:
            for view in plan.file_views:
                if (frame, view) not in told:
                    raise RuntimeError(f"the run ended without a word about frame {frame} of view '{view}'")

    def _fail(self, job: str, error: Exception) -> None:
        """End a job that cannot be done, with a sentence for its user and the rest for the log."""
        if isinstance(error, ImpastoError):
            reason, message = error.reason, error.message
            log.warning("job failed", job=job, reason=reason, message=message)
        elif isinstance(error, MemoryError):
            reason, message = "MEMORY_FULL", "The job needs more memory than the server has; ask for smaller pictures."
            log.exception("job failed", job=job, reason=reason)
        else:
            number = secrets.token_hex(4)
            reason = "INTERNAL"
            message = f"The server made a mistake; report it with the log around '{number}' on the server."
            log.exception("job failed", job=job, number=number)
        self._end(job, JOB_STATE_FAILED, reason, message)

    def _end(self, job: str, state: JobState, reason: str = "", message: str = "") -> None:
        if self._store.enter(job, state, reason=reason, message=message):
            log.info("job ended", job=job, state=state)
        self._cache.pin(job, ())
