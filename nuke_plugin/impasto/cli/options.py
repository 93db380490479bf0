"""The options that commands share."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

SHOT, OUTPUT, MATTES, REVIEW, COLOUR = "Shot", "Output", "Mattes, as written", "Review", "Colour"
COMPUTE, WHERE = "Compute", "Where and how"

MOTION_HELP = "facets (default), dis (quick), deepflow; plate, for its own layers; or EXRs: vectors.####.exr."
"""Of commands that take motion from anywhere."""


class EventsForm(enum.StrEnum):
    """How a command tells what happens."""

    BAR = "bar"
    JSON = "json"


Plate = Annotated[
    str,
    typer.Argument(
        metavar="PLATE",
        show_default=False,
        help="The plate: shot.####.exr, shot.%04d.exr, $F4, %V for views; PNG, TIFF, JPEG or a video too.",
    ),
]
Frames = Annotated[
    str,
    typer.Option(
        "--frames",
        metavar="R",
        rich_help_panel=SHOT,
        help="Frames wanted: 1001-1100, 1001-1100x2 or 1001,1005. Default: the whole shot.",
    ),
]
Shot = Annotated[
    str,
    typer.Option(
        "--shot",
        metavar="R",
        rich_help_panel=SHOT,
        help="All frames of the shot; the same for every part of a shot. Default: every frame on disk.",
    ),
]
Cuts = Annotated[
    str,
    typer.Option(
        "--cuts",
        metavar="detect|none|FILE",
        rich_help_panel=SHOT,
        help="Where one shot ends and the next begins; a FILE holds one cut a line. Default: detect.",
    ),
]
NoCut = Annotated[
    str,
    typer.Option(
        "--no-cut", metavar="R", rich_help_panel=SHOT, help="Frames at which no new shot begins, whatever is detected."
    ),
]
View = Annotated[
    list[str] | None,
    typer.Option("--view", metavar="NAME", rich_help_panel=SHOT, help="Render this view alone; may be repeated."),
]
Out = Annotated[
    str,
    typer.Option(
        "--out", "-o", metavar="O", rich_help_panel=OUTPUT, show_default=False, help="EXR to write: out/shot.####.exr."
    ),
]
Passes = Annotated[
    list[str] | None,
    typer.Option(
        "--passes",
        metavar="P,P",
        rich_help_panel=OUTPUT,
        help="Beside the colour: motion, occlusion, confidence, source, cause, depth, all or none. Default: motion and "
        "occlusion.",
    ),
]
Depth = Annotated[
    str,
    typer.Option(
        "--depth",
        metavar="LAYER[,near=high]",
        rich_help_panel=SHOT,
        help="Tells mattes what lies before what: a layer of the plate (near=high where large values are near), or "
        "none; or a model for the pass depth alone (tcmonodepth-small). Default: the plate's depth.Z or Z, a distance.",
    ),
]
MatteSoft = Annotated[
    float,
    typer.Option(
        "--matte-soft",
        metavar="PX",
        rich_help_panel=MATTES,
        help="Lay the border of occlusion.next and .prev along the plate's edges within this radius. Default: 0, not.",
    ),
]
MatteErode = Annotated[
    float,
    typer.Option("--matte-erode", metavar="PX", rich_help_panel=MATTES, help="Then shrink them; below 0, grow them."),
]
MatteBlur = Annotated[
    float,
    typer.Option("--matte-blur", metavar="PX", rich_help_panel=MATTES, help="Then blur them by so many pixels."),
]
MatteGain = Annotated[
    float,
    typer.Option(
        "--matte-gain", metavar="X", rich_help_panel=MATTES, help="Then multiply them, held to 0 to 1. Default: 1."
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", rich_help_panel=OUTPUT, help="Replace files that were not made by Impasto."),
]
Compression = Annotated[
    str,
    typer.Option(
        "--compression",
        metavar="C",
        rich_help_panel=OUTPUT,
        help="Of colour: none, rle, zips, zip, piz, dwaa or dwab. Default: the plate's if lossless, else zips.",
    ),
]
LayerPrefix = Annotated[
    str,
    typer.Option(
        "--layer-prefix",
        metavar="TEXT",
        rich_help_panel=OUTPUT,
        help="Put before a layer of ours that the plate already has. Default: impasto_.",
    ),
]
ReplaceLayers = Annotated[
    bool,
    typer.Option("--replace-layers", rich_help_panel=OUTPUT, help="Replace the plate's layers of those names instead."),
]
Colour = Annotated[
    str,
    typer.Option(
        "--colour", metavar="SPACE", rich_help_panel=COLOUR, help="OpenColorIO space of the plate. Default: auto."
    ),
]
KeyColour = Annotated[
    str, typer.Option("--key-colour", metavar="SPACE", rich_help_panel=COLOUR, help="Space of the keys.")
]
StyleColour = Annotated[
    str, typer.Option("--style-colour", metavar="SPACE", rich_help_panel=COLOUR, help="Space of the style.")
]
OutColour = Annotated[
    str,
    typer.Option(
        "--out-colour",
        metavar="SPACE",
        rich_help_panel=COLOUR,
        help="Space of the written colour. Default: the plate's.",
    ),
]
Device = Annotated[
    str,
    typer.Option("--device", metavar="D", rich_help_panel=COMPUTE, help="auto, cpu or cuda:N. Default: auto."),
]
Threads = Annotated[
    int,
    typer.Option(
        "--threads",
        min=0,
        max=4096,
        rich_help_panel=COMPUTE,
        help="Cores it may use (Linux); 0: all. Never changes a pixel.",
    ),
]
Precision = Annotated[
    str,
    typer.Option("--precision", metavar="P", rich_help_panel=COMPUTE, help="auto, float32 or bfloat16. Default: auto."),
]
Memory = Annotated[
    str,
    typer.Option("--memory", metavar="SIZE", rich_help_panel=COMPUTE, help="Memory to plan for, such as 8G."),
]
SameMotion = Annotated[
    str,
    typer.Option("--motion", metavar="M", help="As for 'stylize', whose paint is carried by the same."),
]
Sheet = Annotated[
    Path | None,
    typer.Option("--sheet", metavar="PNG", rich_help_panel=REVIEW, help="Draw a contact sheet: sheet.png."),
]
Preview = Annotated[
    Path | None,
    typer.Option(
        "--preview", metavar="MP4", rich_help_panel=REVIEW, help="Make an H.264 video of the frames: preview.mp4."
    ),
]
Quality = Annotated[
    str,
    typer.Option(
        "--quality",
        metavar="Q",
        rich_help_panel=REVIEW,
        help="Numbers of each frame, in its header and in quality.json and .csv beside: none, quick, or full, which "
        "paints every frame alone to compare. Default: quick.",
    ),
]
Thresholds = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        metavar="NAME=Y,R",
        rich_help_panel=REVIEW,
        help="Yellow and red from these numbers on: carried=0.5,0.2 (less is worse) or occluded=0.3,0.6; may be "
        "repeated. Takes the place of the defaults.",
    ),
]
FailOn = Annotated[
    str,
    typer.Option(
        "--fail-on", metavar="GRADE", rich_help_panel=REVIEW, help="red or yellow: end with 5 if a frame is so graded."
    ),
]
Server = Annotated[
    str,
    typer.Option(
        "--server",
        metavar="HOST:PORT",
        envvar="IMPASTO_SERVER",
        rich_help_panel=WHERE,
        help="Work on this server; its token is taken from IMPASTO_TOKEN. Default: a private one in this process.",
    ),
]
TlsCa = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca", metavar="PEM", rich_help_panel=WHERE, help="Speak TLS with --server and trust this authority."
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        envvar="IMPASTO_CACHE",
        rich_help_panel=WHERE,
        help="Keep what can be used again here; may be shared by many machines. Default: the user's cache.",
    ),
]
Detach = Annotated[
    bool,
    typer.Option(
        "--detach",
        rich_help_panel=WHERE,
        help="Return as soon as the server has all it needs; see 'impasto job'. May start a server of your own.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", rich_help_panel=WHERE, help="Say what would be done, in what time, memory and disk, and stop."
    ),
]
Events = Annotated[
    EventsForm,
    typer.Option(
        "--events",
        rich_help_panel=WHERE,
        help="json: one JSON object a line on standard output, and nothing else there.",
    ),
]
Priority = Annotated[
    str,
    typer.Option(
        "--priority",
        metavar="P",
        rich_help_panel=WHERE,
        help="low, normal, high, or interactive: a few frames you wait for, which pass running jobs.",
    ),
]
JobFile = Annotated[
    Path | None,
    typer.Option(
        "--job-file", metavar="JSON", rich_help_panel=WHERE, help="Write the job file for 'impasto run' and stop."
    ),
]
