"""`impasto stylize`: paint a shot."""

from __future__ import annotations

from typing import Annotated

import typer

from impasto.cli import groups as g
from impasto.cli import options as o
from impasto.cli.making import make
from impasto.cli.parsing import parse_keys, parse_numbers, parse_styles
from impasto.client import Look, stylize_spec

LOOK = "Look"


@g.grouped
def stylize(
    plate: o.Plate,
    out: o.Out,
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            metavar="S",
            rich_help_panel=LOOK,
            help="A picture to paint like, a preset's name or a net's weights: S[=weight][,mask=M][,frames=R]"
            "[,fade=N]; may be repeated. Without masks styles are mixed by weight; with one a style lies over them.",
        ),
    ] = None,
    look: Annotated[
        str,
        typer.Option(
            "--look",
            metavar="MODEL",
            rich_help_panel=LOOK,
            help="What paints after pictures: swd, impasto, adain, microast, styleformer or gatys; see 'impasto models "
            "list --family style'. Default: swd, which needs no weights.",
        ),
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            rich_help_panel=LOOK,
            help="A parameter of the look, as 'impasto models show MODEL' lists them; may be repeated.",
        ),
    ] = None,
    mask: Annotated[
        str,
        typer.Option(
            "--mask",
            metavar="M",
            rich_help_panel=LOOK,
            help="Where paint shows: a layer of the plate, or pictures: roto.####.exr. Default: everywhere.",
        ),
    ] = "",
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="F=FILE",
            rich_help_panel=LOOK,
            help="Your painting of frame F: 1006=FILE[,weight=W][,hold=R][,mask=M], M alpha, a layer or a picture; may "
            "be repeated.",
        ),
    ] = None,
    keys: Annotated[
        list[str] | None,
        typer.Option(
            "--keys",
            metavar="PATTERN",
            rich_help_panel=LOOK,
            help="All your paintings by number: painted.####.exr; the words of --key may follow for all.",
        ),
    ] = None,
    scale_keys: Annotated[
        bool,
        typer.Option("--scale-keys", rich_help_panel=LOOK, help="Scale keys of another size but the plate's shape."),
    ] = False,
    fill: Annotated[
        str,
        typer.Option(
            "--fill",
            metavar="FILL",
            rich_help_panel=LOOK,
            help="What paints where no key sees: style, in the keys' colours; nearest, in the nearest key's manner; "
            "colours, the plate in the keys' colours; net, trained on the keys; or none. Default: style, or nearest "
            "without one.",
        ),
    ] = "",
    fill_minutes: Annotated[
        float | None,
        typer.Option(
            "--fill-minutes",
            metavar="M",
            rich_help_panel=LOOK,
            help="Training of the net, in minutes of a CPU core: a fixed number of steps. Default: 4.",
        ),
    ] = None,
    motion: Annotated[
        str,
        typer.Option("--motion", metavar="M", rich_help_panel=LOOK, help=o.MOTION_HELP),
    ] = "",
    strength: Annotated[
        float | None,
        typer.Option("--strength", rich_help_panel=LOOK, help="0 is the plate, 1 the paint. Default: 1."),
    ] = None,
    style_scale: Annotated[
        float | None,
        typer.Option("--style-scale", rich_help_panel=LOOK, help="Brush size; 2 is twice the style's. Default: 1."),
    ] = None,
    preserve_colour: Annotated[
        bool, typer.Option("--preserve-colour", rich_help_panel=LOOK, help="Keep the plate's hues.")
    ] = False,
    preserve_luminance: Annotated[
        bool,
        typer.Option("--preserve-luminance", rich_help_panel=LOOK, help="Keep the plate's broad light and shade."),
    ] = False,
    statistics: Annotated[
        str,
        typer.Option(
            "--statistics",
            metavar="S",
            rich_help_panel=LOOK,
            help="What nets normalise by: frozen for the shot, smoothed over it, or per-frame. Default: frozen.",
        ),
    ] = "",
    masks_guide: Annotated[
        bool,
        typer.Option(
            "--masks-guide",
            rich_help_panel=LOOK,
            help="Masks guide the look (adain, gatys): masked styles are one painting, each inside its mask. For "
            "masks that go with what they mask.",
        ),
    ] = False,
    relight: Annotated[
        float | None,
        typer.Option("--relight", rich_help_panel=LOOK, help="How far paint follows the light, 0 to 1. Default: 1."),
    ] = None,
    consistency: Annotated[
        float | None,
        typer.Option(
            "--consistency",
            rich_help_panel=LOOK,
            help="1: paint stays what it was where it was laid. To 0.5 each frame's own colours come back, to 0 its "
            "strokes too. Default: 1.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", rich_help_panel=LOOK, help="Of every random draw.")] = 0,
    every: Annotated[
        int,
        typer.Option(
            "--every",
            metavar="N",
            min=0,
            max=10_000,
            rich_help_panel=LOOK,
            help="Paint every Nth frame alone and carry the paint to the rest: N times less to paint. Default: all.",
        ),
    ] = 0,
    *,
    shot: g.Shot,
    depth: g.Depth,
    layers: g.Layers,
    files: g.Files,
    review: g.Review,
    colours: g.PaintColours,
    compute: g.Compute,
    compile_nets: Annotated[
        bool,
        typer.Option(
            "--compile",
            rich_help_panel=o.COMPUTE,
            help="Compile nets with torch; needs a C++ compiler and changes last digits. On a CPU it is no faster.",
        ),
    ] = False,
    manner: g.Manner,
    job_file: o.JobFile = None,
) -> None:
    """Paint a shot from your painted frames, in a picture's manner, or both.

    Writes EXR frames that hold everything the plate had, the paint, and the passes asked for.

      impasto stylize shot.####.exr --frames 1001-1100 --key 1040=painted.1040.png --out out/shot.####.exr

      impasto stylize shot.####.exr --frames 1001-1100 --style monet.jpg --out out/shot.####.exr

      impasto stylize shot.####.exr --style oils --style ink.png,mask=roto.####.exr --out out/shot.####.exr
    """
    spec = stylize_spec(
        plate,
        out=out,
        style=parse_styles(style or []),
        keys=dict(parse_keys(key or [], keys or [])),
        scale_keys=scale_keys,
        fill=fill,
        fill_minutes=fill_minutes,
        motion=motion,
        strength=strength,
        style_scale=style_scale,
        relight=relight,
        consistency=consistency,
        preserve_colour=preserve_colour,
        preserve_luminance=preserve_luminance,
        mask=mask,
        look=Look(
            name=look,
            parameters=parse_numbers(settings or []),
            statistics=statistics,
            compile=compile_nets,
            masks_guide=masks_guide,
        ),
        seed=seed,
        every=every,
        options=g.gather(shot, depth, layers, files, review, colours, compute),
    )
    make(spec, manner, job_file)
