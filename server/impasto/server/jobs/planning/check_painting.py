"""What may be asked of styles, keys, masks and the values that go with them."""

from __future__ import annotations

import math

from impasto.server.errors import BadRequest, NotFound
from impasto.server.jobs.planning.check_ranges import Frames, read_range, refuse_doubles, refuse_outside_shot
from impasto.server.jobs.planning.spec import numbered
from impasto.v1.job_pb2 import JobSpec, Mask, Style, StylizeSpec

FILLS = ("", "style", "nearest", "colours", "net", "none")

MOST_FILL_MINUTES = 600.0


def check_styles(spec: JobSpec, frames: Frames) -> None:
    """Refuse styles, and the mask of the whole, that cannot be used (`BadRequest`, `NotFound`)."""
    from impasto.server.models.style import presets

    wish = spec.stylize
    if not wish.styles and not wish.keys:
        raise BadRequest("The job has neither a style nor a key; give --style or --key.", reason="LOOK_MISSING")
    for style in wish.styles:
        if not style.HasField("file") and style.name not in presets.presets():
            raise NotFound(
                f"There is no style '{style.name}': it is no file and no preset; presets are: "
                f"{', '.join(sorted(presets.presets()))}.",
                reason="STYLE_UNKNOWN",
            )
        shown = read_range(style.frames, f"style {style.name}") if style.frames else frames.shot
        if not set(shown) & set(frames.shot):
            raise BadRequest(
                f"The style {style.name} is for frames {style.frames}, none of which is in the shot {spec.plate.shot}; "
                "change its frames= or widen --shot.",
                reason="RANGE_INVALID",
            )
        _check_weight(style)
        if style.HasField("mask"):
            _check_mask(style.mask, f"style {style.name}", set(shown) & set(frames.shot), spec)
    if wish.styles and all(style.HasField("weight") and style.weight == 0 for style in wish.styles):
        raise BadRequest("Every style has the weight 0; give one of them more.", reason="VALUE_INVALID")
    if wish.HasField("mask"):
        _check_mask(wish.mask, "job", set(frames.wanted), spec)
    if wish.masks_guide:
        _check_guided(wish)


def _check_guided(wish: StylizeSpec) -> None:
    from impasto.server.models.catalogue import catalogue
    from impasto.server.models.style import looks

    look = looks.find(wish.look)
    if not look.guided:
        able = ", ".join(sorted(model.id for model in catalogue().values() if model.guided))
        raise BadRequest(
            f"Masks cannot guide the look {look.id}; choose --look {able}, or leave out --masks-guide.",
            reason="LOOK_INVALID",
        )
    if not any(style.HasField("mask") for style in wish.styles):
        raise BadRequest(
            "No style has a mask that could guide; give mask=, or leave out --masks-guide.", reason="MASK_EMPTY"
        )


def _check_weight(style: Style) -> None:
    most = 1.0 if style.HasField("mask") else math.inf
    if style.HasField("weight") and not (math.isfinite(style.weight) and 0 <= style.weight <= most):
        allowed = "between 0 and 1, as it has a mask" if style.HasField("mask") else "0 or more"
        raise BadRequest(
            f"The style {style.name} has the weight {style.weight:g}; it is {allowed}.", reason="VALUE_INVALID"
        )


def _check_mask(mask: Mask, whose: str, needed: set[int], spec: JobSpec) -> None:
    if mask.WhichOneof("source") is None:
        raise BadRequest(f"The mask of the {whose} names neither a layer nor files.", reason="MASK_EMPTY")
    if mask.WhichOneof("source") == "layer":
        return
    there = {entry.frame for entry in mask.files.files}
    if not there:
        raise BadRequest(
            f"The mask '{mask.files.pattern}' has no files; look at its path and frame numbers.", reason="MASK_EMPTY"
        )
    refuse_doubles(mask.files.files, "mask")
    plate = {entry.frame for entry in spec.plate.files} or needed
    missing = sorted((needed & plate) - there) if numbered(mask) else []
    if missing:
        raise BadRequest(
            f"The mask '{mask.files.pattern}' has no frame {missing[0]}; render it, or leave it out of the range.",
            reason="MASK_MISSING",
            frame=missing[0],
        )


def check_values(spec: JobSpec) -> None:
    """Refuse a value that lies outside its range (`BadRequest`)."""
    from impasto.server.models.style import looks, statistics

    wish = spec.stylize
    looks.check(wish.look, wish.look_parameters)
    kinds = [kind.value for kind in statistics.Statistics]
    if wish.statistics and wish.statistics not in kinds:
        raise BadRequest(
            f"There are no statistics '{wish.statistics}'; say {', '.join(kinds[:-1])} or {kinds[-1]}.",
            reason="VALUE_INVALID",
        )
    scale = looks.STYLE_SCALE
    if wish.every < 0:
        raise BadRequest(f"Every {wish.every} frames cannot be painted; give 1 or more.", reason="VALUE_INVALID")
    ranges = {
        "strength": (0.0, 1.0),
        "style_scale": (scale.minimum, scale.maximum),
        "relight": (0.0, 1.0),
        "consistency": (0.0, 1.0),
    }
    for name, (low, high) in ranges.items():
        value = getattr(wish, name)
        if wish.HasField(name) and not low <= value <= high:
            raise BadRequest(
                f"{name.replace('_', '-').capitalize()} is {value:g}; it lies between {low:g} and {high:g}.",
                reason="VALUE_INVALID",
            )
    if wish.every > 1 and wish.HasField("consistency") and wish.consistency < 1:
        raise BadRequest(
            f"Consistency {wish.consistency:g} lets every frame be painted, and every {wish.every} paints few of them; "
            "leave out one of the two.",
            reason="VALUE_INVALID",
        )


def check_keys(spec: JobSpec, frames: Frames) -> None:
    """Refuse keys, their masks, and a fill that cannot be used (`BadRequest`)."""
    seen: set[int] = set()
    for key in spec.stylize.keys:
        refuse_outside_shot(key.frame, spec, frames)
        if key.frame in seen:
            raise BadRequest(f"Frame {key.frame} has two keys; give one.", reason="FRAME_TWICE", frame=key.frame)
        seen.add(key.frame)
        if key.HasField("weight") and not (math.isfinite(key.weight) and key.weight > 0):
            raise BadRequest(
                f"The key of frame {key.frame} has weight {key.weight:g}; it must be above 0.", reason="VALUE_INVALID"
            )
        if key.hold:
            read_range(key.hold, f"hold of key {key.frame}")
        if key.HasField("mask"):
            _check_mask(key.mask, f"key of frame {key.frame}", {key.frame}, spec)
    _check_fill(spec)


def _check_fill(spec: JobSpec) -> None:
    wish = spec.stylize
    if wish.fill not in FILLS:
        raise BadRequest(f"There is no fill '{wish.fill}'; there are: {', '.join(FILLS[1:])}.", reason="FILL_UNKNOWN")
    if wish.fill and not wish.keys:
        raise BadRequest(
            f"The fill '{wish.fill}' is for what no key sees, and there is no key; give --key, or leave out --fill.",
            reason="FILL_UNKNOWN",
        )
    if wish.HasField("fill_minutes") and not 0 < wish.fill_minutes <= MOST_FILL_MINUTES:
        raise BadRequest(
            f"Fill-minutes is {wish.fill_minutes:g}; it lies above 0 and up to {MOST_FILL_MINUTES:g}.",
            reason="VALUE_INVALID",
        )
