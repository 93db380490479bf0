"""`impasto stmap`: where the paint of one frame goes in the others."""

from __future__ import annotations

from typing import Annotated

import typer

from impasto.cli import options as o
from impasto.cli.making import make
from impasto.cli.parsing import parse_memory, parse_passes
from impasto.client import Options, stmap_spec
from impasto.sequences import parse_frames


def stmap(
    plate: o.Plate,
    out: o.Out,
    key: Annotated[
        int, typer.Option("--key", metavar="F", show_default=False, help="The frame that is painted, such as 1006.")
    ],
    motion: Annotated[
        str,
        typer.Option("--motion", metavar="M", help="As for 'stylize', whose paint is carried by the same."),
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
    """Write STMaps that take the paint of one frame to the others, for a stock STMap node.

    The frames hold everything the plate had, stmap.u and stmap.v (32 bits, 0 to 1 over the format, v up) and
    coverage.a, which is 1 where the frame's paint belongs. Coordinates go on 8 pixels past it. No other passes are
    written unless --passes asks for them.

      impasto stmap shot.####.exr --key 1006 --frames 1001-1100 --out maps/shot.####.exr
    """
    spec = stmap_spec(
        plate,
        out=out,
        key=key,
        motion=motion,
        options=Options(
            frames=frames,
            shot=shot,
            cuts=cuts,
            vetoed_cuts=parse_frames(no_cut) if no_cut else (),
            passes=parse_passes(passes) if passes else (),
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
