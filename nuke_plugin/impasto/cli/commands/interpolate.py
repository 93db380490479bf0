"""`impasto interpolate`: frames in between."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli import groups as g
from impasto.cli import options as o
from impasto.cli.making import make
from impasto.client import BadRequestError, Options, interpolate_spec

TIMING, METHOD = "Timing", "Method"
AT_CUTS = ("hold", "nearest")


@dataclass(frozen=True)
class RetimedShot(g.Shot):
    """Which times are made, and what is read for them."""

    frames: Annotated[
        str,
        typer.Option(
            "--frames",
            metavar="R",
            rich_help_panel=o.SHOT,
            help="Frames wanted, in numbers of the output: 1001-1024. Default: all that the timing gives.",
        ),
    ] = ""
    shot: Annotated[
        str,
        typer.Option(
            "--shot",
            metavar="R",
            rich_help_panel=o.SHOT,
            help="Frames of the plate that are retimed. Default: from the first on disk to the last.",
        ),
    ] = ""
    depth: Annotated[
        str,
        typer.Option(
            "--depth",
            metavar="LAYER[,near=high]",
            rich_help_panel=o.SHOT,
            help="Tells what lies before what where things cross: a layer of the plate (near=high where large values "
            "are near), or none. Default: the plate's depth.Z or Z, a distance.",
        ),
    ] = ""

    def onto(self, options: Options) -> Options:
        """As `Group` says.

        Raises:
            BadRequestError: what is shown at cuts was said where cuts are named.
        """
        if self.cuts in AT_CUTS:
            raise BadRequestError(
                f"--cuts says where cuts are; what is shown at them is --at-cuts {self.cuts}.", reason="CUTS_INVALID"
            )
        return replace(super().onto(options), depth=self.depth)


@g.grouped
def interpolate(
    plate: o.Plate,
    out: o.Out,
    speed: Annotated[
        float | None,
        typer.Option(
            "--speed",
            metavar="S",
            rich_help_panel=TIMING,
            help="Plate frames per output frame: 0.5 is half as fast, 2 twice as fast, -1 backwards.",
        ),
    ] = None,
    factor: Annotated[
        int | None,
        typer.Option("--factor", metavar="N", rich_help_panel=TIMING, help="N output frames for every plate frame."),
    ] = None,
    timing: Annotated[
        Path | None,
        typer.Option(
            "--timing",
            metavar="CSV",
            rich_help_panel=TIMING,
            help="A curve: rows output_frame,input_frame, linear between; the time may go back and forth.",
        ),
    ] = None,
    at: Annotated[
        str,
        typer.Option(
            "--at", metavar="T,T", rich_help_panel=TIMING, help="Single times in plate frames: 1001.25,1001.5."
        ),
    ] = "",
    out_first: Annotated[
        int | None,
        typer.Option(
            "--out-first",
            metavar="N",
            rich_help_panel=TIMING,
            help="Number of the first output frame. Default: the shot's first, or the curve's own.",
        ),
    ] = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            rich_help_panel=TIMING,
            help="Make frames that lack, or repeat the one before, from their neighbours; alone it keeps the timing.",
        ),
    ] = False,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="M",
            rich_help_panel=METHOD,
            help="auto, splat, or another of 'impasto models list'. Default: auto, chosen by the motion measured.",
        ),
    ] = "",
    motion: Annotated[
        str,
        typer.Option("--motion", metavar="M", rich_help_panel=METHOD, help=o.MOTION_HELP),
    ] = "",
    at_cuts: Annotated[
        str,
        typer.Option(
            "--at-cuts",
            metavar="C",
            rich_help_panel=METHOD,
            help="Between the two frames of a cut show the first (hold) or the nearest. Default: hold.",
        ),
    ] = "",
    paint: Annotated[
        str,
        typer.Option(
            "--paint",
            metavar="PATTERN",
            rich_help_panel=METHOD,
            help="Painted frames of this plate: its motion carries them, and paint is never cross-faded.",
        ),
    ] = "",
    *,
    shot: RetimedShot,
    files: g.Files,
    pictures: g.Pictures,
    colour: g.Colour,
    compute: g.Compute,
    manner: g.Manner,
    job_file: o.JobFile = None,
) -> None:
    """Make frames in between: slow motion, another speed, single times, or frames that lack.

    Output frames that fall on frames of the plate are those frames, bit for bit; every layer follows the same motion.

      impasto interpolate shot.####.exr --speed 0.5 --out slow/shot.####.exr

      impasto interpolate shot.####.exr --repair --out whole/shot.####.exr
    """
    spec = interpolate_spec(
        plate,
        out=out,
        speed=speed,
        factor=factor,
        timing=timing,
        at=parse_times(at) if at else None,
        out_first=out_first,
        repair=repair,
        model=model,
        motion=motion,
        cuts=at_cuts,
        paint=paint or None,
        options=g.gather(shot, files, pictures, colour, compute),
    )
    make(spec, manner, job_file)


def parse_times(text: str) -> list[float]:
    """Times from `--at`.

    Raises:
        BadRequestError: one is no number.
    """
    times = []
    for piece in text.split(","):
        try:
            time = float(piece)
        except ValueError:
            time = math.nan
        if not math.isfinite(time):
            raise BadRequestError(
                f"--at holds '{piece.strip()}', which is no time; write --at 1001.25,1001.5.", reason="TIMING_INVALID"
            )
        times.append(time)
    return times
