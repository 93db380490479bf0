"""Whether a cached result still is what its node would render.

Judged from the node's own knobs, the knobs of all nodes above it, and the size and time of the source files. What
cannot be judged is *unverified*, which is never an error: a farm machine may call the files by other names.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Optional

from impasto.nuke import places

NONE, FRESH, STALE, UNVERIFIED = "none", "fresh", "stale", "unverified"
"""There is no result; it is as it would be; it is not; it could not be judged."""

Files = tuple[str, int, int]
"""A sequence on disk: its pattern with `%04d` or `####`, or one file; its first and last frame."""

Facts = Optional[Sequence[int]]
"""Size and time (nanoseconds) of a file; None where it cannot be seen."""

LOOKED_AT = 64
"""Files of one sequence that are looked at, evenly spread, so that judging a long shot holds nobody up."""


@dataclass(frozen=True)
class Snapshot:
    """What a result depends on.

    Attributes:
        knobs: digest of the node's own knobs that decide a pixel.
        upstream: digest of the nodes above it and their knobs.
        files: size and time (nanoseconds) of source files by path; None where a file could not be seen.
    """

    knobs: str
    upstream: str
    files: Mapping[str, Sequence[int] | None]

    def values(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


@dataclass(frozen=True)
class Judgement:
    """What is known of a result.

    Attributes:
        state: `NONE`, `FRESH`, `STALE` or `UNVERIFIED`.
        because: why, in a few words; empty where it is fresh.
    """

    state: str
    because: str = ""


OF_KNOBS = Judgement(STALE, "its own knobs were changed")


def judge(then: Mapping[str, Any] | None, now: Snapshot) -> Judgement:
    """Compare what a result was made of with what there is now.

    Args:
        then: values of the snapshot it was made of; None where there is no result.
        now: as it is.
    """
    if not then:
        return Judgement(NONE, "it was never rendered")
    if then.get("knobs") != now.knobs:
        return OF_KNOBS
    if then.get("upstream") != now.upstream:
        return Judgement(STALE, "nodes above it were changed")
    before = then.get("files") or {}
    if set(before) != set(now.files):
        return Judgement(UNVERIFIED, "its source files have other names here")
    changed = [
        path for path, facts in now.files.items() if facts and before[path] and list(facts) != list(before[path])
    ]
    if changed:
        return Judgement(STALE, f"{changed[0]} was changed")
    unseen = [path for path, facts in now.files.items() if not facts or not before[path]]
    if unseen:
        return Judgement(UNVERIFIED, f"{unseen[0]} cannot be seen here")
    return Judgement(FRESH)


def digest(pieces: Iterable[str]) -> str:
    """SHA-256 of texts in their order."""
    found = hashlib.sha256()
    for piece in pieces:
        data = piece.encode("utf-8", "surrogatepass")
        found.update(len(data).to_bytes(8, "big"))
        found.update(data)
    return found.hexdigest()


def look_at(
    sequences: Iterable[Files],
    views: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    seen: dict[str, Facts] | None = None,
) -> dict[str, Facts]:
    """Size and time of files, by the names the script has for them.

    Args:
        sequences: what is looked at.
        views: for `%V`.
        pairs: how folders are called here; see `places.path_map`.
        seen: what was looked at before in the same go, taken as it was and added to.
    """
    seen = {} if seen is None else seen
    found: dict[str, Facts] = {}
    for pattern, first, last in sequences:
        frames = range(first, last + 1) if places.is_sequence(pattern) and last >= first else range(first, first + 1)
        step = max(1, -(-len(frames) // LOOKED_AT))
        chosen = sorted({*frames[::step], frames[-1]})
        for path in places.files_of(pattern, chosen, views):
            if path not in seen:
                seen[path] = _facts(places.mapped(path, pairs))
            found[path] = seen[path]
    return found


def _facts(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a path as Nuke writes it
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns
