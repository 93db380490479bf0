"""What a model says of itself: the facts that plans, knobs and licences are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Family = Literal["flow", "style", "interpolation"]


@dataclass(frozen=True)
class Weights:
    """One published file of weights.

    Attributes:
        file: name in the weights store.
        sha256: of the whole file, lower-case hexadecimal; where only its first digits are published, those (8 or more).
        licence: SPDX name where there is one.
        source: URL it can be fetched from, or its origin in words.
        trained_on: what it was trained on.
    """

    file: str
    sha256: str
    licence: str
    source: str
    trained_on: str

    def matches(self, digest: str) -> bool:
        """Whether a file of this SHA-256 (64 lower-case hexadecimal digits) is this one."""
        return len(self.sha256) >= 8 and digest.startswith(self.sha256)


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
    precisions: tuple[str, ...] = ("float32",)
    parameters: tuple[Parameter, ...] = ()
    version: int = 1

    @property
    def published(self) -> tuple[Weights, ...]:
        """All files of weights that fit, the best first."""
        return (self.weights, *self.alternatives) if self.weights else self.alternatives
