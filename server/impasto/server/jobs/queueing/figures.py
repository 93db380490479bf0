"""Counts of what a server does, for whoever watches it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping


class Figures:
    """Sums by name and label. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, label: str, amount: float = 1) -> None:
        """Add to a sum: `frames done`, `stage_seconds motion`, `bytes received` ..."""
        with self._lock:
            self._sums[name, label] += amount  # type: ignore[assignment]

    def sums(self, name: str) -> Mapping[str, float]:
        """The sums of a name, by label."""
        with self._lock:
            return {label: amount for (known, label), amount in self._sums.items() if known == name}
