"""One job carried out on a device: its task made, run, and what the run raises judged."""

from __future__ import annotations

import dataclasses
import enum
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from impasto.server.config import ServerConfig
from impasto.server.errors import Cancelled
from impasto.server.jobs.inputs.arrivals import Arrivals, Starved
from impasto.server.jobs.inputs.places import Places
from impasto.server.jobs.planning.plan import Plan
from impasto.server.jobs.planning.plate_header import picture_limits
from impasto.server.jobs.queueing.cores import run_on
from impasto.server.jobs.queueing.ending import Ending
from impasto.server.jobs.queueing.figures import Figures
from impasto.server.jobs.queueing.listener import StoredListener
from impasto.server.jobs.queueing.planner import Planner
from impasto.server.jobs.queueing.workers import Workers
from impasto.server.jobs.records.cache import Cache
from impasto.server.jobs.records.store import JobStore, Kept
from impasto.server.jobs.running import memory
from impasto.server.jobs.task import Task
from impasto.v1.job_pb2 import (
    JOB_PRIORITY_INTERACTIVE,
    JOB_STATE_CANCELLED,
    JOB_STATE_FAILED,
    JOB_STATE_QUEUED,
    JOB_STATE_RUNNING,
    JOB_STATE_SUCCEEDED,
    JobSpec,
)
from impasto.v1.plate_pb2 import FileRef

Runner = Callable[[Task], None]

log = structlog.get_logger(__name__)


class Outcome(enum.Enum):
    """What is to become of a job that ran: it is over, is queued again, or waits until all its files are here."""

    OVER = "over"
    AGAIN = "again"
    STARVED = "starved"


class Execution:
    """Carries jobs out, on whatever thread it is asked.

    Args:
        config: the server's.
        store: where jobs are kept.
        cache: where uploads arrive.
        places: finds the files of jobs.
        arrivals: knows which have not arrived.
        planner: plans jobs anew.
        workers: says who else wants the device.
        ending: ends jobs.
        figures: counts what happens.
        runner: makes the frames of a task.
        stopping: set when the server ends.
    """

    def __init__(
        self,
        config: ServerConfig,
        store: JobStore,
        cache: Cache,
        places: Places,
        arrivals: Arrivals,
        planner: Planner,
        workers: Workers,
        ending: Ending,
        figures: Figures,
        runner: Runner,
        stopping: threading.Event,
    ) -> None:
        self._config, self._store, self._cache, self._places = config, store, cache, places
        self._arrivals, self._planner, self._workers, self._ending = arrivals, planner, workers, ending
        self._figures, self._runner, self._stopping = figures, runner, stopping

    def run(self, job: str, device: str, cancel: threading.Event) -> Outcome:
        """Run a job that is queued.

        Args:
            job: its id.
            device: it runs on.
            cancel: set when its end is asked for.
        """
        try:
            if not self._store.enter(job, JOB_STATE_RUNNING):
                return Outcome.OVER
            task = self._task(self._store.get(job), device, cancel)
            log.info("job runs", frames=len(task.plan.frames), done=len(task.done), device=device)
            with self._places.plainly():
                run_on(task.plan.threads, lambda: self._runner(task))
            self._refuse_untold(job, task.plan)
            self._ending.end(job, JOB_STATE_SUCCEEDED)
        except Cancelled:
            if cancel.is_set():
                self._ending.end(job, JOB_STATE_CANCELLED)
            else:
                log.info("job stopped with the server and goes on later")
                self._store.enter(job, JOB_STATE_QUEUED)
        except Starved as starved:
            log.info("job lets others go before it until its files have arrived", why=str(starved))
            return Outcome.STARVED
        except Exception as error:
            if memory.ran_out(error):
                return self._plan_for_less(job, error)
            self._ending.fail(job, error)
        return Outcome.OVER

    def _plan_for_less(self, job: str, error: Exception) -> Outcome:
        """Plan the whole shot for half the memory; fail with the numbers when that is used up."""
        kept = self._store.get(job)
        said = str(error).strip().partition("\n")[0] or "out of memory"
        memory.free()
        if not memory.may_replan(kept.plan):
            numbers = memory.numbers(kept.plan)
            log.warning("job failed", reason="MEMORY_FULL", said=said)
            sentence = f"The job ran out of memory, {numbers}; ask for smaller pictures, or use a larger device."
            self._ending.end(job, JOB_STATE_FAILED, "MEMORY_FULL", sentence)
            return Outcome.OVER
        try:
            plan = self._planner.whole(kept.spec, kept.plan.replanned + 1)
        except Exception as unplanned:
            self._ending.fail(job, unplanned)
            return Outcome.OVER
        self._figures.add("replanned", plan.device)
        log.warning("planned for less memory", before=kept.plan.memory, now=plan.memory, said=said)
        self._store.replan(job, plan, kept.plan.memory, said)
        self._store.tell_warning(
            job,
            f"Memory ran out ({said}); the whole shot is planned anew for {plan.memory / 2**30:.2g} GiB, and all its "
            "frames are made anew.",
        )
        return Outcome.AGAIN if self._store.enter(job, JOB_STATE_QUEUED) else Outcome.OVER

    def _task(self, kept: Kept, device: str, cancel: threading.Event) -> Task:
        job, spec, plan = kept.id, kept.spec, kept.plan
        listener = StoredListener(self._store, job, spec, self._places, self._figures)
        done = {key for key, path in self._store.frames_done(job).items() if path.is_file()}
        done |= self._store.frames_told(job) - set(self._store.frames_done(job))
        now = self._planner.whole(spec, plan.replanned)
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
            local=self._patient(job, spec, device, cancelled, listener),
            here=lambda ref: not self._arrivals.awaited(job, ref.sha256),
            head=self._places.head,
            target=lambda frame, view: self._places.target(job, spec, frame, view),
            beside=lambda wished: self._places.beside(job, wished),
            done=frozenset(done),
            presumed=kept.presumed,
            store=self._cache,
            listener=listener,
            cancelled=cancelled,
            limits=picture_limits(self._config),
        )

    def _patient(
        self, job: str, spec: JobSpec, device: str, cancelled: Callable[[], bool], listener: StoredListener
    ) -> Callable[[FileRef], Path]:
        """Gives the local path of a file, waiting for one that is on its way as long as nobody else wants the device.

        Raises:
            Cancelled, Starved: while waiting.
        """
        frames = {entry.file.sha256: (entry.frame, entry.view) for entry in spec.plate.files}

        def step(sha256: str) -> None:
            if cancelled():
                raise Cancelled("The job was cancelled; finished frames are kept.")
            if self._workers.wanted_by_others(device):
                raise Starved("another job is ready")
            listener.waiting(*frames.get(sha256, (0, "")))

        def local(ref: FileRef) -> Path:
            self._arrivals.wait(job, ref.sha256, lambda: step(ref.sha256))
            return self._places.local(ref)

        return local

    def _refuse_untold(self, job: str, plan: Plan) -> None:
        told = self._store.frames_told(job)
        for frame in plan.frames if plan.makes_frames else ():
            for view in plan.file_views:
                if (frame, view) not in told:
                    raise RuntimeError(f"the run ended without a word about frame {frame} of view '{view}'")
