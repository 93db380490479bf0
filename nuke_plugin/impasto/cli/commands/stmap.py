"""`impasto stmap`: where the paint of one frame goes in the others."""

from __future__ import annotations

from typing import Annotated

import typer

from impasto.cli import groups as g
from impasto.cli import options as o
from impasto.cli.making import make
from impasto.client import Options, stmap_spec


@g.grouped
def stmap(
    plate: o.Plate,
    out: o.Out,
    key: Annotated[
        int, typer.Option("--key", metavar="F", show_default=False, help="The frame that is painted, such as 1006.")
    ],
    motion: o.SameMotion = "",
    *,
    shot: g.Shot,
    depth: g.Depth,
    layers: g.Layers,
    files: g.Files,
    colour: g.Colour,
    compute: g.Compute,
    manner: g.Manner,
    job_file: o.JobFile = None,
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
        options=g.gather(shot, depth, layers, files, colour, compute, options=Options(passes=())),
    )
    make(spec, manner, job_file)
