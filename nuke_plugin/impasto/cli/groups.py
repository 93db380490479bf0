"""Options that commands share, in groups: a command takes a group as one parameter, its user gives each option."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Protocol, get_type_hints

from impasto.cli import options as o
from impasto.cli.parsing import parse_memory, parse_passes, parse_thresholds
from impasto.client import Mattes, Options
from impasto.sequences import parse_frames


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command as typer takes it: in place of each parameter that is a group stand the options of its fields."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {}
    shown: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if is_dataclass(hints[name]):
            groups[name] = hints[name]
            shown.extend(_options(hints[name]))
        else:
            shown.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))

    def called(**given: Any) -> None:
        gathered = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **gathered)

    called.__name__, called.__doc__, called.__module__ = command.__name__, command.__doc__, command.__module__
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    called.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]  # which inspect asks for
    return called


def _options(group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(group)
    ]


class Group(Protocol):
    """Options that are part of what a job takes."""

    def onto(self, options: Options) -> Options:
        """The job's options with these among them."""


def gather(*groups: Group, options: Options | None = None) -> Options:
    """What a job takes, from the groups of its command.

    Args:
        groups: whose options are read in this order.
        options: what the command adds of its own.

    Raises:
        BadRequestError: an option cannot be read.
        SequenceError: a range cannot be read.
    """
    found = options or Options()
    for group in groups:
        found = group.onto(found)
    return found


@dataclass(frozen=True)
class Shot:
    """What is read of a plate, and which of it is wanted."""

    frames: o.Frames = ""
    shot: o.Shot = ""
    cuts: o.Cuts = ""
    no_cut: o.NoCut = ""
    view: o.View = None

    def onto(self, options: Options) -> Options:
        """As `Group` says."""
        return replace(
            options,
            frames=self.frames,
            shot=self.shot,
            cuts=self.cuts,
            vetoed_cuts=parse_frames(self.no_cut) if self.no_cut else (),
            views=self.view or (),
        )


@dataclass(frozen=True)
class Layers:
    """What written frames hold beside their colour."""

    passes: o.Passes = None
    layer_prefix: o.LayerPrefix = ""
    replace_layers: o.ReplaceLayers = False
    matte_soft: o.MatteSoft = 0.0
    matte_erode: o.MatteErode = 0.0
    matte_blur: o.MatteBlur = 0.0
    matte_gain: o.MatteGain = 1.0

    def onto(self, options: Options) -> Options:
        """As `Group` says."""
        return replace(
            options,
            passes=parse_passes(self.passes) if self.passes else options.passes,
            layer_prefix=self.layer_prefix,
            replace_layers=self.replace_layers,
            mattes=Mattes(soft=self.matte_soft, erode=self.matte_erode, blur=self.matte_blur, gain=self.matte_gain),
        )


@dataclass(frozen=True)
class Depth:
    """What tells mattes what lies before what."""

    depth: o.Depth = ""

    def onto(self, options: Options) -> Options:
        """As `Group` says."""
        return replace(options, depth=self.depth)


@dataclass(frozen=True)
class Files:
    """How frames are written."""

    overwrite: o.Overwrite = False
    compression: o.Compression = ""

    def onto(self, options: Options) -> Options:
        """As `Group` says."""
        return replace(options, overwrite=self.overwrite, compression=self.compression)


@dataclass(frozen=True)
class Pictures:
    """What is made of frames for people to look at."""

    sheet: o.Sheet = None
    preview: o.Preview = None

    def onto(self, options: Options) -> Options:
        """As `Group` says."""
        return replace(options, sheet=self.sheet, preview=self.preview)


@dataclass(frozen=True)
class Review(Pictures):
    """What is made and measured of painted frames."""

    quality: o.Quality = ""
    threshold: o.Thresholds = None
    fail_on: o.FailOn = ""

    def onto(self, options: Options) -> Options:
        """As `Group` says."""
        return replace(
            super().onto(options),
            quality=self.quality,
            thresholds=parse_thresholds(self.threshold or ()),
            fail_on=self.fail_on,
        )


@dataclass(frozen=True)
class Colour:
    """The plate's colour space."""

    colour: o.Colour = ""

    def onto(self, options: Options) -> Options:
        """As `Group` says."""
        return replace(options, colour=self.colour)


@dataclass(frozen=True)
class PaintColours(Colour):
    """Colour spaces of all that a painted shot is made of."""

    key_colour: o.KeyColour = ""
    style_colour: o.StyleColour = ""
    out_colour: o.OutColour = ""

    def onto(self, options: Options) -> Options:
        """As `Group` says."""
        return replace(
            super().onto(options),
            key_colour=self.key_colour,
            style_colour=self.style_colour,
            out_colour=self.out_colour,
        )


@dataclass(frozen=True)
class Compute:
    """The device, and the limits a job is planned for."""

    device: o.Device = ""
    threads: o.Threads = 0
    precision: o.Precision = ""
    memory: o.Memory = ""

    def onto(self, options: Options) -> Options:
        """As `Group` says."""
        return replace(
            options,
            device=self.device,
            threads=self.threads,
            precision=self.precision,
            memory=parse_memory(self.memory),
        )


@dataclass(frozen=True)
class Manner:
    """Where a command works and how it tells of it."""

    server: o.Server = ""
    tls_ca: o.TlsCa = None
    cache: o.Cache = None
    detach: o.Detach = False
    dry_run: o.DryRun = False
    events: o.Events = o.EventsForm.BAR
    priority: o.Priority = ""
