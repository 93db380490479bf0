"""JobService: a job's life."""

from __future__ import annotations

from collections.abc import Iterator

import grpc

from impasto.server.errors import BadRequest, NotFound, NotReady
from impasto.server.jobs.inputs.arrivals import HEAD
from impasto.server.jobs.queueing.queue import Queue
from impasto.server.jobs.records.store import JobStore
from impasto.server.rpc.auth import Users
from impasto.v1.job_pb2 import (
    JOB_PRIORITY_NORMAL,
    CancelJobRequest,
    CancelJobResponse,
    CreateJobRequest,
    CreateJobResponse,
    GetJobRequest,
    GetJobResponse,
    Job,
    JobPriority,
    ListJobsRequest,
    ListJobsResponse,
    WatchJobRequest,
    WatchJobResponse,
)
from impasto.v1.job_pb2_grpc import JobServiceServicer

PAGE = 50
LARGEST_PAGE = 1000
LONGEST_REQUEST_ID = 128
LOOK_EVERY = 5.0
"""Seconds between looks whether a silent watcher is still there."""


class JobService(JobServiceServicer):
    """Answers for the queue and the store.

    Args:
        queue: of the server.
        store: of the server.
        users: says whose a call is.
        keep_days: days an ended job stays; 0 for ever.
    """

    def __init__(self, queue: Queue, store: JobStore, users: Users, keep_days: float = 0) -> None:
        self._queue, self._store, self._users, self._keep_days = queue, store, users, keep_days

    def CreateJob(self, request: CreateJobRequest, context: grpc.ServicerContext) -> CreateJobResponse:  # noqa: N802
        """Plan a job and, unless only asked to check, keep and queue it."""
        if len(request.request_id) > LONGEST_REQUEST_ID:
            raise BadRequest(
                f"The request id has {len(request.request_id)} characters; at most {LONGEST_REQUEST_ID} are taken.",
                reason="REQUEST_ID_TOO_LONG",
            )
        if request.validate_only:
            plan, missing = self._queue.plan(request.spec)
            return CreateJobResponse(job=Job(spec=request.spec, plan=plan.to_proto(missing), frames_total=plan.total))
        priority = request.priority or JOB_PRIORITY_NORMAL
        if priority not in JobPriority.values():
            raise BadRequest(
                f"There is no priority {priority}; say low, normal, high or interactive.", reason="PRIORITY_INVALID"
            )
        job = self._queue.create(request.spec, request.request_id, self._users.of(context), priority)
        return CreateJobResponse(job=self._shown(job))

    def GetJob(self, request: GetJobRequest, context: grpc.ServicerContext) -> GetJobResponse:  # noqa: N802
        """Return one job."""
        return GetJobResponse(job=self._shown(_id(request.name)))

    def ListJobs(self, request: ListJobsRequest, context: grpc.ServicerContext) -> ListJobsResponse:  # noqa: N802
        """List jobs, newest first."""
        if request.page_size < 0:
            raise BadRequest(
                f"A page of {request.page_size} jobs cannot be; ask for 1 to 1000.", reason="VALUE_INVALID"
            )
        try:
            before = int(request.page_token, 16) if request.page_token else None
        except ValueError:
            raise BadRequest(
                f"The page token '{request.page_token}' is not of this server; list from the start.",
                reason="PAGE_TOKEN_INVALID",
            ) from None
        size = min(request.page_size or PAGE, LARGEST_PAGE)
        made = tuple(
            getattr(request, name).ToNanoseconds() / 1e9 if request.HasField(name) else None
            for name in ("created_after", "created_before")
        )
        jobs, following = self._store.page(size, before, list(request.states), request.user, (made[0], made[1]))
        for job in jobs:
            self._add_outlook(job)
        return ListJobsResponse(jobs=jobs, next_page_token="" if following is None else f"{following:x}")

    def WatchJob(self, request: WatchJobRequest, context: grpc.ServicerContext) -> Iterator[WatchJobResponse]:  # noqa: N802
        """Stream a job's events after a number, until that of its last state."""
        job, after = _id(request.name), request.after
        if after < 0:
            raise BadRequest(f"Events are numbered from 1; {after} is none.", reason="VALUE_INVALID")
        while context.is_active():
            try:
                events = self._store.wait(job, after, LOOK_EVERY)
            except NotReady:
                raise NotReady(
                    "The server is going down; watch again when it is back.", reason="SERVER_STOPPING"
                ) from None
            if events is None:
                return
            for event in events:
                after = event.number
                yield WatchJobResponse(event=event)

    def CancelJob(self, request: CancelJobRequest, context: grpc.ServicerContext) -> CancelJobResponse:  # noqa: N802
        """Cancel a job, or leave one that has ended as it is."""
        job = _id(request.name)
        self._queue.cancel(job)
        return CancelJobResponse(job=self._shown(job))

    def _shown(self, job: str) -> Job:
        shown = self._store.job(job)
        shown.plan.missing.extend(self._queue.missing(job))
        shown.plan.heads.extend(self._queue.heads(job))
        shown.plan.head_bytes = HEAD if shown.plan.heads else 0
        self._add_outlook(shown)
        return shown

    def _add_outlook(self, job: Job) -> None:
        """What is known of a job's future: its place in the queue, and when it goes."""
        job.ahead = self._queue.ahead(_id(job.name))
        if job.HasField("end_time") and self._keep_days:
            job.expire_time.FromNanoseconds(job.end_time.ToNanoseconds() + int(self._keep_days * 86400e9))


def _id(name: str) -> str:
    folder, _, job = name.partition("/")
    if folder != "jobs" or not job:
        raise NotFound(f"'{name}' names no job; a job's name is jobs/ID.", reason="JOB_UNKNOWN")
    return job
