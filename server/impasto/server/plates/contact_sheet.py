"""A picture of many pictures, for people: plate, paint, motion as colour, occlusion."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_MARGIN, _HEADING = 8, 28
_PAPER, _INK = 0.12, 0.85


def flow_colours(motion: NDArray[np.float32], largest: float | None = None) -> NDArray[np.float32]:
    """Motion as colour: hue is its direction, saturation its length, white is rest.

    The wheel runs from red (right) over yellow (down), green, cyan (left), blue and magenta back, with more hues where
    eyes tell more apart, after Baker et al., "A Database and Evaluation Methodology for Optical Flow", 2011.

    Args:
        motion: (2, H, W) in pixels, x right, y down.
        largest: length of full saturation; by default the 99th percentile of this motion, at least one pixel.

    Returns:
        (H, W, 3) float32, display-like 0..1; what is longer than `largest` is darkened.
    """
    x, y = np.nan_to_num(motion.astype(np.float64))
    length = np.hypot(x, y)
    full = largest if largest else max(1.0, float(np.percentile(length, 99)))
    turn = (np.arctan2(y, x) / (2 * np.pi)) % 1.0
    size = (length / full)[..., None]
    stops = np.cumsum([0, 15, 6, 4, 11, 13, 6]) / 55
    colours = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 0]], np.float64)
    hue = np.stack([np.interp(turn, stops, colours[:, channel]) for channel in range(3)], axis=-1)
    return np.where(size <= 1, 1 - size * (1 - hue), 0.75 * hue).astype(np.float32)


def contact_sheet(
    rows: Sequence[Sequence[NDArray[np.float32]]],
    columns: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> bytes:
    """Lay pictures out in rows and columns.

    Args:
        rows: pictures (H, W, 3) display-like 0..1, all of one size; values outside are clipped, NaN is black.
        columns: a heading for each column.
        labels: a label for each row, written into its first picture.

    Returns:
        The sheet as a PNG file.

    Raises:
        ValueError: there are no pictures, or their sizes differ.
    """
    shapes = {picture.shape for row in rows for picture in row}
    if len(shapes) != 1:
        raise ValueError(f"a contact sheet takes pictures of one size, not {sorted(shapes)}")
    height, width, _ = shapes.pop()
    across = max(len(row) for row in rows)
    top = _MARGIN + (_HEADING if columns else 0)
    sheet = np.full((top + len(rows) * (height + _MARGIN), _MARGIN + across * (width + _MARGIN), 3), _PAPER, np.float32)
    for r, row in enumerate(rows):
        for c, picture in enumerate(row):
            y, x = top + r * (height + _MARGIN), _MARGIN + c * (width + _MARGIN)
            sheet[y : y + height, x : x + width] = np.clip(np.nan_to_num(picture), 0, 1)
    pixels = np.ascontiguousarray((sheet[..., ::-1] * 255 + 0.5).astype(np.uint8))
    for c, heading in enumerate(columns):
        _write(pixels, heading, _MARGIN + c * (width + _MARGIN), _MARGIN + 16)
    for r, label in enumerate(labels):
        _write(pixels, label, _MARGIN + 6, top + r * (height + _MARGIN) + 20)
    made, png = cv2.imencode(".png", pixels)
    assert made
    return bytes(png)


def _write(pixels: NDArray[np.uint8], text: str, x: int, y: int) -> None:
    ink = int(_INK * 255)
    for shade, shift in ((0, 1), (ink, 0)):
        place = (x + shift, y + shift)
        cv2.putText(pixels, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (shade,) * 3, 1, cv2.LINE_AA)
