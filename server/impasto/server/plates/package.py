"""The review package: the plate with its colour painted and our layers beside everything it held."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.server.plates import alpha as alphas
from impasto.server.plates import compression, layers
from impasto.server.plates.colour import ColourSpace
from impasto.server.plates.plate import Channel, Plate, Window
from impasto.server.plates.raster import colour_names, stored_alpha

# What half holds exactly enough; all else of ours is float.
_HALF = frozenset(
    (
        "occlusion.next",
        "occlusion.prev",
        "occlusion.cause",
        "confidence.next",
        "confidence.prev",
        "source.kind",
        "coverage.a",
    )
)


@dataclass(frozen=True)
class OutputOptions:
    """How a review package is written.

    Attributes:
        compression: of the file; empty takes the plate's where lossless, else zips.
        layer_prefix: put before a layer of ours whose name the plate already has.
        replace_layers: whether ours replaces the plate's instead.
        attributes: written as `impasto/NAME`: text, whole numbers or floats.
    """

    compression: str = ""
    layer_prefix: str = "impasto_"
    replace_layers: bool = False
    attributes: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Painting:
    """What was made for one view of one frame.

    Attributes:
        rgb: (3, H, W) float32 linear Rec.709 without premultiplication, over `raster`; None leaves the plate's colour
            as it is, bit for bit.
        raster: the window everything covers; holds the plate's data window.
        layers: by name, in the conventions of code: `forward`, `backward` (2, H, W), pixels, x right, y down;
            `source.x`, `source.y` pixel indices of the raster, x right, y down, pixel centres at whole numbers; `stmap`
            (2, H, W) such a pair; and `coverage.a`,
            `source.frame`, `source.kind`, `occlusion.next`, `occlusion.prev`, `occlusion.cause`, `confidence.next`,
            `confidence.prev`; each (H, W).
        colour: the space colour is written in.
    """

    rgb: NDArray[np.float32] | None
    raster: Window
    colour: ColourSpace
    layers: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def assemble(plate: Plate, paintings: Mapping[str, Painting], options: OutputOptions) -> tuple[Plate, list[str]]:
    """Put what was painted into a copy of the plate.

    Colour keeps the plate's types, is multiplied by the stored alpha (where alpha is not above the guard the plate's
    own colour stays), and every other channel is the plate's own array. A plate of luminance alone keeps it and gets
    R, G and B beside. Motion and source are written as float with v and y up, source in continuous pixels of the
    display window from its lower left, stmap the same over the format's size; mattes, coverage, confidence, cause and
    kind as half.

    Args:
        plate: as read; it is not changed.
        paintings: by view; views without one are copied.
        options: how it is written.

    Returns:
        The plate to write, and warnings, one sentence each.

    Raises:
        BadRequest: the compression would change more than colour.
        PlateError: a painted view has no colour channels.
    """
    channels: dict[str, Channel] = dict(plate.channels)
    attributes = {name: value for name, value in plate.attributes.items() if not name.startswith("impasto/")}
    attributes |= {f"impasto/{name.removeprefix('impasto/')}": value for name, value in options.attributes.items()}
    warnings: list[str] = []
    painted: list[str] = []
    for view, painting in paintings.items():
        if painting.rgb is not None:
            painted += _paint(plate, view, painting, channels, warnings)
            _declare(attributes, painting.colour, warnings)
        else:
            painted += layers.colour(plate.channels, plate.views, view)
        _add_layers(plate, view, painting, options, channels, warnings)
    chosen = compression.choose(options.compression, plate.compression, channels, painted)
    written = dataclasses.replace(
        plate, channels=channels, attributes=attributes, compression=chosen, encoding="scene_linear"
    )
    return written, list(dict.fromkeys(warnings))


def _paint(
    plate: Plate, view: str, painting: Painting, channels: dict[str, Channel], warnings: list[str]
) -> tuple[str, ...]:
    assert painting.rgb is not None
    names = colour_names(plate, view)
    stored = np.stack([plate.channels[name].astype(np.float32) for name in names])
    rows, columns = plate.data_window.within(painting.raster)
    rgb = painting.colour.from_working(np.ascontiguousarray(painting.rgb[:, rows, columns], np.float32))
    alpha = stored_alpha(plate, view)
    if alpha is not None and alphas.usable(stored, alpha):
        rgb = alphas.premultiply(rgb, alpha, stored)
    dtypes = [plate.channels[name].dtype for name in names]
    if len(names) == 1:
        dtypes *= 3
        names = tuple(layers.compose(plate.channels, plate.views, view, name) for name in "RGB")
    if any(dtype == np.uint32 for dtype in dtypes):
        warnings.append("painted colour is written as 32-bit float: the plate's is of whole numbers")
        dtypes = [np.dtype(np.float32)] * 3
    if any(dtype == np.float16 and _overflows(rgb[i]) for i, dtype in enumerate(dtypes)):
        warnings.append("painted colour is written as 32-bit float: it is too bright for half")
        dtypes = [np.dtype(np.float32)] * 3
    for name, dtype, pixels in zip(names, dtypes, rgb, strict=True):
        channels[name] = pixels.astype(dtype)
    return names


def _overflows(pixels: NDArray[np.float32]) -> bool:
    # From here on half rounds to infinity.
    return bool((np.abs(pixels[np.isfinite(pixels)]) >= 65520).any())


def _declare(attributes: dict[str, Any], colour: ColourSpace, warnings: list[str]) -> None:
    """Make the header's chromaticities those of the colour written."""
    stored = attributes.get("chromaticities")
    if colour.chromaticities is None:
        if attributes.pop("chromaticities", None) is not None:
            warnings.append(f"the header's chromaticities are left out: colour is written as {colour.name}")
    elif stored is None:
        if colour.name not in ("lin_rec709", "srgb"):
            attributes["chromaticities"] = colour.chromaticities
    elif max(abs(a - b) for a, b in zip(stored, colour.chromaticities, strict=True)) > 1e-4:
        attributes["chromaticities"] = colour.chromaticities


def _add_layers(
    plate: Plate,
    view: str,
    painting: Painting,
    options: OutputOptions,
    channels: dict[str, Channel],
    warnings: list[str],
) -> None:
    renamed: dict[str, str] = {}
    rows, columns = plate.data_window.within(painting.raster)
    for name, array in painting.layers.items():
        layer = name.partition(".")[0]
        if layer not in renamed:
            renamed[layer] = _layer_name(plate, view, layer, options, warnings)
        for channel, pixels in _channels(name, array[..., rows, columns], plate, painting.raster).items():
            own = channel.replace(layer, renamed[layer], 1)
            own = layers.find(plate.channels, plate.views, view, own) or layers.compose(
                plate.channels, plate.views, view, own
            )
            channels[own] = pixels


def _layer_name(plate: Plate, view: str, layer: str, options: OutputOptions, warnings: list[str]) -> str:
    if options.replace_layers or not layers.has_layer(plate.channels, plate.views, view, layer):
        return layer
    name = layer
    while layers.has_layer(plate.channels, plate.views, view, name):
        name = (options.layer_prefix or "impasto_") + name
    warnings.append(f"the plate has a layer {layer} of its own, which is kept; ours is written as {name}")
    return name


def _channels(name: str, array: NDArray[Any], plate: Plate, raster: Window) -> dict[str, Channel]:
    """One pass of ours, over the data window, as the file names and holds it."""
    if name in ("forward", "backward"):
        return {f"{name}.u": array[0].astype(np.float32), f"{name}.v": -array[1].astype(np.float32)}
    if name == "stmap":
        display = plate.display_window
        u = (array[0].astype(np.float64) + (raster.x0 - display.x0 + 0.5)) / display.width
        v = ((display.y1 - raster.y0 - 0.5) - array[1].astype(np.float64)) / display.height
        return {"stmap.u": u.astype(np.float32), "stmap.v": v.astype(np.float32)}
    if name == "source.x":
        return {name: (array + (raster.x0 - plate.display_window.x0 + 0.5)).astype(np.float32)}
    if name == "source.y":
        return {name: ((plate.display_window.y1 - raster.y0 - 0.5) - array).astype(np.float32)}
    return {name: array.astype(np.float16 if name in _HALF else np.float32)}
