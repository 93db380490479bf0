"""LiveService: frames in, frames out, as they come."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import structlog

from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest, ImpastoError, NoRoom
from impasto.server.jobs.inputs.places import Places
from impasto.server.jobs.queueing.figures import Figures
from impasto.v1.live_pb2 import (
    LIVE_OVERFLOW_DROP_OLDEST,
    LiveFigures,
    LivePart,
    LiveStarted,
    StylizeRequest,
    StylizeResponse,
)
from impasto.v1.live_pb2_grpc import LiveServiceServicer

PART = 1 << 20
QUEUE = 4

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Arrived:
    """A whole frame.

    Attributes:
        number: as its sender numbered it.
        pixels: its bytes.
        at: when its last byte came, in seconds of `time.perf_counter`.
    """

    number: int
    pixels: bytearray
    at: float


class Inlet:
    """Frames that wait: filled by a thread that reads the stream, emptied by the one that paints.

    Args:
        requests: the stream, after its settings.
        frame_bytes: of one frame; more are refused before they are kept.
        most: frames that may wait.
        drop: whether the oldest gives way when as many wait; else the sender waits.
    """

    def __init__(self, requests: Iterator[StylizeRequest], frame_bytes: int, most: int, drop: bool) -> None:
        self._requests, self._frame_bytes, self._most, self._drop = requests, frame_bytes, most, drop
        self._changed = threading.Condition()
        self._waiting: deque[Arrived] = deque()
        self._ended = False
        self._error: ImpastoError | None = None
        self.dropped = 0
        threading.Thread(target=self._read, name="impasto-live-inlet", daemon=True).start()

    def next(self) -> Arrived | None:
        """The next frame, waiting for it; None after the last.

        Raises:
            ImpastoError: the stream is not as it should be.
        """
        with self._changed:
            while not self._waiting and not self._ended:
                self._changed.wait()
            if self._waiting:
                arrived = self._waiting.popleft()
                self._changed.notify_all()
                return arrived
            if self._error is not None:
                raise self._error
            return None

    def close(self) -> None:
        """Nothing more is wanted."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _read(self) -> None:
        pixels = bytearray()
        try:
            for request in self._requests:
                if request.WhichOneof("part") != "frame":
                    raise BadRequest("After its settings a live stream holds frames only.", reason="LIVE_INVALID")
                pixels += request.frame.pixels
                if len(pixels) > self._frame_bytes:
                    raise BadRequest(
                        f"A frame has {self._frame_bytes} bytes and more came; send frames as the settings say.",
                        reason="LIVE_INVALID",
                    )
                if request.frame.more:
                    continue
                if not self._put(Arrived(request.frame.number, pixels, time.perf_counter())):
                    return
                pixels = bytearray()
        except ImpastoError as error:
            self._error = error
        except Exception as error:  # the caller is gone
            log.debug("live stream ended", error=str(error))
        self.close()

    def _put(self, arrived: Arrived) -> bool:
        with self._changed:
            while len(self._waiting) >= self._most and not self._ended:
                if self._drop:
                    self._waiting.popleft()
                    self.dropped += 1
                else:
                    self._changed.wait()
            self._waiting.append(arrived)
            self._changed.notify_all()
            return not self._ended


class LiveService(LiveServiceServicer):
    """Paints streams, a few at once.

    Args:
        places: finds the styles' files.
        config: the server's limits.
        figures: counts frames.
    """

    def __init__(self, places: Places, config: ServerConfig, figures: Figures) -> None:
        self._places, self._config, self._figures = places, config, figures
        self._open = threading.BoundedSemaphore(config.max_live)

    def Stylize(  # noqa: N802
        self, request_iterator: Iterator[StylizeRequest], context: grpc.ServicerContext
    ) -> Iterator[StylizeResponse]:
        """Paint a stream of frames."""
        first = next(request_iterator, None)
        if first is None or first.WhichOneof("part") != "settings":
            raise BadRequest("A live stream begins with its settings.", reason="LIVE_INVALID")
        if not self._open.acquire(blocking=False):
            raise NoRoom(
                f"The server paints {self._config.max_live} live streams at once and has as many; wait for one to end, "
                "or raise max_live of the server.",
                reason="LIVE_FULL",
            )
        try:
            yield from self._paint(first, request_iterator, context)
        finally:
            self._open.release()

    def _paint(
        self, first: StylizeRequest, requests: Iterator[StylizeRequest], context: grpc.ServicerContext
    ) -> Iterator[StylizeResponse]:
        from impasto.server.jobs.live import LiveStream

        wish = first.settings
        stream = LiveStream(wish, self._places, self._config)
        drop = wish.overflow == LIVE_OVERFLOW_DROP_OLDEST
        inlet = Inlet(requests, stream.frame_bytes, wish.queue or QUEUE, drop)
        context.add_callback(inlet.close)
        log.info("live stream begins", width=wish.width, height=wish.height, style=wish.style.name)
        count = 0
        try:
            yield StylizeResponse(started=LiveStarted(choices=stream.choices()))
            while (arrived := inlet.next()) is not None:
                begun = time.perf_counter()
                made = stream.make(arrived.pixels)
                figures = LiveFigures(
                    latency_seconds=time.perf_counter() - arrived.at,
                    queued_seconds=begun - arrived.at,
                    dropped=inlet.dropped,
                    carried=made.carried,
                    bare=made.bare,
                    paint_age=made.age,
                    warming=made.warming,
                )
                count += 1
                yield from _parts(arrived.number, made.pixels, figures)
        finally:
            inlet.close()
            stream.close()
            self._figures.add("live_frames", "painted", count)
            self._figures.add("live_frames", "dropped", inlet.dropped)
            log.info("live stream ended", frames=count, dropped=inlet.dropped)


def _parts(number: int, pixels: bytes, figures: LiveFigures) -> Iterator[StylizeResponse]:
    view = memoryview(pixels)
    for start in range(0, len(view), PART):
        more = start + PART < len(view)
        part = LivePart(number=number, pixels=bytes(view[start : start + PART]), more=more)
        yield StylizeResponse(frame=part, figures=None if more else figures)
