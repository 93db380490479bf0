"""A video to look at: H.264 in MP4, through PyAV."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

RATE = Fraction(24)
"""Frames a second where the plate names none."""
LARGEST = 1920
"""Pixels of the longer side, at most."""
_QUALITY = "18"


def preview(pictures: Iterable[NDArray[np.float32]], rate: Fraction = RATE) -> bytes:
    """Encode pictures as a video that players and browsers show: 8 bits, 4:2:0, BT.709.

    Args:
        pictures: (H, W, 3) each, display-like 0..1, all of one size; values outside are clipped, NaN is black. Large
            ones are reduced, odd sides lose their last row or column, sides of one pixel are doubled.
        rate: frames a second.

    Returns:
        The MP4 file.

    Raises:
        ValueError: there are no pictures.
    """
    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as container:
        stream = None
        for picture in pictures:
            pixels = _pixels(picture)
            if stream is None:
                stream = container.add_stream("libx264", rate=rate, options={"crf": _QUALITY, "preset": "medium"})
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.colorspace = int(Colorspace.ITU709)
                stream.codec_context.color_range = int(ColorRange.MPEG)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame = frame.reformat(
                format="yuv420p",
                src_color_range=ColorRange.JPEG,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            container.mux(stream.encode(frame))
        if stream is None:
            raise ValueError("a preview needs at least one picture")
        container.mux(stream.encode())
    return content.getvalue()


def _pixels(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    factor = min(1.0, LARGEST / max(height, width))
    size = [max(2, int(side * factor) // 2 * 2) for side in (width, height)]
    shown = np.clip(np.nan_to_num(picture), 0, 1)
    if factor < 1 or 1 in (height, width):
        shown = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray((shown[: size[1], : size[0]] * 255 + 0.5).astype(np.uint8))
