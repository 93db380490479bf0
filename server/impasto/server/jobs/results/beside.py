"""Files made beside the frames, such as a contact sheet: written whole or not at all, and told of."""

from __future__ import annotations

import os
import secrets

from impasto.server.errors import FrameError
from impasto.server.jobs.task import Task


def write_beside(task: Task, what: str, wished: str, content: bytes) -> None:
    """Write a file and tell of it.

    Args:
        task: the job.
        what: what it is, such as `sheet`.
        wished: the path its user named.
        content: of the file.

    Raises:
        FrameError: it cannot be written (`OUTPUT_UNWRITABLE`).
    """
    path = task.beside(wished)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            partial.write_bytes(content)
            os.replace(partial, path)  # noqa: PTH105 - over what is there
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise FrameError(
            f"The {what} {path} cannot be written ({error.strerror}); choose another place.", reason="OUTPUT_UNWRITABLE"
        ) from error
    task.listener.file_made(what, path, wished)
