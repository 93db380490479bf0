"""What may be asked of other times: timing, models, cuts and paint."""

from __future__ import annotations

import bisect

from impasto.sequences import SequenceError, output_times, parse_frames
from impasto.server.errors import BadRequest
from impasto.server.jobs.planning.spec import depth_model
from impasto.server.models import catalogue
from impasto.v1.job_pb2 import JobSpec

AUTO = "auto"
CUTS = ("", "hold", "nearest")


def check_times(spec: JobSpec, shot: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
    """The frames wanted, all of which the timing makes.

    Raises:
        BadRequest: the timing cannot be used, or a frame is none of its.
    """
    try:
        times = output_times(spec.interpolate, shot)
    except SequenceError as error:
        raise BadRequest(str(error), reason="TIMING_INVALID") from error
    unknown = sorted(set(wanted) - set(times))
    if unknown:
        raise BadRequest(
            f"Frame {unknown[0]} is wanted but the timing makes {min(times)}-{max(times)}; change --frames, which are "
            "numbers of the output, or the timing.",
            reason="FRAMES_OUTSIDE_SHOT",
            frame=unknown[0],
        )
    return wanted


def interpolation_models(spec: JobSpec) -> tuple[str, ...]:
    """Ids of the models that may make colour in between, the best first; the last is always at hand.

    Raises:
        NotFound: the one asked for is unknown.
    """
    from impasto.server.models import weights

    wish = spec.interpolate.model or AUTO
    if wish != AUTO:
        return (catalogue.find(wish, "interpolation").id,)
    store = weights.default_store()
    allowed = {"splat"}
    for model in catalogue.catalogue().values():
        here = [choice for choice in model.choices if model.family == "interpolation" and store.here(choice)]
        if any(store.policy == "any" or weights.commercial(choice.licence) for choice in here):
            allowed.add(model.id)
    return tuple(name for name in ("sepconv", "ifnet", "impasto-blend", "splat") if name in allowed)


def check_interpolation(spec: JobSpec) -> None:
    """Check what a job of other times asks for beside its times.

    Raises:
        BadRequest: the first thing that is wrong.
        NotFound: the model is unknown.
    """
    wish = spec.interpolate
    if spec.output.passes:
        raise BadRequest(
            "Frames in between carry the plate's own layers and no passes of ours; leave --passes out, or run impasto "
            "flow on the result.",
            reason="PASS_UNKNOWN",
        )
    if spec.colour.out:
        raise BadRequest(
            "Frames in between keep the plate's colour space; leave --out-colour out.", reason="VALUE_INVALID"
        )
    if name := depth_model(spec):
        raise BadRequest(
            f"Depth that {name} estimates is only written, and frames in between get no depth of ours; name a layer of "
            "the plate, or leave --depth out.",
            reason="DEPTH_INVALID",
        )
    if wish.WhichOneof("timing") is None and not wish.repair:
        raise BadRequest(
            "Nothing says which times are made; give --speed, --factor, --timing, --at or --repair.",
            reason="TIMING_MISSING",
        )
    if wish.cuts not in CUTS:
        raise BadRequest(f"There is no way '{wish.cuts}' over cuts; say hold or nearest.", reason="VALUE_INVALID")
    if wish.paint.pattern and not wish.paint.files:
        raise BadRequest(
            f"The painted frames '{wish.paint.pattern}' have no files; look at their path and numbers.",
            reason="PAINT_EMPTY",
        )
    if wish.model not in ("", AUTO):
        model = catalogue.find(wish.model, "interpolation")
        if any(known.name == "middle_only" for known in model.parameters):
            _check_middles(spec, model.id)


def _check_middles(spec: JobSpec, model: str) -> None:
    shot = parse_frames(spec.plate.shot)
    for frame, time in output_times(spec.interpolate, shot).items():
        place = bisect.bisect_right(shot, time) - 1
        if time != shot[place] and 2 * time != shot[place] + shot[place + 1]:
            raise BadRequest(
                f"The model {model} makes frames half way between two only, and output frame {frame} is time "
                f"{float(time):g}; ask for --factor 2, or take --model splat.",
                reason="VALUE_INVALID",
                frame=frame,
            )
