"""What a model says of itself: the facts that plans, knobs and licences are made from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Family = Literal["flow", "mattes", "style", "interpolation", "depth"]

BUNDLED = Path(__file__).resolve().parents[1] / "weights"
"""Folder of the weights that come with the program, each beside its card."""

OURS = "made by training/ of this project"
"""Source of those."""


@dataclass(frozen=True)
class Weights:
    """One published file of weights.

    Attributes:
        file: name in the weights store.
        sha256: of the whole file, lower-case hexadecimal; where only its first digits are published, those (8 or more);
            empty where nobody published it, then the file cannot be told from another and is taken as it is.
        licence: SPDX name where there is one.
        source: URL it can be fetched from, or its origin in words.
        trained_on: what it was trained on.
        size: in bytes; 0 where it is not known.
        metrics: what its publisher measured, in words; empty where nothing is published.
        beside: further files of the same net, needed with this one.
    """

    file: str
    sha256: str
    licence: str
    source: str
    trained_on: str
    size: int = 0
    metrics: str = ""
    beside: tuple[Weights, ...] = ()

    def matches(self, digest: str) -> bool:
        """Whether a file of this SHA-256 (64 lower-case hexadecimal digits) is this one."""
        return len(self.sha256) >= 8 and digest.startswith(self.sha256)

    @property
    def files(self) -> tuple[Weights, ...]:
        """This file and those needed with it."""
        return (self, *(file for other in self.beside for file in other.files))


def bundled(name: str) -> Weights:
    """A file of weights that comes with the program, as its card `NAME.json` tells of it.

    Where there is no card the file is not in this build: it has no checksum then, and is not ready.
    """
    card = BUNDLED / f"{name}.json"
    told = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
    measured = {key: value for key, value in told.items() if key in ("iterations", "hours", "device")}
    return Weights(
        told.get("file", f"{name}.safetensors"),
        told.get("sha256", ""),
        told.get("licence", "Apache-2.0"),
        OURS,
        told.get("trained_on", ""),
        told.get("bytes", 0),
        told.get("metrics", "; ".join(f"{key}: {value}" for key, value in measured.items())),
    )


@dataclass(frozen=True)
class Parameter:
    """A value its user may set."""

    name: str
    default: float
    minimum: float
    maximum: float
    help: str


@dataclass(frozen=True)
class Model:
    """A model. Each file under `models/` that holds one has a module constant `MODEL` of this type.

    Attributes:
        id: unique name, such as `dis`.
        family: what it does.
        summary: one sentence.
        build: makes the thing that computes; its keyword arguments are the parameters.
        weights: None where it needs none.
        alternatives: other published files that fit the same net.
        stride: sizes are padded to multiples of this.
        smallest: smallest side in pixels.
        canvas: of a style, the shorter side in pixels of the frame at which its brush is as large as the style's own;
            0 for one that scales its brush itself, by `style_scale`.
        guided: of a style, whether masks can guide it: its `build` takes `masks`.
        precisions: those it was tested in.
        parameters: what may be set.
        version: raised when its results change; part of every cache key.
    """

    id: str
    family: Family
    summary: str
    build: Callable[..., Any]
    weights: Weights | None = None
    alternatives: tuple[Weights, ...] = ()
    stride: int = 1
    smallest: int = 8
    canvas: int = 0
    guided: bool = False
    precisions: tuple[str, ...] = ("float32",)
    parameters: tuple[Parameter, ...] = ()
    version: int = 1

    @property
    def choices(self) -> tuple[Weights, ...]:
        """The files of weights of which one, with those beside it, is needed; the best first."""
        return (self.weights, *self.alternatives) if self.weights else self.alternatives

    @property
    def published(self) -> tuple[Weights, ...]:
        """All files of weights that fit, the best first, each followed by those needed beside it."""
        return tuple(dict.fromkeys(file for choice in self.choices for file in choice.files))
