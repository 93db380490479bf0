"""Files to and from the server, by content, in chunks; what broke off is gone on with."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import grpc

from impasto.client.connection import Connection, Patience, read_chunks
from impasto.client.errors import BadRequestError, JobFailed, from_rpc
from impasto.v1 import plate_pb2

CHUNK = 1 << 20
"""Bytes in one message."""


def upload(
    connection: Connection, files: Mapping[str, Path], patience: float, heads: Collection[str] = (), head: int = 0
) -> Iterator[int]:
    """Send files the server lacks, in the order given.

    Args:
        connection: to the server.
        files: path by SHA-256.
        patience: seconds without a line before giving up.
        heads: those whose first bytes are sent before all else.
        head: how many bytes of each.

    Yields:
        Bytes the server gained, after each piece.

    Raises:
        ImpastoError: the server refuses, or a file cannot be read.
    """
    sent = dict.fromkeys(files, 0)
    for sha256 in heads if head else ():
        if sha256 in files:
            sent[sha256] = _upload_one(connection, sha256, files[sha256], Patience(patience), head)
            yield sent[sha256]
    for sha256, path in files.items():
        yield max(0, _upload_one(connection, sha256, path, Patience(patience)) - sent[sha256])


def _upload_one(connection: Connection, sha256: str, path: Path, patience: Patience, first: int | None = None) -> int:
    """Send a file, or its first bytes; gives how many of it the server then has."""
    size = _size(path)
    goal = size if first is None else min(first, size)
    while True:
        try:
            offset = _received(connection, sha256, patience.seconds)
            if offset is None:
                return size
            if offset >= goal and goal < size:
                return offset
            requests = _requests(path, sha256, size, offset, goal)
            answer = connection.answer(connection.plates.Upload, requests, patience.seconds)
        except grpc.RpcError as error:
            if not patience.allows(error):
                raise from_rpc(error, connection.address) from error
            continue
        except OSError as error:
            raise BadRequestError(f"{path} cannot be read: {error.strerror or error}.", reason="FILE_GONE") from error
        if answer.received < goal:
            raise JobFailed(f"{path} did not arrive whole on {connection.address}; try again.", reason="UPLOAD_BROKEN")
        return goal


def _received(connection: Connection, sha256: str, patience: float) -> int | None:
    """Bytes of the file the server holds, None for all."""
    request = plate_pb2.FindMissingRequest(sha256=[sha256])
    missing = connection.answer(connection.plates.FindMissing, request, patience).files
    return missing[0].received if missing else None


def _requests(path: Path, sha256: str, size: int, offset: int, goal: int) -> Iterator[plate_pb2.UploadRequest]:
    yield plate_pb2.UploadRequest(header=plate_pb2.UploadHeader(sha256=sha256, size=size, offset=offset))
    left = goal - offset
    for chunk in read_chunks(path, offset, CHUNK):
        yield plate_pb2.UploadRequest(chunk=chunk[:left])
        left -= len(chunk)
        if left <= 0:
            return


def download(connection: Connection, sha256: str, target: Path, patience: float) -> None:
    """Fetch a file to `target`: written beside it, checked, renamed. No partial file is ever left.

    Args:
        connection: to the server.
        sha256: of the file.
        target: its folder is made.
        patience: seconds without a line before giving up.

    Raises:
        OSError: `target` cannot be written.
        ImpastoError: the server refuses, or sends another content.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with beside.open("xb") as file:
            found = _receive(connection, sha256, file, Patience(patience))
        if found != sha256:
            raise JobFailed(f"{target} arrived damaged from {connection.address}; fetch it again.", reason="DAMAGED")
        beside.replace(target)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _receive(connection: Connection, sha256: str, file: BinaryIO, patience: Patience) -> str:
    digest, offset = hashlib.sha256(), 0
    while True:
        request = plate_pb2.DownloadRequest(sha256=sha256, offset=offset)
        try:
            for response in connection.answers(connection.plates.Download, request, patience.seconds):
                file.write(response.chunk)
                digest.update(response.chunk)
                offset += len(response.chunk)
                patience.succeeded()
        except grpc.RpcError as error:
            if patience.allows(error):
                continue
            raise from_rpc(error, connection.address) from error
        return digest.hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise BadRequestError(f"{path} cannot be read: {error.strerror or error}.", reason="FILE_GONE") from error
