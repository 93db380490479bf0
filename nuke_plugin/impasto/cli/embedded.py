"""The server inside the command: the very same, on an address of its own, gone when the command ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from impasto.client import BadRequestError, Client, JobFailed

CURE = "The server's part is not installed here; run pip install 'impasto[server]', or name a server with --server."


@contextlib.contextmanager
def client(cache: Path | None) -> Iterator[Client]:
    """A client of a server in this process.

    Args:
        cache: its content cache; None takes the user's.

    Raises:
        BadRequestError: the server's part is not installed, or the environment sets something wrong.
        JobFailed: it cannot be started.
    """
    try:
        from impasto.server.config import ServerConfig
        from impasto.server.errors import BadRequest, ImpastoError
        from impasto.server.rpc.server import start
    except ImportError as error:
        raise BadRequestError(CURE, reason="SERVER_NOT_INSTALLED", metadata={"module": error.name or ""}) from error
    try:
        running = start(ServerConfig.embedded(cache_dir=cache.absolute() if cache else None))
    except ImpastoError as error:
        kind = BadRequestError if isinstance(error, BadRequest) else JobFailed
        raise kind(error.message, reason=error.reason) from error
    try:
        with Client.connect(running.address, token=running.token, cache=cache, patience=10.0) as made:
            yield made
    finally:
        running.stop()


def count_frames(video: Path) -> int:
    """Frames of a video file.

    Raises:
        BadRequestError: the server's part is not installed, or the file cannot be read.
    """
    try:
        from impasto.server import plates
        from impasto.server.errors import ImpastoError
    except ImportError as error:
        raise BadRequestError(CURE, reason="SERVER_NOT_INSTALLED") from error
    try:
        return len(plates.VideoReader(video).frames)
    except ImpastoError as error:
        raise BadRequestError(error.message, reason=error.reason) from error
