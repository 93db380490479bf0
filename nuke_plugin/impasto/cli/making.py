"""From a job to its frames: what the commands that make jobs have in common."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

from google.protobuf import json_format

from impasto.cli import embedded, session
from impasto.cli.ending import Terminated
from impasto.cli.groups import Manner
from impasto.cli.options import EventsForm
from impasto.cli.report import Report, report, size
from impasto.client import (
    BadRequestError,
    Client,
    Event,
    ImpastoError,
    JobCancelled,
    Planning,
    Render,
    StateChanged,
    Warned,
)
from impasto.client.events import state_name
from impasto.client.render import Destination, follow, planned_event
from impasto.sequences import SequencePattern, format_frames
from impasto.v1 import job_pb2


def make(spec: job_pb2.JobSpec, manner: Manner, job_file: Path | None = None) -> None:
    """Make a job as the options say: write its file, only plan it, hand it over, or make it and wait.

    Raises:
        ImpastoError: as it ended.
    """
    if job_file is not None:
        write_job_file(spec, job_file)
        return
    with report(manner.events) as shown:
        shown.show(Planning())
        if not manner.server:
            _count_video_frames(spec)
        if manner.detach:
            _detach(spec, manner, shown)
            return
        with session.client(manner.server, manner.tls_ca, manner.cache) as client:
            if manner.dry_run:
                _dry_run(client, spec, manner.events, shown)
            else:
                _run(client, spec, shown, manner.priority)


def write_job_file(spec: job_pb2.JobSpec, path: Path) -> None:
    """Write a job as JSON.

    Raises:
        BadRequestError: the file cannot be written.
    """
    text = json_format.MessageToJson(spec, preserving_proto_field_name=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise BadRequestError(f"{path} cannot be written: {error.strerror}.", reason="JOB_FILE") from error


def read_job_file(path: Path) -> job_pb2.JobSpec:
    """Read a job from JSON.

    Raises:
        BadRequestError: the file cannot be read or is no job.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadRequestError(f"The job file {path} cannot be read: {said}.", reason="JOB_FILE") from error
    try:
        spec: job_pb2.JobSpec = json_format.Parse(text, job_pb2.JobSpec())
    except json_format.ParseError as error:
        said = " ".join(str(error).split())
        raise BadRequestError(f"The job file {path} is not understood: {said}", reason="JOB_FILE") from error
    return spec


def _run(client: Client, spec: job_pb2.JobSpec, shown: Report, priority: str) -> None:
    render = client.render(spec, priority)
    last = 0
    try:
        for event in render:
            last = max(last, event.number)
            shown.show(event)
    except Terminated:
        with contextlib.suppress(ImpastoError):
            render.cancel()
        raise
    except KeyboardInterrupt:
        _cancel(client, render, spec, shown, last)
        raise


def _cancel(client: Client, render: Render, spec: job_pb2.JobSpec, shown: Report, last: int) -> None:
    """End the job, and bring home what was finished while it ended."""
    with contextlib.suppress(ImpastoError):
        render.cancel()
        if render.job:
            try:
                for event in follow(client, render.job, Destination.of(spec), last):
                    shown.show(event)
            except JobCancelled:
                pass


def _detach(spec: job_pb2.JobSpec, manner: Manner, shown: Report) -> None:
    with session.client(manner.server, manner.tls_ca, manner.cache, detach=True) as client:
        if manner.dry_run:
            _dry_run(client, spec, manner.events, shown)
            return
        render = client.render(spec, manner.priority)
        try:
            for event in render.submit():
                shown.show(event)
        except (KeyboardInterrupt, Terminated):
            with contextlib.suppress(ImpastoError):
                render.cancel()
            raise
        if render.job:
            shown.show(_handed_over(client, render.job))
        if manner.events is EventsForm.BAR:
            print(render.job or "Nothing is left to do.")


def _handed_over(client: Client, job: str) -> Event:
    return StateChanged(job=job, state=state_name(client.get(job).state))


def _dry_run(client: Client, spec: job_pb2.JobSpec, form: EventsForm, shown: Report) -> None:
    planned = client.plan(spec)
    event = planned_event(planned)
    if form is EventsForm.JSON:
        shown.show(event)
        for skipped in planned.skipped:
            shown.show(skipped)
        for warning in planned.plan.warnings:
            shown.show(Warned(message=warning))
        return
    rows = {
        "shot": event.shot,
        "frames wanted": event.frames,
        "frames to do": event.todo or "none",
        "frames to skip": format_frames({skip.frame for skip in planned.skipped}) or "none",
        "files replaced": str(len(planned.replaced)),
        "frames not on disk": format_frames(planned.missing) or "none",
        "time": time.strftime("%H:%M:%S", time.gmtime(event.seconds)) if event.seconds else "unknown",
        "memory": size(event.memory_bytes),
        "disk": size(event.disk_bytes),
        "to send": size(event.upload_bytes),
        **event.choices,
    }
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        print(f"{name:<{width}}  {value}")
    for warning in planned.plan.warnings:
        print(f"impasto: {warning}", file=sys.stderr)


def _count_video_frames(spec: job_pb2.JobSpec) -> None:
    """Name the whole of a video as its shot where its user named none."""
    pattern = SequencePattern.parse(spec.plate.pattern) if spec.plate.pattern else None
    if pattern is not None and pattern.is_video and not spec.plate.shot:
        spec.plate.shot = f"1-{embedded.count_frames(Path(spec.plate.pattern))}"
