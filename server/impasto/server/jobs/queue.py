"""The queue: takes jobs in, lets them run when their files are here, and keeps what becomes of them."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import shutil
import threading
import time
from collections.abc import Callable

import structlog

from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest, Cancelled, ImpastoError, NoRoom
from impasto.server.jobs import memory
from impasto.server.jobs.cache import Cache
from impasto.server.jobs.check import refuse_writing_onto_inputs
from impasto.server.jobs.devices import devices_meant
from impasto.server.jobs.expiry import Expiry
from impasto.server.jobs.figures import Figures
from impasto.server.jobs.inputs import refuse_wrong_inputs
from impasto.server.jobs.listener import StoredListener
from impasto.server.jobs.places import Places
from impasto.server.jobs.plan import Plan, make_plan
from impasto.server.jobs.plate_header import first_header, picture_limits
from impasto.server.jobs.schedule import Entry, Schedule
from impasto.server.jobs.spec import file_refs
from impasto.server.jobs.store import ENDED, JobStore, Kept
from impasto.server.jobs.task import Task
from impasto.server.jobs.workers import Workers
from impasto.server.plates import Header
from impasto.v1.job_pb2 import (
    JOB_PRIORITY_INTERACTIVE,
    JOB_PRIORITY_NORMAL,
    JOB_STATE_CANCELLED,
    JOB_STATE_FAILED,
    JOB_STATE_QUEUED,
    JOB_STATE_RUNNING,
    JOB_STATE_SUCCEEDED,
    JOB_STATE_WAITING,
    JobEvent,
    JobPriority,
    JobSpec,
    JobState,
)

HEARTBEAT = 120.0
DEATHS = 5
"""Servers that must die in a row over a job, without one more frame of it, before the frame in work is given up."""
PAUSE = 5.0
"""Seconds before a job is tried again whose state could not be kept."""

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
        self._figures = figures or Figures()
        self._config, self._store, self._cache, self._places = config, store, cache, places
        self._runner = runner or _run
        self._changed = threading.Condition(threading.RLock())
        self._schedule = Schedule()
        self._workers = Workers(self._changed, self._schedule, self._work)
        self._expiry = Expiry(store, config.keep_days, self._forget_files)
        self._waiting: dict[str, set[str]] = {}
        self._good_styles: set[str] = set()
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
                    self._give_up_poison(kept)
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
        """Check and plan a job without keeping it.

        Returns:
            The plan, its views open while the plate is not here; and the files that are missing, by SHA-256.

        Raises:
            BadRequest: it cannot be done as asked.
            NotFound: it names something unknown.
        """
        plan = make_plan(spec, self._config, None)
        missing = self._places.missing(spec)
        if missing:
            self._refuse_wrong_inputs(spec, None)
        else:
            plan = self._whole_plan(spec)
        refuse_writing_onto_inputs(spec, plan.frames, plan.file_views)
        return plan, missing

    def _whole_plan(self, spec: JobSpec, replanned: int = 0) -> Plan:
        """The plan of a job whose files are here.

        Raises:
            ImpastoError: it cannot be done.
        """
        header = first_header(spec, self._places.local, self._config)
        self._refuse_wrong_inputs(spec, header)
        plan = make_plan(spec, self._config, header, replanned)
        if not plan.views:  # no frame can be read; each will say so for itself
            return Plan(**{**vars(plan), "views": tuple(spec.plate.views) or ("",)})
        return plan

    def _refuse_wrong_inputs(self, spec: JobSpec, header: Header | None) -> None:
        limits = picture_limits(self._config)
        refuse_wrong_inputs(spec, self._places.local, limits, header, self._good_styles)

    def create(
        self, spec: JobSpec, request_id: str = "", user: str = "", priority: JobPriority = JOB_PRIORITY_NORMAL
    ) -> str:
        """Plan a job, keep it, and let it run when its files are here. Durable when this returns.

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
            if missing:
                self._wait_for_files(job, spec)
            else:
                self._push(job)
        return job

    def _refuse_long_preview(self, plan: Plan, priority: JobPriority) -> None:
        most = self._config.interactive_frames
        if priority == JOB_PRIORITY_INTERACTIVE and plan.total > most:
            raise BadRequest(
                f"An interactive job passes the others and may want {most} frames; this one wants {plan.total}: "
                "give it another priority.",
                reason="PRIORITY_INVALID",
            )

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
                self._push(job)

    def _push(self, job: str) -> None:
        with self._changed:
            kept = self._store.get(job)
            devices = frozenset(devices_meant(kept.spec, self._config, kept.plan))
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
            self._waiting.pop(job, None)
            self._schedule.remove(job)
            self._end(job, JOB_STATE_CANCELLED)

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
                self._expiry.look()
            except Exception:
                log.exception("the heartbeat failed and goes on")

    def _forget_files(self, job: str) -> None:
        shutil.rmtree(self._places.folder_of(job), ignore_errors=True)

    def _pin(self, job: str, spec: JobSpec) -> None:
        self._cache.pin(job, (ref.sha256 for _, ref in file_refs(spec)))

    def _give_up_poison(self, kept: Kept) -> None:
        """Let the frame fail over which one server after the other has died."""
        deaths = self._store.died(kept.id)
        if deaths < DEATHS:
            return
        told = self._store.frames_told(kept.id)
        left = [(f, v) for f in kept.plan.frames for v in kept.plan.file_views if (f, v) not in told]
        at = self._store.frame_in_work(kept.id)
        frame, view = at if at in left else left[0] if left else (0, "")
        if left:
            event = JobEvent()
            event.frame_failed.frame, event.frame_failed.view = frame, view
            event.frame_failed.error.reason = "FRAME_POISONED"
            event.frame_failed.error.message = (
                f"The server died {deaths} times while it worked on frame {frame}; look at that frame's files, and "
                "report it with the server's log."
            )
            self._store.tell(kept.id, event)
            log.error("frame given up", job=kept.id, frame=frame, view=view, deaths=deaths)

    def _work(self, job: str, device: str, cancel: threading.Event) -> None:
        """Run a job and charge its user; what cannot be kept is tried again later."""
        with structlog.contextvars.bound_contextvars(job=job):
            began, user = time.monotonic(), ""
            try:
                user = self._store.get(job).user
                self._run_job(job, device, cancel)
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

    def _run_job(self, job: str, device: str, cancel: threading.Event) -> None:
        try:
            if not self._store.enter(job, JOB_STATE_RUNNING):
                return
            task = self._task(self._store.get(job), device, cancel)
            log.info("job runs", frames=len(task.plan.frames), done=len(task.done), device=device)
            self._runner(task)
            self._refuse_untold(job, task.plan)
            self._end(job, JOB_STATE_SUCCEEDED)
        except Cancelled:
            if cancel.is_set():
                self._end(job, JOB_STATE_CANCELLED)
            else:
                log.info("job stopped with the server and goes on later")
                self._store.enter(job, JOB_STATE_QUEUED)
        except Exception as error:
            if memory.ran_out(error):
                self._plan_for_less(job, error)
            else:
                self._fail(job, error)

    def _plan_for_less(self, job: str, error: Exception) -> None:
        """Plan the whole shot for half the memory and queue it again; fail with the numbers when that is used up."""
        kept = self._store.get(job)
        said = str(error).strip().partition("\n")[0] or "out of memory"
        _free_memory()
        if not memory.may_replan(kept.plan):
            numbers = memory.numbers(kept.plan)
            log.warning("job failed", reason="MEMORY_FULL", said=said)
            sentence = f"The job ran out of memory, {numbers}; ask for smaller pictures, or use a larger device."
            self._end(job, JOB_STATE_FAILED, "MEMORY_FULL", sentence)
            return
        try:
            plan = self._whole_plan(kept.spec, kept.plan.replanned + 1)
        except Exception as unplanned:
            self._fail(job, unplanned)
            return
        self._figures.add("replanned", plan.device)
        log.warning("planned for less memory", before=kept.plan.memory, now=plan.memory, said=said)
        self._store.replan(job, plan, kept.plan.memory, said)
        self._store.tell_warning(
            job,
            f"Memory ran out ({said}); the whole shot is planned anew for {plan.memory / 2**30:.2g} GiB, and all its "
            "frames are made anew.",
        )
        if self._store.enter(job, JOB_STATE_QUEUED):
            self._push(job)

    def _task(self, kept: Kept, device: str, cancel: threading.Event) -> Task:
        job, spec, plan = kept.id, kept.spec, kept.plan
        listener = StoredListener(self._store, job, spec, self._places, self._figures)
        done = {key for key, path in self._store.frames_done(job).items() if path.is_file()}
        done |= self._store.frames_told(job) - set(self._store.frames_done(job))
        now = self._whole_plan(spec, plan.replanned)
        if now.digest != plan.digest:
            listener.warning("The server changed since the job was made; all its frames are made anew.")
            self._store.enter(job, JOB_STATE_RUNNING, plan=now)
            plan, done = now, set()
        if plan.device != device:
            plan = dataclasses.replace(plan, device=device, choices={**plan.choices, "device": device})

        def cancelled() -> bool:
            if kept.priority != JOB_PRIORITY_INTERACTIVE:
                self._workers.give_way(device, cancel)
            return cancel.is_set() or self._stopping.is_set()

        return Task(
            spec=spec,
            plan=plan,
            local=self._places.local,
            target=lambda frame, view: self._places.target(job, spec, frame, view),
            beside=lambda wished: self._places.beside(job, wished),
            done=frozenset(done),
            store=self._cache,
            listener=listener,
            cancelled=cancelled,
            limits=picture_limits(self._config),
        )

    def _refuse_untold(self, job: str, plan: Plan) -> None:
        told = self._store.frames_told(job)
        for frame in plan.frames if plan.makes_frames else ():
            for view in plan.file_views:
                if (frame, view) not in told:
                    raise RuntimeError(f"the run ended without a word about frame {frame} of view '{view}'")

    def _fail(self, job: str, error: Exception) -> None:
        """End a job that cannot be done, with a sentence for its user and the rest for the log."""
        if isinstance(error, ImpastoError):
            reason, message = error.reason, error.message
            log.warning("job failed", job=job, reason=reason, message=message)
        else:
            number = secrets.token_hex(4)
            reason = "INTERNAL"
            message = f"The server made a mistake; report it with the log around '{number}' on the server."
            log.exception("job failed", job=job, number=number)
        self._end(job, JOB_STATE_FAILED, reason, message)

    def _end(self, job: str, state: JobState, reason: str = "", message: str = "") -> None:
        if self._store.enter(job, state, reason=reason, message=message):
            name = JobState.Name(state).removeprefix("JOB_STATE_").lower()
            log.info("job ended", job=job, state=name)
            self._figures.add("jobs_ended", name)
        self._cache.pin(job, ())


def _free_memory() -> None:
    """Give what torch holds for later back to the device."""
    import gc
    import sys

    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
