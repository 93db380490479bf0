"""One server, asked call by call: the calls of the contract, with files found, lines lost and errors told."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast

import grpc

from impasto.client import transfer
from impasto.client.connection import Connection, Patience, Tls
from impasto.client.errors import BadRequestError, from_rpc, translated
from impasto.client.events import ENDED, Event, FilesSent, from_message, state_name
from impasto.client.folders import cache_folder
from impasto.client.gather import gather
from impasto.client.planned import PlannedJob, compare, refuse_writing_onto_inputs
from impasto.client.streams import NOTHING_YET, apart
from impasto.sequences import Digests, SequenceError
from impasto.v1 import catalog_pb2, job_pb2

PRIORITIES = ("low", "normal", "high", "interactive")
"""How urgent a job is; an interactive one wants a few frames and passes a running job between two of its steps."""

RENEWED = 30.0
"""Seconds after which a job that is watched is asked for anew: a line that died without a word is found out so."""
LOOK_UP = 0.25


class Server:
    """The calls of one server. Its methods may be called from any thread.

    Every method raises `ServerUnreachable` where no server answers, `BadRequestError` for what cannot be done as asked,
    and other `ImpastoError`s for the rest.
    """

    def __init__(self, connection: Connection, digests: Digests, patience: float) -> None:
        self._connection, self._digests, self._patience = connection, digests, patience

    @classmethod
    def connect(
        cls,
        address: str,
        *,
        token: str = "",
        tls: Tls | None = None,
        cache: Path | None = None,
        timeout: float = 10.0,
        patience: float = 60.0,
    ) -> Self:
        """Connect to a server that answers.

        Args:
            address: `HOST:PORT` or `unix:/path`.
            token: the server's, where it asks for one.
            tls: files for a server with TLS; None speaks in the clear.
            cache: folder in which digests are remembered; None takes `IMPASTO_CACHE` or the user's.
            timeout: seconds to wait for a first answer.
            patience: seconds without a line before a call that can be gone on with gives up.

        Raises:
            ServerUnreachable: no server answers in time.
            BadRequestError: a TLS file cannot be read, or the token cannot be sent.
        """
        if not token.isprintable() or not token.isascii():
            raise BadRequestError("The token holds signs that cannot be sent; copy it again.", reason="TOKEN_WRONG")
        connection = Connection(address, token, _user(), tls)
        try:
            connection.check(timeout)
        except BaseException:
            connection.close()
            raise
        return cls(connection, Digests(cache or cache_folder()), patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the line; jobs go on."""
        self._connection.close()
        self._digests.close()

    @property
    def address(self) -> str:
        """Of the server."""
        return self._connection.address

    @property
    def server_version(self) -> str:
        """Of the server, such as `0.1.0`."""
        return self._connection.server[0]

    @property
    def clock_error(self) -> float | None:
        """Seconds by which the server's clock was ahead of ours when we connected; None where it did not tell."""
        return self._connection.clock_error

    def plan(self, spec: job_pb2.JobSpec) -> PlannedJob:
        """Find a job's files, have it checked and decided, and look at what stands at its outputs. Changes nothing.

        Args:
            spec: patterns and paths; digests are filled in.

        Raises:
            BadRequestError: also where an output is an input, or a file that is not ours stands there.
        """
        try:
            gathered = gather(spec, self._digests)
            refuse_writing_onto_inputs(gathered)
            request = job_pb2.CreateJobRequest(spec=gathered.spec, validate_only=True)
            plan = self._call(self._connection.jobs.CreateJob, request).job.plan
            return compare(gathered, plan)
        except SequenceError as error:
            raise BadRequestError(str(error), reason="FILES_INVALID") from error

    def show_styles(self, planned: PlannedJob) -> None:
        """Send what the server lacks of the styles, so that a job is refused when it is made where one is no style.

        Raises:
            BadRequestError: a file cannot be read.
        """
        styles = {style.file.sha256 for style in planned.spec.stylize.styles if style.HasField("file")}
        lacking = {sha256: path for sha256, path in planned.to_send.items() if sha256 in styles}
        for _ in transfer.upload(self._connection, lacking, self._patience):
            pass

    def create(self, spec: job_pb2.JobSpec, request_id: str, priority: str = "") -> job_pb2.Job:
        """Have a gathered job kept and queued; what its plan calls missing is then to be sent.

        Args:
            spec: the whole job.
            request_id: made up by the caller; the same id gives the same job again.
            priority: of `PRIORITIES`; empty means normal.
        """
        request = job_pb2.CreateJobRequest(spec=spec, request_id=request_id, priority=_priority(priority))
        job: job_pb2.Job = self._call(self._connection.jobs.CreateJob, request).job
        return job

    def send(self, job: job_pb2.Job, files: Mapping[str, Path]) -> Iterator[FilesSent]:
        """Send the files a job waits for.

        Args:
            job: as `create` or `get` returned it.
            files: local path by SHA-256.

        Raises:
            BadRequestError: one of them is not among `files`.
        """
        unknown = [sha256 for sha256 in job.plan.missing if sha256 not in files]
        if unknown:
            raise BadRequestError(
                f"The server lacks a file of {job.name} that has no path here ({unknown[0][:12]}...); send"
                " the job again.",
                reason="FILE_GONE",
            )
        lacking = {sha256: files[sha256] for sha256 in job.plan.missing}
        total, sent = sum(path.stat().st_size for path in lacking.values()), 0
        heads, head = job.plan.heads, job.plan.head_bytes
        for gained in transfer.upload(self._connection, lacking, self._patience, heads, head):
            sent += gained
            yield FilesSent(job=job.name, sent_bytes=sent, total_bytes=total)

    def watch(self, job: str, after: int = 0, beside: Callable[[], Iterable[Event]] | None = None) -> Iterator[Event]:
        """A job's events up to its end. Asks again from the last number where the line is lost.

        Args:
            job: `jobs/ID`.
            after: number of the last event known; 0 for all.
            beside: other events to be told among these, asked for every quarter second; none where None.
        """
        look_up = None if beside is None else LOOK_UP
        patience = Patience(self._patience)
        while True:
            request = job_pb2.WatchJobRequest(name=job, after=after)
            call = self._connection.jobs.WatchJob(request, metadata=self._connection.metadata, timeout=RENEWED)
            try:
                for response in apart(call, look_up):
                    yield from beside() if beside is not None else ()
                    if response is NOTHING_YET:
                        continue
                    patience.succeeded()
                    after = response.event.number
                    event = from_message(job, response.event)
                    if event is not None:
                        yield event
                if state_name(self.get(job).state) in ENDED:
                    return
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    self._connection.check(self._patience)  # nothing may have happened, or nobody may be there
                elif not patience.allows(error):
                    raise from_rpc(error, self.address) from error

    def download(self, sha256: str, target: Path) -> None:
        """Fetch a file by its content; `target` is replaced only by the whole file.

        Raises:
            OSError: `target` cannot be written.
        """
        transfer.download(self._connection, sha256, target, self._patience)

    def get(self, job: str) -> job_pb2.Job:
        """One job."""
        found: job_pb2.Job = self._call(self._connection.jobs.GetJob, job_pb2.GetJobRequest(name=job)).job
        return found

    def jobs(
        self,
        limit: int = 50,
        *,
        states: Sequence[str] = (),
        user: str = "",
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> Sequence[job_pb2.Job]:
        """The newest jobs, newest first, their specs left out.

        Args:
            limit: at most so many.
            states: those to show, such as `running`; empty for all.
            user: whose; empty for everybody's.
            after: made at this time or later.
            before: made before this time.
        """
        known = {name.removeprefix("JOB_STATE_").lower(): name for name in job_pb2.JobState.keys()[1:]}
        unknown = [state for state in states if state not in known]
        if unknown:
            raise BadRequestError(
                f"There is no state '{unknown[0]}'; there are: {', '.join(known)}.", reason="VALUE_INVALID"
            )
        jobs: list[job_pb2.Job] = []
        token = ""
        while len(jobs) < limit:
            request = job_pb2.ListJobsRequest(page_size=min(limit - len(jobs), 1000), page_token=token, user=user)
            request.states.extend(cast("job_pb2.JobState", job_pb2.JobState.Value(known[state])) for state in states)
            if after is not None:
                request.created_after.FromDatetime(_utc(after))
            if before is not None:
                request.created_before.FromDatetime(_utc(before))
            answer = self._call(self._connection.jobs.ListJobs, request)
            jobs.extend(answer.jobs)
            token = answer.next_page_token
            if not token:
                break
        return jobs

    def cancel(self, job: str) -> job_pb2.Job:
        """End a job; finished frames are kept. One that has ended stays as it is."""
        cancelled: job_pb2.Job = self._call(self._connection.jobs.CancelJob, job_pb2.CancelJobRequest(name=job)).job
        return cancelled

    def models(self, family: str = "") -> Sequence[catalog_pb2.ModelInfo]:
        """The models; `family` is flow, style, or empty for all."""
        request = catalog_pb2.ListModelsRequest(family=family)
        models: Sequence[catalog_pb2.ModelInfo] = self._call(self._connection.catalog.ListModels, request).models
        return models

    def styles(self) -> Sequence[catalog_pb2.StyleInfo]:
        """The styles known by name."""
        request = catalog_pb2.ListStylesRequest()
        styles: Sequence[catalog_pb2.StyleInfo] = self._call(self._connection.catalog.ListStyles, request).styles
        return styles

    def _call(self, method: Any, request: Any) -> Any:
        with translated(self.address):
            return self._connection.answer(method, request, self._patience)


def _priority(name: str) -> job_pb2.JobPriority:
    if name and name not in PRIORITIES:
        raise BadRequestError(
            f"There is no priority '{name}'; there are: {', '.join(PRIORITIES)}.", reason="PRIORITY_INVALID"
        )
    number = job_pb2.JobPriority.Value(f"JOB_PRIORITY_{(name or 'normal').upper()}")
    return cast("job_pb2.JobPriority", number)


def _utc(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(tzinfo=None)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
