"""Which server a command speaks to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from impasto.cli import detached, embedded
from impasto.client import Client, ServerUnreachable, Tls


@contextlib.contextmanager
def client(server: str, tls_ca: Path | None, cache: Path | None, detach: bool = False) -> Iterator[Client]:
    """A client of the server named, else of the user's own if the command detaches, else of one in this process."""
    if server:
        with _named(server, tls_ca, cache) as made:
            yield made
    elif detach:
        with detached.find_or_start(cache) as made:
            yield made
    else:
        with embedded.client(cache) as made:
            yield made


@contextlib.contextmanager
def lasting_client(server: str, tls_ca: Path | None, cache: Path | None = None, job: str = "") -> Iterator[Client]:
    """A client of a server that outlives the command: the one named, or the user's own where it runs.

    Args:
        server: its address; empty for the user's own.
        tls_ca: whose servers are trusted.
        cache: where digests are remembered.
        job: that the command is about; after an update two servers of the user's own may run, one to end its jobs.

    Raises:
        ServerUnreachable: none is named and none runs.
    """
    made = _named(server, tls_ca, cache) if server else detached.find_with(job, cache)
    if made is None:
        raise ServerUnreachable(
            "No server is named and none of your own runs; name one with --server, or begin a job with --detach.",
            reason="SERVER_UNREACHABLE",
        )
    with made:
        yield made


def _named(server: str, tls_ca: Path | None, cache: Path | None) -> Client:
    certificate, key = (os.environ.get(f"IMPASTO_CLIENT_{name}", "") for name in ("CERT", "KEY"))
    tls = None
    if tls_ca or certificate:
        tls = Tls(tls_ca, Path(certificate) if certificate else None, Path(key) if key else None)
    return Client.connect(server, token=os.environ.get("IMPASTO_TOKEN", "").strip(), tls=tls, cache=cache)
