"""`impasto keys`: which frames to paint."""

from __future__ import annotations

from typing import Annotated

import typer

from impasto.cli import groups as g
from impasto.cli import options as o
from impasto.cli.making import make
from impasto.client import Options, keys_spec


@g.grouped
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
    motion: o.SameMotion = "",
    sheet: o.Sheet = None,
    *,
    shot: g.Shot,
    depth: g.Depth,
    colour: g.Colour,
    compute: g.Compute,
    manner: g.Manner,
    job_file: o.JobFile = None,
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
        options=g.gather(shot, depth, colour, compute, options=Options(sheet=sheet)),
    )
    make(spec, manner, job_file)
