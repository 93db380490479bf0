"""What is decided before any work, the same for the same spec on every machine of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """The decisions of a job.

    Attributes:
        digest: of all that decides a pixel: inputs by content, parameters, models and their versions, device kind,
            precision, code version. Frames wanted, views, paths and threads are not in it.
        shot: all frame numbers of the shot, ascending.
        frames: the frames wanted, ascending.
        views: views to render, hero first; one empty name where the plate has none; empty while no header was seen.
        device: `cpu` or `cuda:N`.
        precision: `float32` or `bfloat16`.
        threads: worker threads; never changes a pixel.
        memory: bytes planned for.
        choices: numerical choices by name, for people to read.
        warnings: what its user should know before it runs.
    """

    digest: str
    shot: tuple[int, ...]
    frames: tuple[int, ...]
    views: tuple[str, ...]
    device: str = "cpu"
    precision: str = "float32"
    threads: int = 1
    memory: int = 0
    choices: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
