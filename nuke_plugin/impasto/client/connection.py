"""One channel to one server: address, token, TLS, retries."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from impasto.client.errors import BadRequestError, ServerUnreachable, translated
from impasto.client.streams import NOTHING_YET, answered, apart
from impasto.v1 import catalog_pb2_grpc, job_pb2_grpc, live_pb2_grpc, plate_pb2_grpc, revision

Metadata = tuple[tuple[str, str], ...]

KEEPALIVE = 310_000
"""Milliseconds between looks whether a silent line is still there; a gRPC server ends lines that look more often than
every 300 s, see https://github.com/grpc/grpc/blob/master/doc/keepalive.md."""

SILENCE = 30.0
"""Seconds without an answer after which the server is asked whether it is there: a line may die without a word."""

# The least pause before reconnecting is left at gRPC's own: it is the time an attempt has, and a line may be slow.
_OPTIONS = (
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.max_send_message_length", 64 << 20),
    ("grpc.keepalive_time_ms", KEEPALIVE),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


@dataclass(frozen=True)
class Tls:
    """Files in PEM for a server with TLS.

    Attributes:
        authority: whose servers are trusted; None takes those of gRPC.
        certificate: our own chain, where the server asks for one.
        key: its private key.
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """What gRPC takes.

        Raises:
            BadRequestError: a file cannot be read.
        """
        return grpc.ssl_channel_credentials(*(_read(path) for path in (self.authority, self.key, self.certificate)))


class Connection:
    """The stubs of one server, and the token each call carries.

    Args:
        address: `HOST:PORT` or `unix:/path`.
        token: sent with every call; empty sends none.
        user: told with every call, for people to read in the list of jobs.
        tls: None speaks in the clear.
    """

    def __init__(self, address: str, token: str = "", user: str = "", tls: Tls | None = None) -> None:
        config = resources.files("impasto.client").joinpath("service_config.json").read_text(encoding="utf-8")
        options = [*_OPTIONS, ("grpc.service_config", config)]
        self.address = address
        self.server = ("unknown", 0)
        self.clock_error: float | None = None
        self.metadata: Metadata = ((revision.CLIENT, revision.told(version("impasto"))),)
        self.metadata += (("authorization", f"Bearer {token}"),) if token else ()
        if user.isascii() and user.isprintable() and user:
            self.metadata += (("impasto-user", user),)
        if tls is None:
            self._channel = grpc.insecure_channel(address, options=options)
        else:
            self._channel = grpc.secure_channel(address, tls.credentials(), options=options)
        self.plates = plate_pb2_grpc.PlateServiceStub(self._channel)
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(self._channel)
        self.jobs = job_pb2_grpc.JobServiceStub(self._channel)
        self.live = live_pb2_grpc.LiveServiceStub(self._channel)

    def check(self, timeout: float) -> None:
        """Wait until the server says that it serves.

        Args:
            timeout: seconds.

        Raises:
            ServerUnreachable: it does not within this time.
        """
        health: Any = health_pb2_grpc.HealthStub(self._channel)
        request = health_pb2.HealthCheckRequest()
        with translated(self.address):
            try:
                call = health.Check.future(request, timeout=timeout, metadata=self.metadata)
                answer = answered(call)
            except grpc.RpcError as error:
                if isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNIMPLEMENTED:
                    return
                raise
        self._greet(dict(call.initial_metadata()))
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise ServerUnreachable(
                f"The Impasto server at {self.address} is shutting down; wait and try again.",
                reason="SERVER_NOT_SERVING",
            )

    def _greet(self, metadata: dict[str, Any]) -> None:
        """Hear the server's version and clock.

        Raises:
            BadRequestError: it is older than this client (`SERVER_TOO_OLD`).
        """
        self.server = revision.heard(metadata.get(revision.SERVER))
        with contextlib.suppress(KeyError, ValueError):
            self.clock_error = float(metadata[revision.CLOCK]) - time.time()
        if self.server[1] < revision.REVISION:
            raise BadRequestError(
                f"The server at {self.address} is Impasto {self.server[0]} and this client {version('impasto')}; an "
                "older server leaves aside without a word what it does not know: update the server.",
                reason="SERVER_TOO_OLD",
            )

    def answer(self, method: Any, request: Any, patience: float) -> Any:
        """The answer of a call that answers once; a line that died without a word is found out while it is waited for.

        Args:
            method: of a stub.
            request: its message, or an iterator of messages.
            patience: seconds a server has to show that it is there.

        Raises:
            grpc.RpcError: as the call ended.
            ServerUnreachable: nobody is there any more.
        """
        call = method.future(request, metadata=self.metadata)
        return answered(call, SILENCE, lambda: self.check(patience))

    def answers(self, method: Any, request: Any, patience: float) -> Iterator[Any]:
        """The answers of a call that answers with a stream; the same."""
        for answer in apart(method(request, metadata=self.metadata), SILENCE):
            if answer is NOTHING_YET:
                self.check(patience)
            else:
                yield answer

    def close(self) -> None:
        """Let go of the channel."""
        self._channel.close()


class Patience:
    """How often to try again after the line was lost.

    Args:
        seconds: without any success before giving up.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._lost: float | None = None
        self._pause = 0.1

    def succeeded(self) -> None:
        """Something arrived."""
        self._lost, self._pause = None, 0.1

    def allows(self, error: grpc.RpcError) -> bool:
        """Whether to try again after this error; waits a little if so."""
        if not isinstance(error, grpc.Call) or error.code() is not grpc.StatusCode.UNAVAILABLE:
            return False
        now = time.monotonic()
        self._lost = now if self._lost is None else self._lost
        if now - self._lost + self._pause > self.seconds:
            return False
        time.sleep(self._pause)
        self._pause = min(self._pause * 2, 2.0)
        return True


def read_chunks(path: Path, offset: int, size: int) -> Iterator[bytes]:
    """A file's bytes from `offset` on, at most `size` at a time."""
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(size):
            yield chunk


def _read(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path is not None else None
    except OSError as error:
        raise BadRequestError(f"{path} cannot be read: {error.strerror or error}.", reason="TLS_FILE") from error
