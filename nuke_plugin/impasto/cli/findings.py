"""What `impasto doctor` found."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        name: of the thing.
        state: ok, warn or fail.
        found: what was found.
        cure: what to do; empty where nothing need be done.
    """

    name: str
    state: str
    found: str
    cure: str = ""
