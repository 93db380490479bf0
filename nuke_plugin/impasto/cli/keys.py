"""`impasto keys`: which frames to paint."""

from __future__ import annotations

from typing import Annotated

import typer

from impasto.cli import options as o
from impasto.cli.making import make
from impasto.cli.parsing import parse_memory
from impasto.client import Options, keys_spec
from impasto.sequences import parse_frames


def keys(
    plate: o.Plate,
    share: Annotated[
        float | None,
        typer.Option("--share", help="Share of the frames wanted that the paint should cover. Default: 0.95."),
    ] = None,
    most: Annotated[int, typer.Option("--most", min=0, metavar="N", help="Pick at most N frames; 0 for any.")] = 0,
    painted: Annotated[
        str,
        typer.Option("--painted", metavar="R", help="Frames you have painted already; others are picked beside them."),
    ] = "",
    motion: Annotated[
        str,
        typer.Option("--motion", metavar="M", help="As for 'stylize', whose paint is carried by the same."),
    ] = "",
    sheet: o.Sheet = None,
    frames: o.Frames = "",
    shot: o.Shot = "",
    cuts: o.Cuts = "",
    no_cut: o.NoCut = "",
    view: o.View = None,
    colour: o.Colour = "",
    device: o.Device = "",
    threads: o.Threads = 0,
    precision: o.Precision = "",
    memory: o.Memory = "",
    server: o.Server = "",
    tls_ca: o.TlsCa = None,
    cache: o.Cache = None,
    detach: o.Detach = False,
    dry_run: o.DryRun = False,
    events: o.Events = o.EventsForm.BAR,
    job_file: o.JobFile = None,
    priority: o.Priority = "",
) -> None:
    """Pick the fewest frames to paint, so that their paint covers the shot.

    Prints each frame with the share its paint covers alone and together with those above it. The contact sheet shows
    what it reaches, and in red what it does not. With --events json the answer is the line of type 'keys_picked'.

      impasto keys shot.####.exr --frames 1001-1100 --share 0.95 --sheet keys.png
    """
    spec = keys_spec(
        plate,
        share=share,
        most=most,
        painted=painted,
        motion=motion,
        options=Options(
            frames=frames,
            shot=shot,
            cuts=cuts,
            vetoed_cuts=parse_frames(no_cut) if no_cut else (),
            views=view or (),
            colour=colour,
            device=device,
            threads=threads,
            precision=precision,
            memory=parse_memory(memory),
            sheet=sheet,
        ),
    )
    make(spec, o.Manner(server, tls_ca, cache, detach, dry_run, events, job_file, priority))
