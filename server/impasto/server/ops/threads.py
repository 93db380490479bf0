"""A fixed number of threads: where a picture is cut for threads, the last bit of a power or a sum may change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

THREADS = 1
"""Threads inside one tensor operation, on every machine. Hundreds of small operations that wait for a second thread
take five times as long on a busy machine; more work at once comes from both directions, or from more frames."""

PAINTERS_THREADS = 2
"""The same for painters, whose operations are few and large."""


@contextmanager
def fixed_threads(count: int = THREADS) -> Iterator[None]:
    """Run tensor operations with `count` threads, so that bits do not depend on the machine's cores or load."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
