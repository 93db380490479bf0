"""`impasto flow`: measure a shot's motion and mattes."""

from __future__ import annotations

from typing import Annotated

import typer

from impasto.cli import options as o
from impasto.cli.making import make
from impasto.cli.parsing import parse_memory, parse_passes
from impasto.client import Options, flow_spec
from impasto.client.options import DEFAULT_PASSES
from impasto.sequences import parse_frames


def flow(
    plate: o.Plate,
    out: o.Out,
    model: Annotated[
        str,
        typer.Option(
            "--model", "--motion", metavar="M", help="facets (truest), dis (quick) or deepflow. Default: facets."
        ),
    ] = "",
    frames: o.Frames = "",
    shot: o.Shot = "",
    cuts: o.Cuts = "",
    no_cut: o.NoCut = "",
    view: o.View = None,
    passes: o.Passes = None,
    overwrite: o.Overwrite = False,
    compression: o.Compression = "",
    layer_prefix: o.LayerPrefix = "",
    replace_layers: o.ReplaceLayers = False,
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
    """Measure motion vectors and occlusion mattes of a shot.

    Writes EXR frames that hold everything the plate had and the passes asked for; the colour is not touched.

      impasto flow shot.####.exr --frames 1001-1100 --out vectors/shot.####.exr
    """
    spec = flow_spec(
        plate,
        out=out,
        motion=model,
        options=Options(
            frames=frames,
            shot=shot,
            cuts=cuts,
            vetoed_cuts=parse_frames(no_cut) if no_cut else (),
            passes=parse_passes(passes) if passes else DEFAULT_PASSES,
            views=view or (),
            overwrite=overwrite,
            compression=compression,
            layer_prefix=layer_prefix,
            replace_layers=replace_layers,
            colour=colour,
            device=device,
            threads=threads,
            precision=precision,
            memory=parse_memory(memory),
        ),
    )
    make(spec, o.Manner(server, tls_ca, cache, detach, dry_run, events, job_file, priority))
