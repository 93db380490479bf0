"""What was decided of a job, in words for people to read."""

from __future__ import annotations

from impasto.sequences import format_frames
from impasto.server.jobs.planning.check_times import interpolation_models
from impasto.server.jobs.planning.digest import fill_of, matte_parameters, value_of
from impasto.server.jobs.planning.spec import depth_model, motion_model, motion_source
from impasto.v1.job_pb2 import JobSpec, Style


def choices_of(spec: JobSpec, device: str, precision: str) -> dict[str, str]:
    """Every choice by name, in the words its user would take."""
    source = motion_source(spec)
    given = {"plate": "the plate's own layers", "files": f"layers of {source.files.pattern}"}
    choices = {"device": device, "precision": precision}
    choices["motion"] = motion_model(spec) or given[source.WhichOneof("source") or "plate"]
    if words := _depth_in_words(spec):
        choices["depth"] = words
    choices["cuts"] = _cuts_in_words(spec)
    if changed := {name: value for name, value in matte_parameters(spec).items() if value != (name == "gain")}:
        choices["mattes"] = ", ".join(f"{name}={value:g}" for name, value in changed.items())
    if spec.WhichOneof("kind") == "stylize":
        from impasto.server.models.style import looks

        wish = spec.stylize
        choices["keys"] = format_frames(key.frame for key in wish.keys) or "none"
        choices["style"] = ", ".join(map(_style, wish.styles)) or "after the nearest key"
        if wish.keys:
            choices["fill"] = fill_of(spec)
        choices["look"] = looks.find(wish.look).id
        if wish.look_parameters:
            choices["look parameters"] = ", ".join(f"{n}={v:g}" for n, v in sorted(wish.look_parameters.items()))
        choices["statistics"] = wish.statistics or "frozen"
        if wish.compile:
            choices["nets"] = "compiled"
        choices["strength"] = f"{value_of(wish, 'strength', 1.0):g}"
        choices["seed"] = str(wish.seed)
        if wish.every > 1:
            choices["every"] = str(wish.every)
        if value_of(wish, "consistency", 1.0) < 1:
            choices["consistency"] = f"{wish.consistency:g}"
    elif spec.WhichOneof("kind") == "interpolate":
        choices["between"] = " or ".join(interpolation_models(spec))
        choices["at cuts"] = spec.interpolate.cuts or "hold"
        choices["repair"] = "yes" if spec.interpolate.repair else "no"
    return choices


def _depth_in_words(spec: JobSpec) -> str:
    """Where depth comes from and what depth.Z then means; nothing where it is left to the plate."""
    wish = spec.plate
    if name := depth_model(spec):
        return f"estimated by {name}: without unit, 1 near to 20 far"
    if not wish.depth or wish.depth == "none":
        return wish.depth or (
            "of the plate: distance in its unit, far is large" if "depth" in spec.output.passes else ""
        )
    inverse = "inverse of " if wish.depth_near == "high" else ""
    return f"{inverse}{wish.depth} of the plate: distance in its unit, far is large"


def _style(style: Style) -> str:
    """A style as its user would write it."""
    text = style.name + (f"={style.weight:g}" if style.HasField("weight") else "")
    if style.HasField("mask"):
        text += f",mask={style.mask.layer or style.mask.files.pattern}"
    text += f",frames={style.frames}" if style.frames else ""
    return text + (f",fade={style.fade}" if style.fade else "")


def _cuts_in_words(spec: JobSpec) -> str:
    plate = spec.plate
    if plate.cuts == "given":
        return ",".join(f"{c.frame}-{c.until}" if c.until else str(c.frame) for c in plate.given_cuts) or "none"
    vetoed = ",".join(map(str, sorted(set(plate.vetoed_cuts))))
    return (plate.cuts or "detect") + (f" but at {vetoed}" if vetoed else "")
