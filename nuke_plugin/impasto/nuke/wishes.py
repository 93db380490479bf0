"""What a node's knobs ask for, as values without Nuke. `jobfile` makes a job file of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from impasto.nuke import places, ranges
from impasto.nuke.errors import NodeError

LOOK_NONE, LOOK_INPUT, LOOK_FILE, LOOK_KEYS = "none", "style input", "style file", "keys only"
"""Styles that are no preset; every other entry of the knob is a preset's name."""
MOTION_PLATE, MOTION_FILES = "plate layers", "vector files"
"""Motion that no model measures; every other entry of the knob is a model's id."""

TIMING_SPEED, TIMING_FRAME, TIMING_REPAIR = "Output Speed", "Frame", "as it is, repaired"
"""Timings of FrameInterpolate; the first two are named as Kronos names them."""

CUTS_DETECT, CUTS_NONE = "detect", "none"

PASSES = ("motion", "occlusion", "confidence", "source", "cause", "depth")

NEAR_HIGH = "high"
NEAR = ("low", NEAR_HIGH)
"""Which values of a layer of depth are near."""

FILL_DEFAULT = "default"
FILL_NET = "net"
FILLS = (FILL_DEFAULT, "style", "nearest", "colours", FILL_NET, "none")
FILL_MINUTES = 4.0
"""Of training a net on the keys, where nothing else is asked."""
FROZEN = "frozen"
"""The statistics that hold for a whole shot; so it is where nothing is said."""

RENDER, ALONE, IN_SHOT = "render", "alone", "in shot"
"""What a wish aims at: frames of the shot, one frame painted alone and small, one frame as it is in the shot."""

STYLES = 4
"""Styles a StyleTransfer node has inputs for."""
STYLE_PIPES = (1, 4, 5, 6)
"""Numbers of their inputs: those after the first stand behind keys (2) and mask (3), for no input may change its
number in scripts that are there."""
KEYS_PIPE = 2
PAINT_PIPE = 1
"""Of FrameInterpolate, and of STMapFromKey, which shows what it holds without a job."""


@dataclass(frozen=True)
class Shot:
    """Frames and views.

    Attributes:
        shot: all frames that are bound together; every one is read.
        frames: those of them that are wanted.
        views: to render.
        cuts: where new shots begin: `CUTS_DETECT`, `CUTS_NONE`, or their first frames as a range.
    """

    shot: tuple[int, ...]
    frames: tuple[int, ...]
    views: tuple[str, ...]
    cuts: str = CUTS_DETECT


@dataclass(frozen=True)
class Read:
    """An input of the node that a job reads.

    Attributes:
        name: such as `plate`, `style2`, `keys`; of the inner Write and of the files.
        pipe: its number.
        frames: at which it is read.
    """

    name: str
    pipe: int
    frames: tuple[int, ...]


@dataclass(frozen=True)
class Style:
    """One style of a look.

    Attributes:
        number: 1 to `STYLES`.
        look: `LOOK_INPUT`, `LOOK_FILE` or a preset's name.
        file: path, for `LOOK_FILE`.
        frame: of the style input that is read, for `LOOK_INPUT`.
        weight: its share beside the others.
        mask: channel or layer of the plate in which it paints; empty paints everywhere.
        frames: at which it paints, as a range; empty means all.
        fade: frames over which it comes and goes at either end of them.
    """

    number: int
    look: str
    file: str = ""
    frame: int = 1
    weight: float = 1.0
    mask: str = ""
    frames: str = ""
    fade: int = 0

    @property
    def input(self) -> str:
        """Name of its input."""
        return "style" if self.number == 1 else f"style{self.number}"


@dataclass(frozen=True)
class Key:
    """A painted frame.

    Attributes:
        frame: of the keys input.
        weight: how strongly it is preferred among keys.
        hold: frames in which it may be used, as a range; empty means all.
        mask: where it counts: `alpha`, or a channel or layer of the keys input; empty means everywhere.
    """

    frame: int
    weight: float = 1.0
    hold: str = ""
    mask: str = ""


@dataclass(frozen=True)
class Look:
    """How a shot is painted.

    Attributes:
        styles: in order of their inputs; none where keys alone paint.
        keys: ascending.
        strength: 0 is the plate, 1 the paint.
        style_scale: brush size.
        relight: how far paint follows the light, 0..1.
        preserve_colour: whether the plate keeps its hues.
        seed: of every random draw.
        consistency: how far paint stays what it was, 0..1.
        every: paint is laid in every so manieth frame and carried to the rest.
        masks_guide: whether masks guide the look itself, each style inside its own.
        scale_keys: whether keys of another size are scaled.
        fill: what paints where no key sees; `FILL_DEFAULT` leaves it to the command.
        fill_minutes: of training a net on the keys.
        preserve_luminance: whether the plate keeps its broad light and shade.
        statistics: what nets normalise by: frozen, smoothed or per-frame.
        model: id of what paints after pictures; empty takes the server's choice.
        parameters: of that model, by name.
    """

    styles: tuple[Style, ...]
    keys: tuple[Key, ...]
    strength: float
    style_scale: float
    relight: float
    preserve_colour: bool
    seed: int
    consistency: float = 1.0
    every: int = 1
    masks_guide: bool = False
    scale_keys: bool = False
    fill: str = FILL_DEFAULT
    fill_minutes: float = FILL_MINUTES
    preserve_luminance: bool = False
    statistics: str = FROZEN
    model: str = ""
    parameters: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Measuring:
    """Motion and mattes alone."""


@dataclass(frozen=True)
class Picking:
    """Which frames to paint.

    Attributes:
        share: of the frames wanted that the paint should cover, 0..1.
        most: frames picked at most; 0 for any.
        painted: frames that are painted already, as a range; empty for none.
    """

    share: float
    most: int
    painted: str


@dataclass(frozen=True)
class KeyMap:
    """Where the pixels of one frame are in the others.

    Attributes:
        key: that frame.
    """

    key: int


@dataclass(frozen=True)
class Retiming:
    """Frames in between.

    Attributes:
        speed: plate frames an output frame goes on by; None where a curve says it, or only what lacks is mended.
        curve: output frame and time in frame numbers of the plate, ascending by the first; empty for none.
        first: number of the first output frame; None leaves it to the command.
        model: `auto` or a model's id.
        cuts: hold or nearest.
        repair: whether frames that lack or repeat the one before are made anew.
        paint: whether painted frames are carried along.
    """

    speed: float | None
    curve: tuple[tuple[int, float], ...]
    first: int | None
    model: str
    cuts: str
    repair: bool
    paint: bool


@dataclass(frozen=True)
class Motion:
    """Where motion comes from.

    Attributes:
        source: a model's id, `MOTION_PLATE` or `MOTION_FILES`.
        files: pattern, for `MOTION_FILES`.
        depth: what lies before what: a layer or channel of the plate, a model's id, or `none`; empty takes the plate's.
        near: which values of that layer are near, of `NEAR`.
    """

    source: str
    files: str = ""
    depth: str = ""
    near: str = NEAR[0]


@dataclass(frozen=True)
class Mattes:
    """How the layers of occlusion are written, in this order.

    Attributes:
        soft: pixels within which borders are laid along the plate's edges.
        erode: pixels by which what is occluded shrinks; below 0 it grows.
        blur: pixels.
        gain: what they are multiplied by.
    """

    soft: float = 0.0
    erode: float = 0.0
    blur: float = 0.0
    gain: float = 1.0


@dataclass(frozen=True)
class Compute:
    """Where it is computed.

    Attributes:
        server: `HOST:PORT`; empty takes the environment's, else a server of the user's own.
        device: auto, cpu or cuda:N.
        threads: worker threads; 0 takes what the process may use.
        memory: such as `8G`; empty takes the server's default.
    """

    server: str
    device: str
    threads: int
    memory: str


@dataclass(frozen=True)
class Wish:
    """All a node asks for.

    Attributes:
        node: its full name.
        kind: of the node, such as StyleTransfer.
        shot: frames and views.
        task: what is done.
        motion: where motion comes from.
        passes: of `PASSES`.
        colour: working colour space by its OpenColorIO name; empty lets the server find out.
        place: where files are kept.
        compute: where it is computed.
        aim: `RENDER`, `ALONE` or `IN_SHOT`.
        preview_scale: size of the picture where the aim is `ALONE`; 1 is full size.
        view: the one view of `views_apart`; empty where a job makes all of them.
        mattes: how those among the passes are written.
    """

    node: str
    kind: str
    shot: Shot
    task: Look | Measuring | Picking | KeyMap | Retiming
    motion: Motion
    passes: tuple[str, ...]
    colour: str
    place: places.Place
    compute: Compute
    aim: str = RENDER
    preview_scale: float = 1.0
    view: str = ""
    mattes: Mattes = Mattes()

    @property
    def preview(self) -> bool:
        """Whether it is made to be looked at, and is no result."""
        return self.aim != RENDER

    @property
    def alone(self) -> bool:
        """Whether one frame is painted without its shot."""
        return self.aim == ALONE

    @property
    def input_scale(self) -> float:
        """Size at which the inputs are read."""
        return self.preview_scale if self.alone else 1.0

    @property
    def result(self) -> str:
        """The pattern of the frames made."""
        return self.place.result({RENDER: "", ALONE: "alone", IN_SHOT: "in_shot"}[self.aim])

    @property
    def sheet(self) -> str:
        """The contact sheet of frames picked."""
        return self.place.file("keys.png")

    @property
    def reads(self) -> tuple[Read, ...]:
        """Inputs that the job reads, each at its frames alone."""
        found = [Read("plate", 0, self.shot.shot)]
        task = self.task
        if isinstance(task, Retiming) and task.paint:
            found.append(Read("paint", PAINT_PIPE, self.shot.shot))
        if isinstance(task, Look):
            for style in task.styles:
                if style.look == LOOK_INPUT:
                    found.append(Read(style.input, STYLE_PIPES[style.number - 1], (style.frame,)))
            if task.keys:
                found.append(Read("keys", KEYS_PIPE, tuple(key.frame for key in task.keys)))
        return tuple(found)


def key_options(text: str) -> dict[int, Key]:
    """Keys by frame, of a text such as `1006: weight 2, hold 1001-1020, mask matte.a; 1020: weight 0.5`.

    Raises:
        NodeError: a piece is not understood.
    """
    found: dict[int, Key] = {}
    for line in filter(None, (line.strip() for line in text.split(";"))):
        match = _KEY_LINE.fullmatch(line)
        if match is None or not any(match[word] for word in ("weight", "hold", "mask")):
            raise NodeError(
                f"The key option '{line}' is not understood; write such as 1006: weight 2, hold 1001-1020, mask alpha."
            )
        hold = ranges.write(ranges.parse(match["hold"].strip(", "))) if match["hold"] else ""
        frame, weight = int(match["frame"]), float(match["weight"] or 1.0)
        found[frame] = Key(frame, weight, hold, match["mask"] or "")
    return found


_KEY_LINE = re.compile(
    r"(?P<frame>-?\d+)\s*:\s*(?:weight\s+(?P<weight>\d+(?:\.\d+)?))?\s*,?\s*(?:hold\s+(?P<hold>[-\dx, ]+))?"
    r"\s*,?\s*(?:mask\s+(?P<mask>\w+(?:\.\w+)?))?",
    re.ASCII,
)


def views_apart(wish: Wish) -> list[Wish]:
    """The wish, or one for each view where views are painted after pictures of their own: a job has each key once."""
    if not wish.place.many_views or all(read.name in ("plate", "paint") for read in wish.reads):
        return [wish]
    return [replace(wish, view=view) for view in wish.shot.views]


def memory_bytes(text: str) -> int:
    """Bytes: `8G`, `512M`; 0 for nothing.

    Raises:
        NodeError: anything else.
    """
    if not text.strip():
        return 0
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE | re.ASCII)
    if match is None:
        raise NodeError(f"'{text}' is no size of memory; write it such as 8G or 512M.")
    return int(float(match[1]) * {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}[match[2].upper()])
