"""A plate laid on the shot's raster: working colour, alpha and motion as the picture-making wants them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.server.errors import PlateError
from impasto.server.plates import alpha as alphas
from impasto.server.plates import layers
from impasto.server.plates.colour import ColourSpace
from impasto.server.plates.plate import Plate, Window

Array = NDArray[np.float32]
_DEPTHS = ("Z", "z", "depth", "a", "A", "x", "X", "R", "red", "Y")
_MATTES = {"occlusion.next": 1.0, "occlusion.prev": 1.0, "confidence.next": 0.0, "confidence.prev": 0.0}


def picture(plate: Plate, view: str, raster: Window, colour: ColourSpace) -> tuple[Array, Array | None, list[str]]:
    """The colour of a view as the engine works on it; the plate itself is not changed.

    A plate that holds luminance (`Y`) alone is taken as grey. An alpha that is empty all over a picture with colour in
    it is taken as absent.

    Args:
        plate: the plate.
        view: one of its views.
        raster: the window to cover; the plate's border pixels are repeated where its data window ends before.
        colour: the plate's colour space.

    Returns:
        Scene-linear Rec.709 colour without premultiplication, (3, H, W) float32, unclamped, finite; the stored alpha
        (H, W) float32 or None; and notes, one sentence each. NaN and negative infinity are replaced by 0, infinity by
        the largest finite value beside it, else in the channel.

    Raises:
        PlateError: the view has no colour channels.
    """
    names = colour_names(plate, view)
    notes = []
    stored = np.stack([plate.channels[name].astype(np.float32) for name in names])
    rgb, broken = _finite(stored)
    if broken:
        notes.append(
            f"{broken} pixels of {', '.join(names)} hold NaN or infinity; they are painted as their neighbours and are "
            "holes to motion"
        )
    if len(names) == 1:
        rgb = np.repeat(rgb, 3, axis=0)
    alpha = stored_alpha(plate, view)
    if alpha is not None and not alphas.usable(rgb, alpha):
        notes.append("alpha is empty all over though there is colour; it is taken as absent")
        alpha = None
    if alpha is not None:
        rgb = alphas.unpremultiply(rgb, alpha)
    rgb, lost = _finite(colour.to_working(rgb))
    if lost:
        notes.append(f"{lost} pixels lie beyond what {colour.name} can hold; is it the plate's colour space?")
    return (
        spread(rgb, plate.data_window, raster),
        None if alpha is None else spread(alpha, plate.data_window, raster),
        notes,
    )


def unknown(plate: Plate, view: str, raster: Window) -> NDArray[np.uint8] | None:
    """Where a view's colour is no number: (H, W) over `raster`, 1 for NaN and negative infinity, 2 for infinity alone.

    None where all of it is.

    Raises:
        PlateError: the view has no colour channels.
    """
    stored = np.stack([plate.channels[name] for name in colour_names(plate, view)])
    if np.isfinite(stored).all():
        return None
    nothing, beyond = (np.isnan(stored) | np.isneginf(stored)).any(0), np.isposinf(stored).any(0)
    return np.asarray(spread(np.where(nothing, 1, 2 * beyond).astype(np.uint8), plate.data_window, raster))


def colour_names(plate: Plate, view: str) -> tuple[str, ...]:
    """The names of a view's colour channels: three, or one of luminance.

    Raises:
        PlateError: there are none.
    """
    names = layers.colour(plate.channels, plate.views, view)
    if not names:
        of_view = f" in view {view!r}" if view else ""
        raise PlateError(
            f"{plate.source} has no R, G and B{of_view}, only {', '.join(sorted(plate.channels)[:12])}; "
            "shuffle its colour into rgba",
            reason="PLATE_WITHOUT_COLOUR",
        )
    return names


def stored_alpha(plate: Plate, view: str) -> Array | None:
    """A view's alpha as stored, (H, W) float32 over the data window, or None."""
    name = layers.find(plate.channels, plate.views, view, "A")
    return None if name is None else plate.channels[name].astype(np.float32)


def motion_layers(plate: Plate, view: str, raster: Window) -> dict[str, Array]:
    """The motion and mattes a view holds.

    Args:
        plate: the plate.
        view: one of its views.
        raster: the window to cover; border values are repeated where the data window ends before.

    Returns:
        Of those present: `forward`, `backward` (2, H, W) float32 in pixels, x right, y down (stored with v up);
        `occlusion.next`, `occlusion.prev`, `confidence.next`, `confidence.prev` (H, W) float32, 1 = occluded, 1 = sure.
        What is not finite becomes motion 0, occlusion 1, confidence 0.
    """
    found: dict[str, Array] = {}
    for layer in ("forward", "backward"):
        names = [layers.find(plate.channels, plate.views, view, f"{layer}.{way}") for way in "uv"]
        if names[0] and names[1]:
            u, v = (plate.channels[name].astype(np.float32) for name in names if name)
            motion = np.stack([u, -v])
            motion[~np.isfinite(motion)] = 0
            found[layer] = spread(motion, plate.data_window, raster)
    for matte, otherwise in _MATTES.items():
        name = layers.find(plate.channels, plate.views, view, matte)
        if name:
            values = plate.channels[name].astype(np.float32)
            values[~np.isfinite(values)] = otherwise
            found[matte] = spread(values, plate.data_window, raster)
    return found


def depth_layer(plate: Plate, view: str, raster: Window, name: str) -> Array | None:
    """A view's depth as stored, (H, W) float32 over `raster`; None where it has no such layer.

    Args:
        plate: the plate.
        view: one of its views.
        raster: the window to cover; border values are repeated where the data window ends before.
        name: a channel (`depth.Z`, `Z`), or a layer, of which the channel `Z` counts, else its first.
    """
    found = layers.find(plate.channels, plate.views, view, name)
    for last in _DEPTHS if found is None else ():
        found = found or layers.find(plate.channels, plate.views, view, f"{name}.{last}")
    if found is None:
        return None
    return np.asarray(spread(plate.channels[found].astype(np.float32), plate.data_window, raster))


def spread(array: NDArray[Any], window: Window, raster: Window) -> NDArray[Any]:
    """Lay (..., H, W) over `window` onto `raster`: cropped where it is larger, its border repeated where smaller."""
    if window == raster:
        return array
    rows = np.clip(np.arange(raster.y0, raster.y1) - window.y0, 0, window.height - 1)
    columns = np.clip(np.arange(raster.x0, raster.x1) - window.x0, 0, window.width - 1)
    return np.ascontiguousarray(array[..., rows[:, None], columns])


def _finite(stored: Array) -> tuple[Array, int]:
    """Colour (C, H, W) without NaN and infinity, and the number of pixels that had any."""
    bad = ~np.isfinite(stored)
    if not bad.any():
        return stored, 0
    clean = np.where(bad, np.float32(0), stored)
    for channel, values in enumerate(stored):
        spots = np.argwhere(np.isposinf(values))
        if len(spots) == 0:
            continue
        known = np.where(np.isfinite(values), values, -np.inf)
        top = float(known.max())
        around = np.pad(known, 1, constant_values=-np.inf)
        near = np.max([around[spots[:, 0] + dy, spots[:, 1] + dx] for dy in range(3) for dx in range(3)], axis=0)
        best = np.where(np.isfinite(near), near, top if np.isfinite(top) else 0.0)
        clean[channel, spots[:, 0], spots[:, 1]] = np.maximum(best, 0)
    return clean, int(bad.any(axis=0).sum())
