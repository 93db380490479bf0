"""`impasto job`: jobs on a server that outlives the command."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from google.protobuf import json_format

from impasto.cli import options as o
from impasto.cli import session
from impasto.cli.report import report
from impasto.client import FrameFailed, StateChanged
from impasto.client.events import state_name
from impasto.client.render import raise_unless_well
from impasto.v1 import job_pb2

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Look at, wait for, fetch and cancel jobs on a server: the one named with --server, or your own.",
)

Name = Annotated[str, typer.Argument(metavar="JOB", show_default=False, help="Its name, such as jobs/7f3a, or 7f3a.")]


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many.")] = 50,
    state: Annotated[
        list[str] | None, typer.Option("--state", help="waiting, queued, running, succeeded, failed, cancelled.")
    ] = None,
    user: Annotated[str, typer.Option("--user", help="Of this user alone.")] = "",
    after: Annotated[
        datetime | None, typer.Option("--after", help="Made since, such as 2026-01-31T18:00, local time.")
    ] = None,
    server: o.Server = "",
    tls_ca: o.TlsCa = None,
) -> None:
    """List jobs, newest first."""
    with session.lasting_client(server, tls_ca) as client:
        jobs = client.jobs(limit, states=state or (), user=user, after=after)
    print(f"{'JOB':<28} {'STATE':<10} {'AHEAD':>5} {'DONE':>11} {'FAILED':>6}  {'MADE':<17} USER")
    for job in jobs:
        made = job.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M")
        done = f"{job.frames_done}/{job.frames_total}"
        state_of = f"{state_name(job.state):<10} {job.ahead or '':>5}"
        print(f"{job.name:<28} {state_of} {done:>11} {job.frames_failed:>6}  {made:<17} {job.user}")


@app.command()
def show(name: Name, server: o.Server = "", tls_ca: o.TlsCa = None) -> None:
    """Print all that is known of a job, as JSON."""
    with session.lasting_client(server, tls_ca, job=_name(name)) as client:
        job = client.get(_name(name))
    print(json_format.MessageToJson(job, preserving_proto_field_name=True, ensure_ascii=False))


@app.command()
def watch(
    name: Name,
    after: Annotated[int, typer.Option("--after", min=0, help="Begin after the event of this number.")] = 0,
    events: o.Events = o.EventsForm.BAR,
    server: o.Server = "",
    tls_ca: o.TlsCa = None,
) -> None:
    """Follow a job to its end, and end as it does. Ctrl-C ends the watching, not the job."""
    with session.lasting_client(server, tls_ca, job=_name(name)) as client, report(events) as shown:
        last, failed = StateChanged(state=""), []
        for event in client.watch(_name(name), after):
            shown.show(event)
            if isinstance(event, StateChanged):
                last = event
            elif isinstance(event, FrameFailed):
                failed.append(event)
        raise_unless_well(last, failed)


@app.command()
def fetch(
    name: Name,
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="O", help="Bring frames here instead: out/shot.####.exr.")
    ] = None,
    events: o.Events = o.EventsForm.BAR,
    server: o.Server = "",
    tls_ca: o.TlsCa = None,
) -> None:
    """Bring a job's frames to its output, as they are finished, and end as the job does."""
    with session.lasting_client(server, tls_ca, job=_name(name)) as client, report(events) as shown:
        for event in client.fetch(_name(name), out):
            shown.show(event)


@app.command()
def cancel(name: Name, server: o.Server = "", tls_ca: o.TlsCa = None) -> None:
    """End a job; finished frames are kept."""
    with session.lasting_client(server, tls_ca, job=_name(name)) as client:
        job: job_pb2.Job = client.cancel(_name(name))
    print(f"{job.name} {state_name(job.state)}")


def _name(text: str) -> str:
    return text if text.startswith("jobs/") else f"jobs/{text}"
