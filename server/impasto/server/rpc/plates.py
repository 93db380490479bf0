"""PlateService: files in and out, named by their content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import grpc

from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest, NotFound
from impasto.server.jobs.queueing.figures import Figures
from impasto.server.jobs.queueing.queue import Queue
from impasto.server.jobs.records.cache import Cache
from impasto.server.jobs.records.store import JobStore
from impasto.server.rpc.auth import Users
from impasto.server.rpc.throttle import Throttle
from impasto.v1.plate_pb2 import (
    DownloadRequest,
    DownloadResponse,
    FindMissingRequest,
    FindMissingResponse,
    MissingFile,
    UploadRequest,
    UploadResponse,
)
from impasto.v1.plate_pb2_grpc import PlateServiceServicer

CHUNK = 1 << 20

_SHA256 = re.compile("[0-9a-f]{64}")


class PlateService(PlateServiceServicer):
    """Answers for the cache, and for frames written into the server's state.

    Args:
        cache: takes uploads.
        store: knows the frames written.
        queue: told of what arrived.
        users: says whose a call is.
        config: the largest file taken, and how fast a user may send.
        figures: counts bytes.
    """

    def __init__(
        self, cache: Cache, store: JobStore, queue: Queue, users: Users, config: ServerConfig, figures: Figures
    ) -> None:
        self._cache, self._store, self._queue, self._users = cache, store, queue, users
        self._figures = figures
        self._largest, self._throttle = config.max_bytes, Throttle(config.upload_rate)

    def FindMissing(self, request: FindMissingRequest, context: grpc.ServicerContext) -> FindMissingResponse:  # noqa: N802
        """Say which files are not held, and how much of each has arrived."""
        names = list(dict.fromkeys(_checked(sha256) for sha256 in request.sha256))
        return FindMissingResponse(
            files=[
                MissingFile(sha256=sha256, received=self._cache.received(sha256))
                for sha256 in names
                if self._cache.file(sha256) is None
            ]
        )

    def Upload(self, request_iterator: Iterator[UploadRequest], context: grpc.ServicerContext) -> UploadResponse:  # noqa: N802
        """Take one file, or the rest of it."""
        first = next(request_iterator, None)
        if first is None or first.WhichOneof("part") != "header":
            raise BadRequest("An upload begins with a header that names the file.", reason="UPLOAD_INVALID")
        header = first.header
        sha256 = _checked(header.sha256)
        if header.size > self._largest:
            raise BadRequest(
                f"The file is {header.size} bytes and at most {self._largest} are taken; see max_bytes of the server.",
                reason="FILE_TOO_LARGE",
            )
        user = self._users.of(context)
        chunks = self._slowed(user, sha256, header.offset, _chunks(request_iterator))
        received = self._cache.receive(sha256, header.size, header.offset, chunks)
        self._queue.came(sha256, received, received == header.size)
        return UploadResponse(received=received)

    def _slowed(self, user: str, sha256: str, received: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks of a file no faster than its user may send, the queue told of each that is written."""
        for chunk in chunks:
            self._throttle.take(user, len(chunk))
            self._figures.add("bytes", "received", len(chunk))
            yield chunk
            received += len(chunk)
            self._queue.came(sha256, received, whole=False)

    def Download(self, request: DownloadRequest, context: grpc.ServicerContext) -> Iterator[DownloadResponse]:  # noqa: N802
        """Send one file, or the rest of it."""
        sha256 = _checked(request.sha256)
        path = self._store.result(sha256) or self._cache.file(sha256)
        if path is None:
            raise NotFound(
                f"The server holds no file {sha256[:12]}...; its job may be gone, render it again.",
                reason="FILE_UNKNOWN",
            )
        for answer in _read(path, request.offset):
            self._figures.add("bytes", "sent", len(answer.chunk))
            yield answer


def _read(path: Path, offset: int) -> Iterator[DownloadResponse]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise NotFound(f"{path.name} is gone; render it again.", reason="FILE_UNKNOWN") from error
    with file:
        if offset > path.stat().st_size:
            raise BadRequest(f"Byte {offset} is behind the end of the file.", reason="VALUE_INVALID")
        file.seek(offset)
        while chunk := file.read(CHUNK):
            yield DownloadResponse(chunk=chunk)


def _chunks(requests: Iterator[UploadRequest]) -> Iterator[bytes]:
    for request in requests:
        if request.WhichOneof("part") != "chunk":
            raise BadRequest("After its header an upload holds chunks only.", reason="UPLOAD_INVALID")
        yield request.chunk


def _checked(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise BadRequest(
            f"'{sha256[:80]}' is no SHA-256; files are named by 64 lower-case hexadecimal digits.",
            reason="DIGEST_INVALID",
        )
    return sha256
