"""What decides a pixel: the digest of a job, whichever frames are asked for and wherever its files lie."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.sequences import format_frames, output_times
from impasto.server.jobs.planning.check_ranges import Frames
from impasto.server.jobs.planning.check_times import interpolation_models
from impasto.server.jobs.planning.devices import device_kind
from impasto.server.jobs.planning.spec import depth_model, motion_model, motion_source, numbered
from impasto.v1.job_pb2 import JobSpec, Mask

if TYPE_CHECKING:
    from impasto.server.models.card import Model


FILL_MINUTES = 4.0
"""Of training the fill net, where a job names none."""


def digest_of(spec: JobSpec, frames: Frames, device: str, precision: str, shrunk: int) -> str:
    """SHA-256 of all that decides what is in a written file, whichever frames were asked for."""
    from impasto.server.shots.version import ENGINE_VERSION

    passes = sorted(set(spec.output.passes))
    source = motion_source(spec)
    in_shot = set(frames.shot)
    parts = {
        "engine": ENGINE_VERSION,
        "package": importlib.metadata.version("impasto"),
        "kind": spec.WhichOneof("kind"),
        "values": _canonical(spec, passes),
        "shot": format_frames(frames.shot),
        "plate": sorted((e.frame, e.view, e.file.sha256) for e in spec.plate.files if e.frame in in_shot),
        "video": spec.plate.video.sha256,
        "cuts": _cuts(spec),
        "keys": sorted(
            [k.frame, k.file.sha256, value_of(k, "weight", 1.0), k.hold, _mask(k.mask, {k.frame})]
            for k in spec.stylize.keys
        ),
        "styles": [
            [s.file.sha256 or s.name, value_of(s, "weight", 1.0), _mask(s.mask, in_shot), s.frames, s.fade]
            for s in spec.stylize.styles
        ],
        "mask": _mask(spec.stylize.mask, in_shot),
        "motion": [
            motion_model(spec),
            source.plate,
            sorted((e.frame, e.view, e.file.sha256) for e in source.files.files if e.frame in in_shot),
        ],
        "models": models_used(spec),
        "device": device_kind(device),
        "precision": precision,
        "ocio": _ocio(),
    } | ({"memory": shrunk} if shrunk else {})
    if spec.WhichOneof("kind") == "interpolate":
        parts["between"] = _between(spec, frames)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def models_used(spec: JobSpec) -> dict[str, str]:
    """What every model that may take part says of itself, by id, changing whenever its results do.

    Raises:
        NotReady: the weights of the motion model are not here.
        Denied: they may not be used.
    """
    from impasto.server.models.catalogue import find

    used = {}
    if name := motion_model(spec):
        model = find(name, "flow")
        used[name] = f"{model.version}/{_weights(model)}"
    if name := depth_model(spec):
        model = find(name, "depth")
        used[name] = f"{model.version}/{_weights(model)}"
    if spec.WhichOneof("kind") == "stylize":
        used |= looks_used(spec)
    if spec.WhichOneof("kind") == "interpolate":
        for name in {*interpolation_models(spec), "splat"}:
            model = find(name, "interpolation")
            used[name] = f"{model.version}/{_weights(model)}"
    return used


def looks_used(spec: JobSpec) -> dict[str, str]:
    """The look that paints after pictures or keys, and the nets of one look where a style may be one."""
    from impasto.server.models.style import looks, presets

    wish = spec.stylize
    look = looks.find(wish.look)
    used = {}
    # Whether a file is a picture or a net is known when it is opened.
    if any(style.HasField("file") for style in wish.styles):
        used[looks.ONE_LOOK] = looks.net_version()
    if not wish.styles or not all(is_weights(style.name) for style in wish.styles):
        used[look.id] = f"{look.version}/{_weights(look)}"
    if any(style.name in presets.presets() and not style.HasField("file") for style in wish.styles):
        used["presets"] = f"{presets.VERSION}"
    return used


def is_weights(name: str) -> bool:
    """Whether a style's name can only be that of a net's weights."""
    return name.lower().endswith((".pth", ".pt", ".model", ".safetensors"))


def fill_of(spec: JobSpec) -> str:
    """What paints where no key sees; empty without keys."""
    wish = spec.stylize
    if not wish.keys:
        return ""
    if wish.fill in ("", "style"):
        return "style" if wish.styles else "nearest"
    return wish.fill


def value_of(message: Any, name: str, default: float) -> float:
    """A value of a message, or what stands in for it where it is absent."""
    return float(getattr(message, name)) if message.HasField(name) else default


def _weights(model: Model) -> str:
    """SHA-256 of the weights a model will use; empty where it needs none."""
    if not model.choices:
        return ""
    from impasto.server.models import weights

    return ",".join(weights.digest(file) for file in weights.default_store().ready_files(model))


def _between(spec: JobSpec, frames: Frames) -> list[Any]:
    """What decides frames in between: the moment of each, what is done over cuts and gaps, and the paint."""
    wish = spec.interpolate
    times = {frame: str(time) for frame, time in output_times(wish, frames.shot).items()}
    paint = sorted((e.frame, e.view, e.file.sha256) for e in wish.paint.files if e.frame in set(frames.shot))
    return [times, wish.repair, wish.cuts or "hold", wish.model or "auto", paint]


def _mask(mask: Mask, shot: Collection[int]) -> list[Any]:
    """A mask by its content, as far as it is of the shot."""
    files = mask.files.files
    inside = [entry for entry in files if entry.frame in shot] if numbered(mask) else files
    return [mask.layer, sorted((entry.frame, entry.view, entry.file.sha256) for entry in inside)]


def matte_parameters(spec: JobSpec) -> dict[str, float]:
    """What is done to occlusion mattes as they are written, by name, in its order; what is absent put in."""
    wish = spec.mattes
    return {"soft": wish.soft, "erode": wish.erode, "blur": wish.blur, "gain": value_of(wish, "gain", 1.0)}


def _canonical(spec: JobSpec, passes: Sequence[str]) -> dict[str, Any]:
    """Plain values of a job, with what is absent put in, so that naming a default changes nothing."""
    from impasto.server.models.style.looks import DEFAULT_LOOK

    wish, colour = spec.stylize, spec.colour
    return {
        "passes": passes,
        "depth": [spec.plate.depth, spec.plate.depth_near or "low"],
        "mattes": list(matte_parameters(spec).values()),
        "compression": spec.output.compression,
        "layer_prefix": spec.output.layer_prefix or "impasto_",
        "replace_layers": spec.output.replace_layers,
        "colour": [name or "auto" for name in (colour.plate, colour.key, colour.style, colour.out)],
        "strength": value_of(wish, "strength", 1.0),
        "style_scale": value_of(wish, "style_scale", 1.0),
        "preserve_colour": wish.preserve_colour,
        "preserve_luminance": wish.preserve_luminance,
        "relight": value_of(wish, "relight", 1.0),
        "seed": wish.seed,
        **({"every": wish.every} if wish.every > 1 else {}),
        **({"consistency": wish.consistency} if value_of(wish, "consistency", 1.0) < 1 else {}),
        "quality": spec.output.quality.measure or "quick",
        "scale_keys": wish.scale_keys,
        "fill": [fill_of(spec), value_of(wish, "fill_minutes", FILL_MINUTES) if fill_of(spec) == "net" else 0.0],
        "stmap": spec.stmap.key,
        "picking": [value_of(spec.keys, "share", 0.95), spec.keys.most, spec.keys.painted],
        "look": wish.look or DEFAULT_LOOK,
        "look_parameters": sorted(wish.look_parameters.items()),
        "statistics": wish.statistics or "frozen",
        "compile": wish.compile,
    }


def _cuts(spec: JobSpec) -> list[Any]:
    plate = spec.plate
    given = [(cut.frame, cut.until) for cut in plate.given_cuts]
    return [plate.cuts or "detect", given, sorted(set(plate.vetoed_cuts))]


def _ocio() -> str:
    """The colour configuration of this process: `$OCIO`, by content where it is a file."""
    name = os.environ.get("OCIO", "")
    try:
        return hashlib.sha256(Path(name).read_bytes()).hexdigest() if name else ""
    except OSError:
        return name
