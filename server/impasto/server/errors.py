"""The one error tree of the server.

Every error holds a stable `reason` in capitals and one sentence that names the thing and the cure. `impasto.server.rpc`
turns the classes into gRPC codes; the command turns those into exit codes.
"""

from __future__ import annotations


class ImpastoError(Exception):
    """Root of all errors the server raises on purpose.

    Args:
        message: one sentence a technical artist can act on.
        reason: stable name in capitals, such as `PLATE_UNREADABLE`.
        metadata: further facts by name, such as the frame.
    """

    default_reason = "INTERNAL"

    def __init__(self, message: str, *, reason: str | None = None, **metadata: object) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.metadata = {name: str(value) for name, value in metadata.items()}


class BadRequest(ImpastoError):
    """What was asked for cannot be done as asked: gRPC INVALID_ARGUMENT, exit 2."""

    default_reason = "BAD_REQUEST"


class NotFound(ImpastoError):
    """What was named does not exist: gRPC NOT_FOUND, exit 2."""

    default_reason = "NOT_FOUND"


class NotReady(ImpastoError):
    """The server is not in the state for it: gRPC FAILED_PRECONDITION, exit 1."""

    default_reason = "NOT_READY"


class NoRoom(ImpastoError):
    """Disk, memory or a quota is used up: gRPC RESOURCE_EXHAUSTED, exit 1."""

    default_reason = "NO_ROOM"


class Denied(ImpastoError):
    """The caller may not: gRPC PERMISSION_DENIED, exit 2."""

    default_reason = "DENIED"


class Unauthenticated(ImpastoError):
    """The caller does not say who it is: gRPC UNAUTHENTICATED, exit 2."""

    default_reason = "TOKEN_WRONG"


class FrameError(ImpastoError):
    """One frame cannot be read or made; the others go on: an event in the job, exit 4."""

    default_reason = "FRAME_FAILED"


class PlateError(FrameError):
    """A picture file cannot be read or written."""

    default_reason = "PLATE_UNREADABLE"


class Cancelled(ImpastoError):
    """Work was stopped on demand: exit 130."""

    default_reason = "CANCELLED"
