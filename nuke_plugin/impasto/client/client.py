"""The client: one server, asked from Python."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from impasto.client.live import FORMATS, LiveStream
from impasto.client.planned import PlannedJob, compare, makes_frames, refuse_writing_onto_inputs
from impasto.client.render import Destination, Render, beside_of, follow
from impasto.client.review import Review
from impasto.client.specs import (
    Look,
    Options,
    Painting,
    PathLike,
    Styling,
    absolute,
    flow_spec,
    interpolate_spec,
    keys_spec,
    stmap_spec,
    style_spec,
    stylize_spec,
)
from impasto.client.streams import apart
from impasto.sequences import Digests, SequenceError, SequencePattern
from impasto.v1 import catalog_pb2, job_pb2, live_pb2

PRIORITIES = ("low", "normal", "high", "interactive")
"""How urgent a job is; an interactive one wants a few frames and passes a running job between two of its steps."""


RENEWED = 30.0
"""Seconds after which a job that is watched is asked for anew: a line that died without a word is found out so."""


class Client:
    """Asks one server for jobs, and brings home what it makes.

    Make one with `Client.connect`; use it in a `with` block, or `close` it. Its methods may be called from any thread.

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

    def stylize(
        self,
        plate: PathLike,
        *,
        out: PathLike,
        style: PathLike | Styling | Iterable[PathLike | Styling] | None = None,
        keys: Mapping[int, PathLike | Painting] | None = None,
        scale_keys: bool = False,
        fill: str = "",
        fill_minutes: float | None = None,
        motion: str = "",
        strength: float | None = None,
        style_scale: float | None = None,
        relight: float | None = None,
        preserve_colour: bool = False,
        preserve_luminance: bool = False,
        mask: PathLike = "",
        look: str | Look = "",
        seed: int = 0,
        every: int = 0,
        priority: str = "",
        **options: Any,
    ) -> Render:
        """Paint a shot. Arguments are those of `stylize_spec` and `render`; `options` are the fields of `Options`.

        Returns:
            Its events; `.result()` waits for the end.
        """
        spec = stylize_spec(
            plate,
            out=out,
            style=style,
            keys=keys,
            scale_keys=scale_keys,
            fill=fill,
            fill_minutes=fill_minutes,
            motion=motion,
            strength=strength,
            style_scale=style_scale,
            relight=relight,
            preserve_colour=preserve_colour,
            preserve_luminance=preserve_luminance,
            mask=mask,
            look=look,
            seed=seed,
            every=every,
            options=Options(**options),
        )
        return self.render(spec, priority)

    def flow(self, plate: PathLike, *, out: PathLike, motion: str = "", priority: str = "", **options: Any) -> Render:
        """Measure a shot's motion and mattes. Arguments: see `flow_spec`, `render` and the fields of `Options`."""
        return self.render(flow_spec(plate, out=out, motion=motion, options=Options(**options)), priority)

    def interpolate(
        self,
        plate: PathLike,
        *,
        out: PathLike,
        speed: float | None = None,
        factor: int | None = None,
        timing: PathLike | Sequence[tuple[float, float]] | None = None,
        at: Sequence[float] | None = None,
        out_first: int | None = None,
        repair: bool = False,
        model: str = "",
        motion: str = "",
        cuts: str = "",
        paint: PathLike | None = None,
        priority: str = "",
        **options: Any,
    ) -> Render:
        """Make frames in between. Arguments: see `interpolate_spec`, `render` and the fields of `Options`."""
        spec = interpolate_spec(
            plate,
            out=out,
            speed=speed,
            factor=factor,
            timing=timing,
            at=at,
            out_first=out_first,
            repair=repair,
            model=model,
            motion=motion,
            cuts=cuts,
            paint=paint,
            options=Options(**options),
        )
        return self.render(spec, priority)

    def keys(
        self,
        plate: PathLike,
        *,
        share: float | None = None,
        most: int = 0,
        painted: str = "",
        motion: str = "",
        priority: str = "",
        **options: Any,
    ) -> Render:
        """Pick the frames worth painting; see `keys_spec`. The `KeysPicked` among the events holds them."""
        spec = keys_spec(plate, share=share, most=most, painted=painted, motion=motion, options=Options(**options))
        return self.render(spec, priority)

    def stmap(
        self, plate: PathLike, *, out: PathLike, key: int, motion: str = "", priority: str = "", **options: Any
    ) -> Render:
        """Write where the pixels of one frame are in the others; see `stmap_spec`."""
        options.setdefault("passes", ())
        return self.render(stmap_spec(plate, out=out, key=key, motion=motion, options=Options(**options)), priority)

    def render(self, spec: job_pb2.JobSpec, priority: str = "") -> Render:
        """Plan a job now, and make it as its events are asked for.

        Args:
            spec: patterns and paths; digests are filled in.
            priority: of `PRIORITIES`; empty means normal. An interactive job passes others between their frames.
        """
        return Render(self, self.plan(spec), priority)

    def submit(self, spec: job_pb2.JobSpec, priority: str = "") -> str:
        """Plan a job, have it kept, send what the server lacks, and leave it to the server.

        Returns:
            `jobs/ID` for `watch`, `fetch` and `cancel`; empty where all its frames stand at its output already.
        """
        render = self.render(spec, priority)
        for _ in render.submit():
            pass
        return render.job

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
        for gained in transfer.upload(self._connection, lacking, self._patience):
            sent += gained
            yield FilesSent(job=job.name, sent_bytes=sent, total_bytes=total)

    def watch(self, job: str, after: int = 0) -> Iterator[Event]:
        """A job's events up to its end. Asks again from the last number where the line is lost.

        Args:
            job: `jobs/ID`.
            after: number of the last event known; 0 for all.
        """
        patience = Patience(self._patience)
        while True:
            request = job_pb2.WatchJobRequest(name=job, after=after)
            call = self._connection.jobs.WatchJob(request, metadata=self._connection.metadata, timeout=RENEWED)
            try:
                for response in apart(call):
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

    def fetch(self, job: str, into: PathLike | None = None) -> Iterator[Event]:
        """A job's events, each finished frame brought here before its event.

        Args:
            job: `jobs/ID`.
            into: pattern of the files; None takes the job's own output.

        Raises:
            JobFailed, FramesFailed, JobCancelled, BelowQuality: after the last event, as it ended.
        """
        found = self.get(job)
        spec = found.spec
        pattern = absolute(into) if into is not None else spec.output.pattern
        try:
            target = SequencePattern.parse(pattern) if makes_frames(spec) else None
        except SequenceError as error:
            raise BadRequestError(str(error), reason="OUTPUT_INVALID") from error
        review = Review.of(spec, found.plan.digest, target)
        return review.followed(follow(self, job, Destination(target, beside_of(spec))))

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

    def live(
        self,
        width: int,
        height: int,
        *,
        style: PathLike,
        look: str = "",
        pixels: str = "rgb8",
        strength: float | None = None,
        style_scale: float | None = None,
        preserve_colour: bool = False,
        paint_every: int = 0,
        paint_width: int = 0,
        queue: int = 0,
        drop_oldest: bool = False,
        seed: int = 0,
    ) -> LiveStream:
        """Open a live stream: frames in, frames out, causal, nothing kept.

        Args:
            width: columns of every frame.
            height: rows.
            style: a picture, a weights file or a preset's name.
            look: id of the model that paints after a picture; empty for the default.
            pixels: their format, of `live.FORMATS`: rgb8, rgba8 or half.
            strength: 0 is the plate, 1 the paint.
            style_scale: brush size relative to the style picture's own.
            preserve_colour: whether the plate keeps its hues.
            paint_every: frames from one painting to the next at least; 0 paints as fast as it can.
            paint_width: columns the look paints at; 0 takes all.
            queue: frames that may wait on the server; 0 means 4.
            drop_oldest: whether the oldest waiting frame is dropped when another comes; else the sender waits.
            seed: of every random draw.
        """
        if pixels not in FORMATS:
            raise BadRequestError(
                f"There is no pixel format '{pixels}'; there are: {', '.join(FORMATS)}.", reason="LIVE_INVALID"
            )
        code, pixel_bytes = FORMATS[pixels]
        settings = live_pb2.LiveSettings(
            width=width,
            height=height,
            format=code,
            style=self._present(style_spec(style)),
            preserve_colour=preserve_colour,
            paint_every=paint_every,
            paint_width=paint_width,
            look=look,
            queue=queue,
            overflow=live_pb2.LIVE_OVERFLOW_DROP_OLDEST if drop_oldest else live_pb2.LIVE_OVERFLOW_WAIT,
            seed=seed,
        )
        if strength is not None:
            settings.strength = strength
        if style_scale is not None:
            settings.style_scale = style_scale
        return LiveStream(self._connection, settings, pixel_bytes)

    def _present(self, style: job_pb2.Style) -> job_pb2.Style:
        """The style with its file's digest, sent where the server does not have it."""
        if style.HasField("file"):
            path = Path(style.file.path)
            try:
                digest = self._digests.of(path)
            except SequenceError as error:
                raise BadRequestError(str(error), reason="FILE_NOT_FOUND") from error
            style.file.sha256, style.file.size = digest.sha256, digest.size
            for _ in transfer.upload(self._connection, {digest.sha256: path}, self._patience):
                pass
        return style

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
            return method(request, metadata=self._connection.metadata)


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
