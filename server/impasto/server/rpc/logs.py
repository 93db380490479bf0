"""Structured logs on standard error; standard output belongs to whoever started the server."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog

from impasto.server.config import ServerConfig


class _StandardError:
    """Standard error as it is at the time of writing."""

    def write(self, text: str) -> int:
        """Write."""
        stream: TextIO | None = sys.stderr
        return stream.write(text) if stream is not None else 0

    def flush(self) -> None:
        """Flush."""
        if sys.stderr is not None:
            sys.stderr.flush()


def begin_logs(config: ServerConfig) -> None:
    """Log at the configured level, as text or one JSON object a line; a job's lines carry its id."""
    as_json = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    as_text = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(as_json if config.log_json else as_text),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[config.log_level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(file=_StandardError()),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
