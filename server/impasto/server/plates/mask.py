"""One plane of a plate as a mask: 0 nowhere, 1 wholly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from impasto.server.errors import PlateError
from impasto.server.plates import layers, srgb
from impasto.server.plates.header import Header
from impasto.server.plates.plate import Plate, Window

Array = NDArray[np.float32]


def mask(plate: Plate, view: str, raster: Window, layer: str = "") -> Array:
    """A mask on the shot's raster.

    Args:
        plate: the plate, or the mask's own picture; its format lies where the plate's does.
        view: one of its views.
        raster: the window to cover; beyond the data window the mask is 0.
        layer: a channel (`matte.a`), or a layer (`matte`), of which alpha is taken where it has one, else its first
            channel. Empty takes a picture's own: the alpha of an EXR where it has one, else luminance or red; of an
            integer picture what it shows, as far as it is opaque.

    Returns:
        (H, W) float32 in 0..1; what is not finite is 0.

    Raises:
        PlateError: there is no such layer (`MASK_LAYER`), or nothing in the picture.
    """
    values = plate.channels[mask_channel(plate, view, layer)] if layer else _own(plate, view)
    values = np.clip(np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0).astype(np.float32)
    return _laid(values, plate.data_window, raster)


def mask_channel(plate: Plate | Header, view: str, layer: str) -> str:
    """The channel that stands for a layer as a mask.

    Raises:
        PlateError: there is none (`MASK_LAYER`).
    """
    candidates = [layer, *(f"{layer}.{last}" for last in ("a", "A", "alpha"))]
    found = [name for name in (layers.find(plate.channels, plate.views, view, each) for each in candidates) if name]
    found += [name for name in plate.channels if name.startswith(f"{layer}.")]
    if not found:
        raise PlateError(
            f"{plate.source} has no layer '{layer}' for a mask, only {', '.join(sorted(plate.channels)[:12])}; name "
            "one of these, or a sequence of mask pictures",
            reason="MASK_LAYER",
        )
    return found[0]


def _own(plate: Plate, view: str) -> Array:
    def channel(name: str) -> Array | None:
        found = layers.find(plate.channels, plate.views, view, name)
        return plate.channels[found].astype(np.float32) if found else None

    alpha = channel("A")
    if plate.encoding == "scene_linear" and alpha is not None:
        return alpha
    for name in ("Y", "R"):
        values = channel(name)
        if values is None:
            continue
        if plate.encoding == "scene_linear":
            return values
        opaque = np.ones_like(values) if alpha is None else alpha
        shown = np.asarray(srgb.encode(values / np.maximum(opaque, np.float32(1e-6))), np.float32)
        return shown * opaque
    return next(iter(plate.channels.values())).astype(np.float32)


def _laid(values: Array, window: Window, raster: Window) -> Array:
    """The values on the raster, 0 around them."""
    if window == raster:
        return values
    result = np.zeros((raster.height, raster.width), np.float32)
    x0, x1 = max(window.x0, raster.x0), min(window.x1, raster.x1)
    y0, y1 = max(window.y0, raster.y0), min(window.y1, raster.y1)
    if x0 < x1 and y0 < y1:
        inside = values[y0 - window.y0 : y1 - window.y0, x0 - window.x0 : x1 - window.x0]
        result[y0 - raster.y0 : y1 - raster.y0, x0 - raster.x0 : x1 - raster.x0] = inside
    return result
