"""Frames in, frames out, as they come: a live stream of one server."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc

from impasto.client.connection import Connection
from impasto.client.errors import BadRequestError, from_rpc
from impasto.client.streams import apart
from impasto.v1 import live_pb2

FORMATS: Mapping[str, tuple[live_pb2.PixelFormat, int]] = {
    "rgb8": (live_pb2.PIXEL_FORMAT_RGB_8, 3),
    "rgba8": (live_pb2.PIXEL_FORMAT_RGBA_8, 4),
    "half": (live_pb2.PIXEL_FORMAT_RGBA_HALF, 8),
}
"""Of the pixels, with the bytes of one: sRGB bytes, or scene-linear half floats; rows from the top, no gaps."""

_PART = 1 << 20
_AHEAD = 2


@dataclass(frozen=True)
class LiveFrame:
    """A painted frame.

    Attributes:
        number: as it was sent.
        pixels: in the stream's format.
        latency: seconds on the server, from its last byte in to its first byte out.
        queued: seconds of these that it waited.
        dropped: frames of the stream dropped so far.
        carried: share of its pixels whose paint came from an earlier frame, 0..1.
        bare: share that no painting has reached, 0..1.
        age: frames since the newest painting it shows.
        warming: whether exposure and statistics are still being found out.
    """

    number: int
    pixels: bytes
    latency: float
    queued: float
    dropped: int
    carried: float
    bare: float
    age: int
    warming: bool


class LiveStream(Iterator[LiveFrame]):
    """A stream: `send` frames from one thread, iterate over the painted ones in another.

    After `finish` the iteration ends with the last frame. Made by `Client.live`; use it in a `with` block.

    Attributes:
        choices: what the server decided, by name.
        frame_bytes: of one frame.
    """

    def __init__(self, connection: Connection, settings: live_pb2.LiveSettings, pixel_bytes: int) -> None:
        self.frame_bytes = settings.width * settings.height * pixel_bytes
        self._address = connection.address
        self._out: queue.Queue[tuple[int, bytes] | None] = queue.Queue(_AHEAD)
        self._over = threading.Event()
        self._finished = False
        call = connection.live.Stylize(self._requests(settings), metadata=connection.metadata)
        self._answers: Iterator[Any] = apart(call)
        self._cancel = call.cancel
        first = self._next()
        self.choices: dict[str, str] = dict(first.started.choices) if first is not None else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, number: int, pixels: bytes) -> bool:
        """Send a frame; waits where the server does not keep up, unless it drops frames.

        Returns:
            False where the stream has ended; iterating tells why.

        Raises:
            BadRequestError: it has another size than the stream's frames.
        """
        if len(pixels) != self.frame_bytes:
            raise BadRequestError(
                f"Frame {number} has {len(pixels)} bytes, and frames of this stream {self.frame_bytes}.",
                reason="LIVE_INVALID",
            )
        return self._put((number, pixels))

    def finish(self) -> None:
        """No frame follows."""
        if not self._finished:
            self._finished = True
            self._put(None)

    def close(self) -> None:
        """End the stream now."""
        self._over.set()
        self._cancel()

    def __next__(self) -> LiveFrame:
        """The next painted frame."""
        pixels = bytearray()
        while (response := self._next()) is not None:
            pixels += response.frame.pixels
            if not response.frame.more:
                told = response.figures
                return LiveFrame(
                    number=response.frame.number,
                    pixels=bytes(pixels),
                    latency=told.latency_seconds,
                    queued=told.queued_seconds,
                    dropped=told.dropped,
                    carried=told.carried,
                    bare=told.bare,
                    age=told.paint_age,
                    warming=told.warming,
                )
        raise StopIteration

    def _next(self) -> live_pb2.StylizeResponse | None:
        try:
            response: live_pb2.StylizeResponse = next(self._answers)
        except StopIteration:
            self._over.set()
            return None
        except grpc.RpcError as error:
            ended_here = self._over.is_set()
            self._over.set()
            if ended_here:
                return None
            raise from_rpc(error, self._address) from error
        return response

    def _put(self, item: tuple[int, bytes] | None) -> bool:
        while not self._over.is_set():
            try:
                self._out.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def _requests(self, settings: live_pb2.LiveSettings) -> Iterator[live_pb2.StylizeRequest]:
        yield live_pb2.StylizeRequest(settings=settings)
        while not self._over.is_set():
            try:
                item = self._out.get(timeout=0.1)
            except queue.Empty:
                continue
            if item is None:
                return
            number, pixels = item
            view = memoryview(pixels)
            for start in range(0, len(view), _PART):
                part = live_pb2.LivePart(
                    number=number, pixels=bytes(view[start : start + _PART]), more=start + _PART < len(view)
                )
                yield live_pb2.StylizeRequest(frame=part)
