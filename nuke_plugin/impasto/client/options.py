"""What may be set of a job, as values of Python."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from impasto.sequences import Threshold

PASSES = ("motion", "occlusion", "confidence", "source", "cause", "depth")
ALWAYS = PASSES[:-1]
"""Passes that every plate can have; they are what `all` means unless depth is named."""
DEFAULT_PASSES = ("motion", "occlusion")
COMPRESSIONS = ("none", "rle", "zips", "zip", "piz", "dwaa", "dwab")

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Painting:
    """An artist's painted frame.

    Attributes:
        file: the picture.
        weight: how strongly it is preferred among keys.
        hold: frames in which it may be used, such as `1001-1020`; empty means all.
        mask: where it paints: `alpha` or another layer of the key itself, or a picture or pattern of pictures; empty
            means wherever it has pixels.
    """

    file: PathLike
    weight: float = 1.0
    hold: str = ""
    mask: PathLike = ""


@dataclass(frozen=True)
class Styling:
    """A style and where, when and how much it paints.

    Styles without a mask are mixed by their weights; one with a mask lies over them where its mask is.

    Attributes:
        style: a picture, a weights file or a preset's name.
        weight: without a mask its share beside the others, 0 or more; with one how much of it shows, 0..1.
        mask: a layer of the plate, or a pattern of pictures; empty means everywhere.
        frames: those it paints, such as `1001-1020`; empty means all.
        fade: frames over which it comes and goes at either end of its range.
    """

    style: PathLike
    weight: float | None = None
    mask: PathLike = ""
    frames: str = ""
    fade: int = 0


@dataclass(frozen=True, kw_only=True)
class Look:
    """What paints after pictures, and how.

    Attributes:
        name: id of the style model; empty means the default.
        parameters: what is set of it, by name; `impasto models show NAME` lists them.
        statistics: what nets normalise by: `frozen` (also where empty), `smoothed` or `per-frame`.
        compile: whether nets are compiled, which needs a C++ compiler where they work.
        masks_guide: whether masks guide the look itself: masked pictures paint as one, each inside its mask.
    """

    name: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)
    statistics: str = ""
    compile: bool = False
    masks_guide: bool = False


@dataclass(frozen=True, kw_only=True)
class Mattes:
    """How occlusion mattes are written; what is done is done in this order, and paint never depends on it.

    Attributes:
        soft: radius in pixels of the guided filter that lays a border along the plate's edges; 0 leaves it.
        erode: pixels by which what is occluded shrinks; below 0 it grows.
        blur: standard deviation in pixels of a Gaussian.
        gain: what a matte is multiplied by before it is held to 0..1.
    """

    soft: float = 0.0
    erode: float = 0.0
    blur: float = 0.0
    gain: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every kind of job takes.

    Attributes:
        cuts: where shots end: `detect`, `none`, or a file of cuts, one a line; empty means detect.
        vetoed_cuts: frames at which no new shot begins, whatever is detected.
        frames: wanted, such as `1005-1007`; empty means the whole shot.
        shot: all frames of the shot; empty means every frame of the sequence on disk.
        passes: of `PASSES`, or `all`, or `none`, beside the colour.
        depth: what tells mattes what lies before what: a layer or channel of the plate, `LAYER,near=high` where large
            values are near, or `none`; the id of a model estimates it for the pass `depth` alone. Empty takes the
            plate's own depth.Z or Z.
        mattes: how occlusion mattes are written.
        views: to render; empty means every view.
        overwrite: whether files that are not Impasto's may be replaced.
        compression: of colour, of `COMPRESSIONS`; empty takes the plate's where lossless, else zips.
        layer_prefix: put before a layer of ours whose name the plate already has; empty means `impasto_`.
        replace_layers: replace the plate's layer instead.
        colour: OpenColorIO space of the plate; `auto` finds it out.
        key_colour: of the keys.
        style_colour: of the style picture.
        out_colour: of the written colour.
        device: auto, cpu or cuda:N.
        threads: cores the work may use (on Linux); 0 takes all the server may. Never changes a pixel.
        precision: auto, float32 or bfloat16.
        memory: bytes to plan for; 0 takes the server's default.
        sheet: contact sheet to make, a PNG; None makes none.
        preview: H.264 video of the painted frames to make, an MP4; None makes none.
        quality: what is measured of painted frames: none, quick, or full, which also paints every frame alone.
        thresholds: from where on a frame is yellow or red; empty takes the defaults.
        fail_on: red or yellow: with a frame of this grade or a worse one `BelowQuality` is raised at the end.
    """

    frames: str = ""
    shot: str = ""
    cuts: str = ""
    vetoed_cuts: Iterable[int] = ()
    passes: Iterable[str] = DEFAULT_PASSES
    depth: str = ""
    mattes: Mattes = field(default_factory=Mattes)
    views: Iterable[str] = ()
    overwrite: bool = False
    compression: str = ""
    layer_prefix: str = ""
    replace_layers: bool = False
    colour: str = ""
    key_colour: str = ""
    style_colour: str = ""
    out_colour: str = ""
    device: str = ""
    threads: int = 0
    precision: str = ""
    memory: int = 0
    sheet: PathLike | None = None
    preview: PathLike | None = None
    quality: str = ""
    thresholds: Iterable[Threshold] = ()
    fail_on: str = ""
