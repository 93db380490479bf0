"""The one error of this room."""

from __future__ import annotations


class SequenceError(ValueError):
    """A range, a pattern or a file is not as it must be; the message is one sentence that names it and the cure."""
