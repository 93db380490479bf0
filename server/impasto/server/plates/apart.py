"""Decoding in processes apart: a file that crashes its decoder, or blows up in memory, takes one of them and no more.

What runs in them is `decoder.py`; questions and answers go over pipes (`piped.py`).
"""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from impasto.server import errors
from impasto.server.errors import FrameError, PlateError
from impasto.server.plates.header import Header
from impasto.server.plates.limits import Limits
from impasto.server.plates.piped import receive, send
from impasto.server.plates.plate import Plate

READS = 256
"""Files after which a worker is replaced, so that what decoders leak does not add up."""
SECONDS = 300.0
"""Longest time a file may take."""


class Apart:
    """Workers that decode; may be asked from several threads.

    Args:
        seconds: longest time a file may take.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._closed = False

    def ask(self, what: str, path: Path, limits: Limits, *more: Any) -> Any:
        """Have something done with a file.

        Args:
            what: header, head, read, video or frame.
            path: the file.
            limits: the largest picture taken.
            *more: the frame, where a frame of a video is asked for.

        Raises:
            FrameError: it cannot be read, also where its decoder crashed, took too long or too much memory.
        """
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        worker = worker or _Worker()
        try:
            kind, *answer = worker.ask((what, path.absolute(), limits, *more), self._seconds)
        except (OSError, EOFError, pickle.UnpicklingError):
            how = worker.end()
            raise PlateError(
                f"{path} made its decoder {how}; it is damaged or meant to do harm: render it again", path=path
            ) from None
        except BaseException:
            worker.end()
            raise
        with self._lock:
            keep = not self._closed and worker.asked < READS
            if keep:
                self._idle.append(worker)
        if not keep:
            worker.end()
        if kind == "error":
            name, message, reason, metadata = answer
            raise getattr(errors, name)(message, reason=reason, **metadata)
        return answer[0]

    def read(self, path: Path, limits: Limits) -> Plate:
        """As `impasto.server.plates.read`."""
        plate: Plate = self.ask("read", path, limits)
        return plate

    def read_header(self, path: Path, limits: Limits) -> Header:
        """As `impasto.server.plates.read_header`."""
        header: Header = self.ask("header", path, limits)
        return header

    def read_head(self, path: Path, limits: Limits) -> Header:
        """As `impasto.server.plates.read_head`."""
        header: Header = self.ask("head", path, limits)
        return header

    def close(self) -> None:
        """End the workers."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()


class ApartVideo:
    """The frames of a video decoded apart; a `Reader` like `VideoReader`.

    Args:
        apart: decodes.
        path: the file.
        limits: the largest frame taken.

    Raises:
        PlateError: as `VideoReader`.
    """

    def __init__(self, apart: Apart, path: Path, limits: Limits) -> None:
        self._apart, self._path, self._limits = apart, path, limits
        count, self._header = apart.ask("video", path, limits)
        self.frames: tuple[int, ...] = tuple(range(1, count + 1))

    def header(self, frame: int) -> Header:
        """The header all frames share; raises `FrameError`."""
        if not 1 <= frame <= len(self.frames):
            raise FrameError(
                f"{self._path} has frames 1-{len(self.frames)} and no frame {frame}; correct the frame range",
                frame=frame,
            )
        header: Header = self._header
        return header

    def read(self, frame: int) -> Plate:
        """One frame; raises `FrameError`."""
        plate: Plate = self._apart.ask("frame", self._path, self._limits, frame)
        return plate


class _Worker:
    """One process."""

    def __init__(self) -> None:
        self.asked = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "impasto.server.plates.decoder"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )

    def ask(self, question: tuple[Any, ...], seconds: float) -> Any:
        self.asked += 1
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        try:
            send(process.stdin, question)
            return receive(process.stdout)
        finally:
            timer.cancel()

    def end(self) -> str:
        """End it, and say how it was found."""
        process = self._process
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        try:
            code = process.wait(0.5)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        return f"crash (signal {-code})" if code < 0 else "end"
