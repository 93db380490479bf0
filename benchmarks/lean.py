"""Memory given back between steps, so that what a long benchmark needs is what its largest step needs."""

from __future__ import annotations

import ctypes
import gc
from typing import Any

LARGE = 8 << 20
"""Bytes from which a block is taken from the system for itself alone: below, taking it anew every time costs more."""

_MMAP_THRESHOLD = -3


def map_large_blocks() -> None:
    """Have glibc give every large block back when it is freed; elsewhere nothing happens.

    Left alone it learns to keep ever larger blocks on its heap, where the temporaries of a net leave holes that hardly
    ever fit again: after a look or two gigabytes are held for nothing.
    """
    _libc("mallopt")(_MMAP_THRESHOLD, LARGE)


def give_back() -> None:
    """Free what waits for Python's collector (a painted shot hangs together in circles) and the heap's free end."""
    gc.collect()
    _libc("malloc_trim")(0)


def _libc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, lambda *_: 0)
