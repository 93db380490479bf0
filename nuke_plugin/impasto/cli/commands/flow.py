"""`impasto flow`: measure a shot's motion and mattes."""

from __future__ import annotations

from typing import Annotated

import typer

from impasto.cli import groups as g
from impasto.cli import options as o
from impasto.cli.making import make
from impasto.client import flow_spec


@g.grouped
def flow(
    plate: o.Plate,
    out: o.Out,
    model: Annotated[
        str,
        typer.Option(
            "--model", "--motion", metavar="M", help="facets (truest), dis (quick) or deepflow. Default: facets."
        ),
    ] = "",
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
    """Measure motion vectors and occlusion mattes of a shot.

    Writes EXR frames that hold everything the plate had and the passes asked for; the colour is not touched.

      impasto flow shot.####.exr --frames 1001-1100 --out vectors/shot.####.exr
    """
    spec = flow_spec(
        plate,
        out=out,
        motion=model,
        options=g.gather(shot, depth, layers, files, colour, compute),
    )
    make(spec, manner, job_file)
