"""What the nodes' menus offer: the models and styles of the command, as `impasto nuke catalogue` tells them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from impasto.nuke.errors import FAILED, NodeError
from impasto.nuke.wishes import LOOK_FILE, LOOK_INPUT, LOOK_KEYS, LOOK_NONE, MOTION_FILES, MOTION_PLATE

SCHEMA = 1

MODEL_DEFAULT = "default"
"""The entry of the knob `look_model` that leaves the choice to the server."""
PARAMETER = "p_"
"""With which the names of knobs of models' parameters begin."""
OF_THE_JOB = frozenset({"style_scale"})
"""Parameters that a job has for whatever model paints; the node has one knob for each."""


def read(text: str) -> Mapping[str, Any]:
    """A catalogue from its JSON.

    Raises:
        NodeError: it is none, or of a newer schema.
    """
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise NodeError(
            "The impasto command's catalogue is not understood; install the nodes that belong to the command: run"
            " 'impasto nuke install'.",
            FAILED,
            reason="SCHEMA",
        )
    return told


def looks(told: Mapping[str, Any]) -> list[str]:
    """Entries of the knob `look`."""
    return [LOOK_INPUT, LOOK_FILE, LOOK_KEYS, *(str(style["name"]) for style in told["styles"])]


def more_looks(told: Mapping[str, Any]) -> list[str]:
    """Entries of the knobs `look2` to `look4`."""
    return [LOOK_NONE, *(look for look in looks(told) if look != LOOK_KEYS)]


def motions(told: Mapping[str, Any]) -> list[str]:
    """Entries of the knob `motion`, the command's default first."""
    found = [str(model["id"]) for model in told["models"] if model["family"] == "flow" and model["ready"]]
    return [*sorted(found, key=lambda name: (name != "facets", name)), MOTION_PLATE, MOTION_FILES]


def interpolations(told: Mapping[str, Any]) -> list[str]:
    """Entries of FrameInterpolate's knob `model`."""
    return [
        "auto",
        *sorted(str(model["id"]) for model in told["models"] if model["family"] == "interpolation" and model["ready"]),
    ]


def painters(told: Mapping[str, Any]) -> list[str]:
    """Entries of the knob `look_model`: what paints after pictures."""
    return [MODEL_DEFAULT, *sorted(str(model["id"]) for model in _painting(told) if model["ready"])]


def parameters(told: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Parameters of each model that paints after pictures, by its id; models without any are left out."""
    found = {}
    for model in _painting(told):
        own = [known for known in model["parameters"] if known["name"] not in OF_THE_JOB]
        if own:
            found[str(model["id"])] = own
    return found


def _painting(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Models that paint after pictures; those whose look is in their weights are chosen by a style file."""
    return [model for model in told["models"] if model.get("paints_after_pictures")]


def parameter_knob(model: str, parameter: str) -> str:
    """Name of the knob of a model's parameter."""
    return re.sub(r"\W", "_", f"{PARAMETER}{model}_{parameter}")


def span(told: Mapping[str, Any], parameter: str, default: Sequence[float]) -> tuple[float, float]:
    """Smallest and largest value of a parameter, over all models that have it."""
    found = [known for model in told["models"] for known in model["parameters"] if known["name"] == parameter]
    if not found:
        return default[0], default[1]
    return min(known["minimum"] for known in found), max(known["maximum"] for known in found)
