"""Answers over a pipe between processes: pixels travel as raw bytes beside the pickled rest (pickle protocol 5)."""

from __future__ import annotations

import pickle
import struct
from typing import Any

import numpy as np


def send(stream: Any, answer: Any) -> None:
    """Write one answer; `stream` is unbuffered."""
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


def receive(stream: Any) -> Any:
    """Read one answer.

    Raises:
        EOFError: the other side has ended.
    """
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
