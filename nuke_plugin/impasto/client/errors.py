"""The error tree of the client. Each class knows the exit code of the command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import ClassVar

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

Code = grpc.StatusCode


class ImpastoError(Exception):
    """Root of all errors of the client.

    Args:
        message: one sentence a technical artist can act on.
        reason: stable name in capitals, such as `PLATE_UNREADABLE`; docs/guides/errors.md lists them.
        metadata: further facts by name, such as the frame.

    Attributes:
        exit_code: what the command ends with.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, reason: str = "FAILED", metadata: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.metadata = dict(metadata or {})


class BadRequestError(ImpastoError):
    """What was asked for cannot be done as asked; nothing was done."""

    exit_code = 2


class ServerUnreachable(ImpastoError):
    """No server answers."""

    exit_code = 3


class JobFailed(ImpastoError):
    """The whole job failed."""

    exit_code = 1


class FramesFailed(ImpastoError):
    """The job ended, but some frames could not be made; the others are there."""

    exit_code = 4


class BelowQuality(ImpastoError):
    """The job ended and all frames are there, but some are graded as the job says it must not be."""

    exit_code = 5


class JobCancelled(ImpastoError):
    """The job was cancelled; finished frames are kept."""

    exit_code = 130


_REFUSALS = frozenset(
    {
        Code.INVALID_ARGUMENT,
        Code.NOT_FOUND,
        Code.ALREADY_EXISTS,
        Code.OUT_OF_RANGE,
        Code.PERMISSION_DENIED,
        Code.UNAUTHENTICATED,
        Code.UNIMPLEMENTED,
    }
)


def from_rpc(error: grpc.RpcError, address: str) -> ImpastoError:
    """The client's error for one of gRPC.

    Args:
        error: as a stub raised it.
        address: of the server, for the sentence.
    """
    code = error.code() if isinstance(error, grpc.Call) else Code.UNKNOWN
    details = (error.details() if isinstance(error, grpc.Call) else None) or str(error)
    reason, metadata = _error_info(error)
    if code in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED) and not reason:
        return ServerUnreachable(
            f"No Impasto server answers at {address}; start one with 'impasto serve', or leave out --server.",
            reason="SERVER_UNREACHABLE",
            metadata={"details": details},
        )
    kind: type[ImpastoError] = JobFailed
    if code in _REFUSALS:
        kind = BadRequestError
    elif code is Code.CANCELLED:
        kind = JobCancelled
    elif code is Code.UNAVAILABLE:
        kind = ServerUnreachable
    return kind(details, reason=reason or (code.name if code else "UNKNOWN"), metadata=metadata)


@contextlib.contextmanager
def translated(address: str) -> Iterator[None]:
    """Raise the client's errors instead of those of gRPC."""
    try:
        yield
    except grpc.RpcError as error:
        raise from_rpc(error, address) from error


def _error_info(error: grpc.RpcError) -> tuple[str, dict[str, str]]:
    """Reason and facts the server sent along; empty where it sent none or they cannot be read."""
    if isinstance(error, grpc.Call):
        with contextlib.suppress(Exception):  # the status of a broken peer is no cause to fail in another way
            status = rpc_status.from_call(error)
            for detail in status.details if status is not None else ():
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info.reason, dict(info.metadata)
    return "", {}
