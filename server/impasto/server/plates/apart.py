"""Decoding in processes apart: a file that crashes its decoder, or blows up in memory, takes one of them and no more.

A worker is this file run as a program. It is asked over its standard input and answers over what was its standard
output; pixels travel as raw bytes beside the pickled rest (pickle protocol 5).
"""

from __future__ import annotations

import contextlib
import copyreg
import os
import pickle
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from impasto.server import errors
from impasto.server.errors import FrameError, ImpastoError, NoRoom, PlateError
from impasto.server.plates.header import Header
from impasto.server.plates.limits import Limits
from impasto.server.plates.plate import Plate

READS = 256
"""Files after which a worker is replaced, so that what decoders leak does not add up."""
SECONDS = 300.0
"""Longest time a file may take."""
SPARE = 768 << 20
"""Bytes a decoder may take beside six times what the header promises."""
TIMES = 6
VIDEO = 2 << 30
"""Bytes a video's decoder may take: its header does not say what it needs."""


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
            [sys.executable, "-m", "impasto.server.plates.apart"],
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
            _send(process.stdin, question)
            return _receive(process.stdout)
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


def _send(stream: Any, answer: Any) -> None:
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(answer, 5, buffer_callback=buffers.append)
    views: list[Any] = [buffer.raw() for buffer in buffers]
    head = struct.pack(f"<QI{len(views)}Q", len(body), len(views), *(view.nbytes for view in views))
    pieces: list[Any] = [struct.pack("<I", len(head)), head, body, *views]
    for piece in pieces:
        view = memoryview(piece)
        while view:
            view = view[stream.write(view) :]
    stream.flush()


def _receive(stream: Any) -> Any:
    (length,) = struct.unpack("<I", _exactly(stream, 4))
    head = bytes(_exactly(stream, length))
    body_size, count = struct.unpack_from("<QI", head)
    sizes = struct.unpack_from(f"<{count}Q", head, 12)
    body = _exactly(stream, body_size)
    return pickle.loads(body, buffers=[_exactly(stream, size) for size in sizes])


def _exactly(stream: Any, size: int) -> Any:
    filled: Any = np.empty(size, np.uint8)
    view = memoryview(filled)
    while view:
        count = stream.readinto(view)
        if not count:
            raise EOFError
        view = view[count:]
    return filled.data


# In the worker


def _answer(videos: dict[Path, Any], what: str, path: Path, limits: Limits, *more: Any) -> Any:
    from impasto.server.plates import reader
    from impasto.server.plates.video import VideoReader

    if what in ("video", "frame"):
        _allow(VIDEO)
        if path not in videos:
            videos.clear()
            videos[path] = VideoReader(path, limits)
        found = videos[path]
        return found.read(*more) if what == "frame" else (len(found.frames), found.header(1))
    _allow(0)
    if what == "head":
        return reader.read_head(path, limits)
    header = reader.read_header(path, limits)
    if what == "header":
        return header
    window = header.data_window
    _allow(TIMES * window.width * window.height * sum(dtype.itemsize for dtype in header.channels.values()))
    return reader.read(path, limits)


def _allow(size: int) -> None:
    """Let the process grow by so many bytes and the spare; systems that cannot are left as they are."""
    if sys.platform == "win32":
        return
    import resource

    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * os.sysconf("SC_PAGE_SIZE") + size + SPARE
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most if hard < 0 else min(most, hard), hard))


def _teach_pickle() -> None:
    """OpenEXR's own attribute types, by what they are made of."""
    import OpenEXR

    def of(*names: str) -> Any:
        return lambda value: (type(value), tuple(getattr(value, name) for name in names))

    copyreg.pickle(OpenEXR.PreviewImage, lambda value: (OpenEXR.PreviewImage, (np.array(value.pixels),)))
    copyreg.pickle(OpenEXR.OpaqueAttribute, of("data", "typeName"))
    copyreg.pickle(OpenEXR.Rational, of("n", "d"))
    keys = ("filmMfcCode", "filmType", "prefix", "count", "perfOffset", "perfsPerFrame", "perfsPerCount")
    copyreg.pickle(OpenEXR.KeyCode, of(*keys))
    copyreg.pickle(OpenEXR.Envmap, lambda value: (OpenEXR.Envmap, (int(value.value),)))
    copyreg.pickle(OpenEXR.TimeCode, _reduce_timecode)


def _reduce_timecode(value: Any) -> Any:
    names = ("hours", "minutes", "seconds", "frame", "dropFrame", "colorFrame", "fieldPhase", "bgf0", "bgf1", "bgf2")
    numbers = tuple(getattr(value, name) for name in names)
    # OpenEXR 3.5's `binaryGroup` is a property that wants an argument; the same bits are in `userData`.
    groups = tuple(value.userData >> (4 * place) & 15 for place in range(8))
    return type(value), (*numbers, *groups)


def main() -> None:
    """Answer until nobody asks any more."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # decoders write to standard output
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if hasattr(os, "sched_setaffinity"):  # the thread that began us may be bound to a few cores; we serve others too
        os.sched_setaffinity(0, os.sched_getaffinity(os.getppid()))
    questions = os.fdopen(0, "rb", buffering=0)
    _teach_pickle()
    videos: dict[Path, Any] = {}
    while True:
        try:
            question = _receive(questions)
        except EOFError:
            return
        try:
            _send(answers, ("ok", _answer(videos, *question)))
        except (MemoryError, NoRoom):
            sentence = f"{question[1]} needs more memory to decode than its header promises; render it again"
            _send(answers, ("error", "PlateError", sentence, "PLATE_TOO_BIG", {}))
        except ImpastoError as error:
            _send(answers, ("error", type(error).__name__, error.message, error.reason, error.metadata))
        except Exception as error:  # whatever a decoder thinks of
            sentence = f"{question[1]} cannot be decoded ({type(error).__name__}: {error}); render it again"
            _send(answers, ("error", "PlateError", sentence, "PLATE_UNREADABLE", {}))


if __name__ == "__main__":
    main()
