"""Motion measured ahead, on a thread of its own, while frames before it are painted and written."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from impasto.server.shots.motion import FrameMotion, Motion

_FRAMES = 2
"""Frames ahead."""


class Ahead:
    """Implements `impasto.server.shots.motion.Motion` by another, the frames that will be asked for next meanwhile.

    What motion is depends neither on when nor on which thread it is measured (torch keeps the number of threads of an
    operation by thread), so results are those of the other.

    Args:
        motion: of the shot.
        frames: of the shot, ascending.
        arrived: whether a frame's file is here; nothing is measured ahead that would have to wait for one.
    """

    def __init__(
        self, motion: Motion, frames: tuple[int, ...], arrived: Callable[[int], bool] = lambda frame: True
    ) -> None:
        self._motion, self._frames, self._arrived = motion, frames, arrived
        self.digest, self.measured = motion.digest, motion.measured
        self._pool = ThreadPoolExecutor(1, "impasto-motion")
        self._begun: OrderedDict[int, Future[FrameMotion]] = OrderedDict()
        self._last: int | None = None

    def frame(self, frame: int) -> FrameMotion:
        """See `Motion.frame`."""
        known = self._begun.pop(frame, None)
        if known is None:
            if frame != self._last:
                self._forget()
            known = self._pool.submit(self._motion.frame, frame)
        for following in self._following(frame):
            if following not in self._begun and self._here(following):
                self._begun[following] = self._pool.submit(self._motion.frame, following)
        self._last = frame
        return known.result()

    def _here(self, frame: int) -> bool:
        """Whether all is here that the motion of a frame is measured on."""
        return all(self._arrived(n) for n in (frame, *self._motion.neighbours(frame)) if n is not None)

    def _forget(self) -> None:
        """Leave what was begun and is not wanted; what is being measured is kept in the store."""
        for other in self._begun.values():
            other.cancel()
        self._begun.clear()

    def neighbours(self, frame: int) -> tuple[int | None, int | None]:
        """See `Motion.neighbours`."""
        return self._motion.neighbours(frame)

    def _following(self, frame: int) -> tuple[int, ...]:
        """The frames to come, where they are asked for one after the other, forwards or backwards."""
        if self._last is None or frame == self._last:
            return ()
        place = self._frames.index(frame)
        rest = self._frames[place + 1 :] if frame > self._last else self._frames[:place][::-1]
        return rest[:_FRAMES]

    def __enter__(self) -> Ahead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let what is being measured end, and begin nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
