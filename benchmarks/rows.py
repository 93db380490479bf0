"""Rows of a long table, printed as they come and kept, so that a run that was cut short goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

Row = dict[str, float]

_PROJECT = Path(__file__).resolve().parent.parent


def state() -> str:
    """Digest of all that makes pictures and measures them: rows of another state are made again."""
    files = sorted([*(_PROJECT / "server").rglob("*.py"), *(_PROJECT / "benchmarks").glob("*.py")])
    return hashlib.sha256(b"\n".join(file.read_bytes() for file in files)).hexdigest()[:16]


class Rows:
    """A table.

    Args:
        file: JSON lines, one a row; made where it is missing. None keeps nothing.
        fresh: whether rows already there are made again.
    """

    def __init__(self, file: Path | None, fresh: bool = False) -> None:
        self._file, self._state = file, state()
        self._made: dict[tuple[str, ...], Row] = {}
        self._kept: dict[tuple[str, ...], Row] = {}
        if file is not None and file.exists() and not fresh:
            for line in file.read_text().splitlines():
                entry = json.loads(line)
                if entry["state"] == self._state:
                    self._kept[tuple(entry["name"])] = entry["row"]

    def has(self, *name: str) -> bool:
        """Whether this row was made by an earlier run of the same state; prints it then."""
        if name in self._kept and name not in self._made:
            self._made[name] = self._kept[name]
            say(name, self._made[name])
        return name in self._made

    def add(self, *name: str, row: Row) -> None:
        """Print a row and keep it."""
        self._made[name] = row
        say(name, row)
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a") as out:
                out.write(json.dumps({"state": self._state, "name": name, "row": row}) + "\n")

    def means(self, group: Callable[[tuple[str, ...]], tuple[str, ...]]) -> None:
        """Print the means of all rows made, by group; of what some rows lack, over those that have it."""
        groups: dict[tuple[str, ...], list[Row]] = {}
        for name, row in self._made.items():
            groups.setdefault(group(name), []).append(row)
        for name, rows in groups.items():
            whats = list(dict.fromkeys(what for row in rows for what in row))
            say(name, {what: float(np.mean([row[what] for row in rows if what in row])) for what in whats})


def say(name: tuple[str, ...], row: Row) -> None:
    """Print one row."""
    values = "  ".join(f"{what} {value:.3f}" for what, value in row.items())
    print("".join(f"{part:10} " for part in name) + values, flush=True)
