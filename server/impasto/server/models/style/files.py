"""What a style is that its user names: a picture to paint after, the weights of a net, or a preset."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.server import plates
from impasto.server.errors import BadRequest, FrameError, NotFound
from impasto.server.plates import srgb

SMALLEST = 16
"""Least side of a style picture, in pixels."""

LARGEST = plates.Limits(max_pixels=1 << 26)
"""Largest style picture that is read."""

_WORKING_SIDE = 2048
_GREY = 0.25
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"\x76\x2f\x31\x01")
_WEIGHTS = (b"PK\x03\x04", b"\x80")


def recognise(path: Path, name: str = "") -> Literal["picture", "weights"]:
    """What a style file is, by its first bytes whatever its name.

    Args:
        path: the file.
        name: what its user calls it, for messages; the path where empty.

    Raises:
        NotFound: there is no such file.
        BadRequest: it is neither a picture nor weights.
    """
    name = name or str(path)
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except FileNotFoundError:
        raise NotFound(f"There is no style file {name}; check the path.", reason="STYLE_UNKNOWN") from None
    except OSError as error:
        raise BadRequest(
            f"The style {name} cannot be opened ({error.strerror}); check what it is and who may read it.",
            reason="STYLE_UNREADABLE",
        ) from error
    if start.startswith(_PICTURES):
        return "picture"
    if start.startswith(_WEIGHTS) or start[8:9] == b"{":
        return "weights"
    raise BadRequest(
        f"The style {name} is neither a picture (EXR, PNG, TIFF, JPEG) nor a net's weights; give one of these or a "
        "preset's name.",
        reason="STYLE_UNREADABLE",
    )


def read_picture(path: Path, name: str = "", colour: str = "") -> Tensor:
    """A style picture as a screen shows it.

    Args:
        path: EXR, PNG, TIFF or JPEG.
        name: what its user calls it, for messages.
        colour: its colour space as in `plates.ColourSpace.resolve`.

    Returns:
        (1, 3, h, w) float32, sRGB 0..1; light beyond display white is folded in; sides over 2048 pixels are reduced.

    Raises:
        BadRequest: it cannot be read, is smaller than 16 pixels, of one colour, or its colour space is unknown.
    """
    name = name or str(path)
    try:
        plate = plates.read(path, LARGEST)
        space = plates.ColourSpace.resolve(colour, plate)
        rgb, _, _ = plates.picture(plate, plate.views[0], plate.data_window, space)
    except FrameError as error:
        raise BadRequest(f"The style {name} cannot be read: {error.message}", reason="STYLE_UNREADABLE") from error
    shown = torch.from_numpy(np.ascontiguousarray(srgb.encode(_folded(rgb)))).clamp(0.0, 1.0)[None]
    height, width = shown.shape[-2:]
    if min(height, width) < SMALLEST:
        raise BadRequest(
            f"The style {name} is {width}x{height} pixels; give a picture of at least {SMALLEST}x{SMALLEST}.",
            reason="STYLE_TOO_SMALL",
        )
    if float(shown.flatten(2).std(-1).max()) < 1e-3:
        raise BadRequest(
            f"The style {name} is of one colour only; give a picture with strokes in it.", reason="STYLE_EMPTY"
        )
    factor = -(-max(height, width) // _WORKING_SIDE)
    if min(height, width) // factor < SMALLEST:
        raise BadRequest(
            f"The style {name} is {width}x{height} pixels, a mere strip; crop it nearer to a square.",
            reason="STYLE_TOO_SMALL",
        )
    return torch.nn.functional.avg_pool2d(shown, factor) if factor > 1 else shown


def _folded(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scene-linear colour (3, H, W) whose brightest channel is display white, where it was beyond.

    The picture is darkened to mid-grey where it is brighter on the whole; the curve is Reinhard's with a white point
    ("Photographic tone reproduction for digital images", SIGGRAPH 2002), of the strongest channel so that hues stay.
    """
    peak = np.clip(light.max(0), 0.0, None)
    if float(peak.max()) <= 1.0:
        return light
    exposure = min(1.0, _GREY / float(np.exp(np.log(np.maximum(peak, 1e-4)).mean())))
    peak, white = peak * exposure, max(1.0, float(peak.max()) * exposure)
    folded: NDArray[np.float32] = (light * exposure * ((1.0 + peak / white**2) / (1.0 + peak))).astype(np.float32)
    return folded
