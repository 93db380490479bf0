"""Frames of a video file as plates, through PyAV."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from impasto.server.errors import FrameError, PlateError
from impasto.server.plates.header import Header
from impasto.server.plates.limits import DEFAULT, Limits
from impasto.server.plates.pictures import plate_of
from impasto.server.plates.plate import Plate, Window

_CACHE_BYTES = 1 << 28
_CACHE_FRAMES = 32
_HD_HEIGHT = 720


class VideoReader:
    """The frames of a video file, counted from 1 as Nuke counts them, decoded in order from the start.

    A frame already passed is found in a bounded cache, else decoding begins anew: no seeking, whose result can depend
    on where it lands. May be used from several threads. Values are taken as sRGB.

    Args:
        path: the file.
        limits: the largest frame that is read.

    Raises:
        PlateError: the file is missing, damaged or holds no video.
    """

    def __init__(self, path: Path, limits: Limits = DEFAULT) -> None:
        self._path, self._lock = path, threading.Lock()
        self._kept: OrderedDict[int, NDArray[Any]] = OrderedDict()
        self._decoding: Iterator[NDArray[Any]] = iter(())
        self._next = 0
        try:
            with av.open(str(path)) as container:
                stream = container.streams.video[0]
                width, height = stream.width, stream.height
                window = Window(0, 0, width, height)
                limits.check(str(path), window, [np.dtype(np.float32)] * 3)
                rate, aspect = stream.average_rate, stream.sample_aspect_ratio
                count = sum(1 for packet in container.demux(stream) if packet.size and not packet.is_discard)
        except (av.FFmpegError, IndexError, OSError) as error:
            raise PlateError(
                f"{path} is no video that can be read ({error}); convert it to EXR frames or another video format"
            ) from error
        if not count or not width or not height:
            raise PlateError(f"{path} holds no video frames; convert it to EXR frames or another video format")
        attributes: dict[str, Any] = {}
        if rate:
            attributes["framesPerSecond"] = Fraction(rate)
        if aspect and aspect != 1:
            attributes["pixelAspectRatio"] = float(aspect)
        self._header = Header(
            channels=dict.fromkeys("RGB", np.dtype(np.float32)),
            data_window=window,
            display_window=window,
            attributes=attributes,
            encoding="srgb",
            source=str(path),
        )
        self._most = max(2, min(_CACHE_FRAMES, _CACHE_BYTES // (width * height * 6)))
        self.frames: tuple[int, ...] = tuple(range(1, count + 1))

    def header(self, frame: int) -> Header:
        """The header all frames share.

        Raises:
            FrameError: there is no such frame.
        """
        self._check(frame)
        return self._header

    def read(self, frame: int) -> Plate:
        """One frame.

        Raises:
            FrameError: there is no such frame, or it cannot be decoded.
        """
        self._check(frame)
        with self._lock:
            pixels = self._pixels(frame)
        return plate_of(pixels, self._header)

    def _check(self, frame: int) -> None:
        if not 1 <= frame <= len(self.frames):
            raise FrameError(
                f"{self._path} has frames 1-{len(self.frames)} and no frame {frame}; correct the frame range",
                frame=frame,
            )

    def _pixels(self, frame: int) -> NDArray[Any]:
        if frame in self._kept:
            self._kept.move_to_end(frame)
            return self._kept[frame]
        if not self._next or frame < self._next:
            self._decoding, self._next = self._decode(), 1
        try:
            while self._next <= frame:
                self._kept[self._next] = next(self._decoding)
                self._kept.move_to_end(self._next)
                self._next += 1
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        except (av.FFmpegError, StopIteration, OSError, ValueError) as error:
            self._next = 0
            raise FrameError(
                f"frame {frame} of {self._path} cannot be decoded; convert the video to EXR frames", frame=frame
            ) from error
        return self._kept[frame]

    def _decode(self) -> Iterator[NDArray[Any]]:
        with av.open(str(self._path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            for frame in container.decode(stream):
                yield _pixels(frame)


def _pixels(frame: av.VideoFrame) -> NDArray[Any]:
    """Blue, green and red (H, W, 3), 8 bits where the video has 8, else 16."""
    deep = any(component.bits > 8 for component in frame.format.components)
    stored = frame.colorspace
    if stored not in (Colorspace.ITU709, Colorspace.ITU601, Colorspace.SMPTE240M, Colorspace.FCC):
        stored = Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601
    same = frame.reformat(format="bgr48le" if deep else "bgr24", src_colorspace=stored, dst_color_range=ColorRange.JPEG)
    return same.to_ndarray()
