"""Numpy arrays and torch tensors alike, without importing torch."""

from __future__ import annotations

import sys
from typing import Any


def namespace(array: object) -> Any:
    """The module whose functions take this array: numpy or torch."""
    return sys.modules[type(array).__module__.partition(".")[0]]
