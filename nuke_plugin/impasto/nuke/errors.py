"""The one error of the nodes."""

from __future__ import annotations

FAILED, BAD_REQUEST, UNREACHABLE, FRAMES_FAILED, CANCELLED = 1, 2, 3, 4, 130
"""Exit codes, the same as those of the command."""


class NodeError(RuntimeError):
    """Something the artist should know: one sentence that names the thing and the cure.

    It is a RuntimeError, so that it fails a render with its sentence.

    Attributes:
        exit_code: what a process that ends because of it should end with.
        reason: a stable name in capitals.
        log: a file that holds more; empty where there is none.
    """

    def __init__(self, message: str, exit_code: int = BAD_REQUEST, reason: str = "NODE", log: str = "") -> None:
        super().__init__(message)
        self.exit_code, self.reason, self.log = exit_code, reason, log
