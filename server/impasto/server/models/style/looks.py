"""The looks: style models that paint after pictures, each built the same way from what a job sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.server.errors import BadRequest
from impasto.server.models import catalogue, weights
from impasto.server.models.card import Model, Parameter
from impasto.server.models.style import files, impasto, johnson, presets
from impasto.server.models.style.canvas import Canvas
from impasto.server.models.style.feedforward import FeedForwardPainter, for_shot
from impasto.server.models.style.gatys import GatysPainter
from impasto.server.models.style.painter import Painter
from impasto.server.models.style.preserve import Preserving
from impasto.server.models.style.statistics import Moments, Statistics, norms
from impasto.server.models.style.styleformer import StyleFormerPainter

DEFAULT_LOOK = "swd"
"""What paints after a picture where nothing else is asked for."""

ONE_LOOK = "johnson"
"""Nets of one look each, which paint after no picture."""

STYLE_SCALE = Parameter("style_scale", 1.0, 0.25, 4.0, "Size of the brush: 2 is twice the style's own.")


@dataclass(frozen=True)
class Manner:
    """How styles are painted, whichever they are.

    Attributes:
        style_scale: brush size, 0.25..4, whatever the plate's resolution.
        preserve_colour: the plate keeps its hues.
        preserve_luminance: the plate keeps its broad light and shade.
        statistics: what nets normalise by.
        parameters: what is set of the look, by name.
        device: where nets work.
        precision: `float32` or `bfloat16`.
        compiled: whether nets are compiled.
        canvas: whether nets paint at a size of their own, so that brushes are as large on any plate; without, a frame
            is painted at its own size and the brush is as large as it comes out.
    """

    style_scale: float = 1.0
    preserve_colour: bool = False
    preserve_luminance: bool = False
    statistics: Statistics = Statistics.FROZEN
    parameters: Mapping[str, float] = field(default_factory=dict)
    device: str = "cpu"
    precision: str = "float32"
    compiled: bool = False
    canvas: bool = True


def find(look: str) -> Model:
    """The look of this id; the default where it is empty.

    Raises:
        NotFound: there is none.
        BadRequest: it paints after no picture.
    """
    model = catalogue.find(look or DEFAULT_LOOK, "style")
    if model.id == ONE_LOOK:
        raise BadRequest(
            f"{ONE_LOOK} nets paint after no picture; name a net's weights file with --style, and another --look.",
            reason="LOOK_INVALID",
        )
    return model


def check(look: str, parameters: Mapping[str, float]) -> None:
    """Refuse what cannot be set of a look.

    Raises:
        NotFound, BadRequest: as `find`; or a parameter it does not have, or out of its range.
    """
    model = find(look)
    known = {each.name: each for each in model.parameters if each.name != STYLE_SCALE.name}
    for name, value in parameters.items():
        if name not in known:
            there = f"has: {', '.join(known)}" if known else "has none"
            raise BadRequest(f"The look {model.id} has no parameter '{name}'; it {there}.", reason="VALUE_INVALID")
        if not known[name].minimum <= value <= known[name].maximum:
            raise BadRequest(
                f"{name} of the look {model.id} is {value:g}; it lies between {known[name].minimum:g} and "
                f"{known[name].maximum:g}.",
                reason="VALUE_INVALID",
            )


def after_pictures(
    look: str,
    pictures: Sequence[Tensor],
    shares: Sequence[float],
    nets: Sequence[Path],
    manner: Manner,
    guided: bool = False,
) -> Painter:
    """What paints in the manner of pictures.

    Args:
        look: id of the model; empty for the default.
        pictures: (1, 3, h, w) float32 display-like each, or what `of_preset` gives.
        shares: of each, not all 0.
        nets: the look's weights, see `ready_files`.
        manner: see there.
        guided: whether masks will say where each picture's style paints, see `guided_by`; then `shares` change nothing.

    Raises:
        NotFound, BadRequest: as `find` and the model's own `build`.
    """
    model = find(look)
    own: dict[str, Any] = dict(manner.parameters)
    if not model.canvas:
        own[STYLE_SCALE.name] = manner.style_scale
    if guided:
        made = model.build(pictures, *nets, masks=torch.ones(1, len(pictures), 8, 8), **own)
        # Statistics are measured without masks, whose size is the frame's.
        made = replace(made, masks=None) if isinstance(made, FeedForwardPainter) else made.masked(None)
        return _finished(made, model, manner)
    return _finished(model.build(pictures, *nets, shares=shares, **own), model, manner)


def of_preset(name: str, look: str, nets: Sequence[Path]) -> Tensor:
    """A preset as `after_pictures` takes it: the painting's code where the look is the one it was measured for.

    Args:
        name: of the preset.
        look: see `after_pictures`.
        nets: see `after_pictures`.

    Returns:
        (1, C) for the bundled look with the weights that came with the presets, else the drawn picture (1, 3, h, w).

    Raises:
        NotFound: there is no such preset or look.
    """
    preset = presets.find(name)
    if find(look).id == impasto.MODEL.id and [weights.digest(file) for file in nets] == [preset.weights]:
        return preset.code
    return presets.preset_picture(name)


def guided_by(painter: Painter, masks: Tensor) -> Painter:
    """A painter made for guidance, see `after_pictures`, under masks (1, pictures, H, W) of the frame's size."""
    if isinstance(painter, Preserving):
        return replace(painter, painter=guided_by(painter.painter, masks))
    if isinstance(painter, Canvas):
        return replace(painter, painter=guided_by(painter.painter, painter.shown(masks)))
    if isinstance(painter, FeedForwardPainter):
        return replace(painter, masks=masks)
    assert isinstance(painter, GatysPainter)
    return painter.masked(masks)


def open_style(name: str, path: Path | None, colour: str, manner: Manner, look: str = "") -> Painter:
    """What paints in the one style its user named.

    Args:
        name: as its user wrote it; a preset's name where `path` is None.
        path: the file here.
        colour: of a style picture, see `files.read_picture`.
        manner: see there.
        look: see `after_pictures`.

    Raises:
        NotFound, NotReady, BadRequest: the file is no style, there is none, or weights are missing.
    """
    if path is not None and files.recognise(path, name) == "weights":
        return of_weights(path, manner)
    nets = ready_files(look)
    picture = of_preset(name, look, nets) if path is None else files.read_picture(path, name, colour)
    return after_pictures(look, [picture], [1.0], nets, manner)


def ready_files(look: str) -> tuple[Path, ...]:
    """The weights of a look on this machine, checked; none where it needs none.

    Raises:
        NotReady, Denied: as `weights.Store.ready_files`.
    """
    model = find(look)
    return weights.default_store().ready_files(model) if model.choices else ()


def of_weights(path: Path, manner: Manner) -> Painter:
    """What paints with a net of one look.

    Raises:
        NotFound, BadRequest: as `johnson.build`.
    """
    return _finished(johnson.build(path), johnson.MODEL, manner)


def net_version() -> str:
    """What the nets of one look are, changing whenever their results do."""
    return f"{johnson.MODEL.id}/{johnson.MODEL.version}"


def _finished(painter: Painter, model: Model, manner: Manner) -> Painter:
    """A model's painter on its device, on a canvas of its own, leaving to the plate what it is to."""
    if isinstance(painter, FeedForwardPainter):
        painter = replace(painter, device=manner.device, precision=manner.precision, compiled=manner.compiled)
    elif isinstance(painter, StyleFormerPainter | GatysPainter):
        painter = painter.on(manner.device)
    if model.canvas and manner.canvas:
        painter = Canvas.for_scale(painter, model.canvas, manner.style_scale)
    if manner.preserve_colour or manner.preserve_luminance:
        painter = Preserving(painter, manner.preserve_colour, manner.preserve_luminance)
    return painter


def freezes(painter: Painter) -> bool:
    """Whether a painter paints otherwise with the statistics of a shot than with those of a frame."""
    while isinstance(painter, Preserving | Canvas):
        painter = painter.painter
    return isinstance(painter, FeedForwardPainter) and bool(norms(painter.net))


def over_shot(
    painter: Painter,
    samples: Callable[[], Mapping[int, Tensor]],
    kind: Statistics,
    kept: Callable[[int, Callable[[], Moments]], Moments] = lambda _, measure: measure(),
) -> Callable[[int], Painter]:
    """A painter for every frame of a shot, from one that knows nothing of time.

    Args:
        painter: as made above.
        samples: gives frames spread over the shot by number, (1, 3, H, W) display-like; asked once, and only where
            a frame is painted and its statistics are needed.
        kind: what nets normalise by.
        kept: see `for_shot`.
    """
    made: list[Callable[[int], Painter]] = []

    def by_frame(frame: int) -> Painter:
        if not made:
            made.append(_by_frame(painter, samples, kind, kept))
        return made[0](frame)

    return by_frame


def _by_frame(
    painter: Painter,
    samples: Callable[[], Mapping[int, Tensor]],
    kind: Statistics,
    kept: Callable[[int, Callable[[], Moments]], Moments],
) -> Callable[[int], Painter]:
    if isinstance(painter, Preserving | Canvas):
        outer, shown = painter, painter.shown if isinstance(painter, Canvas) else lambda picture: picture
        inner = _by_frame(
            painter.painter, lambda: {frame: shown(picture) for frame, picture in samples().items()}, kind, kept
        )
        return lambda frame: replace(outer, painter=inner(frame))
    if isinstance(painter, FeedForwardPainter) and kind is not Statistics.PER_FRAME:
        return for_shot(painter, samples(), kind, kept)
    return lambda _: painter
