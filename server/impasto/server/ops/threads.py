"""A fixed number of threads: where a picture is cut for threads, the last bit of a power or a sum may change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

THREADS = 2
"""Threads inside one tensor operation, on every machine; more work at once comes from working on more frames."""


@contextmanager
def fixed_threads() -> Iterator[None]:
    """Run tensor operations with `THREADS` threads, so that bits do not depend on the machine's cores or load."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)
