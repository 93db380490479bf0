"""The program that decodes apart: it is asked over its standard input and answers over what was its standard output.

Started by `Apart`; a file that crashes it, or blows up in memory, takes it and no more.
"""

from __future__ import annotations

import contextlib
import copyreg
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from impasto.server.errors import ImpastoError, NoRoom
from impasto.server.plates import reader
from impasto.server.plates.limits import Limits
from impasto.server.plates.piped import receive, send
from impasto.server.plates.video import VideoReader

SPARE = 768 << 20
"""Bytes a decoder may take beside six times what the header promises."""
TIMES = 6
VIDEO = 2 << 30
"""Bytes a video's decoder may take: its header does not say what it needs."""


def _answer(videos: dict[Path, Any], what: str, path: Path, limits: Limits, *more: Any) -> Any:
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
            question = receive(questions)
        except EOFError:
            return
        try:
            send(answers, ("ok", _answer(videos, *question)))
        except (MemoryError, NoRoom):
            sentence = f"{question[1]} needs more memory to decode than its header promises; render it again"
            send(answers, ("error", "PlateError", sentence, "PLATE_TOO_BIG", {}))
        except ImpastoError as error:
            send(answers, ("error", type(error).__name__, error.message, error.reason, error.metadata))
        except Exception as error:  # whatever a decoder thinks of
            sentence = f"{question[1]} cannot be decoded ({type(error).__name__}: {error}); render it again"
            send(answers, ("error", "PlateError", sentence, "PLATE_UNREADABLE", {}))


if __name__ == "__main__":
    main()
