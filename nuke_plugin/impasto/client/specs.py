"""Jobs from Python arguments: names and numbers only; nothing on disk is looked at."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from impasto.client.cuts import choose_cuts
from impasto.client.errors import BadRequestError
from impasto.client.options import ALWAYS, PASSES, Look, Mattes, Options, Painting, PathLike, Styling
from impasto.sequences import SequencePattern, read_curve
from impasto.v1 import job_pb2, plate_pb2

PICTURES = (".exr", ".png", ".tif", ".tiff", ".jpg", ".jpeg")


def stylize_spec(
    plate: PathLike,
    *,
    out: PathLike,
    style: PathLike | Styling | Iterable[PathLike | Styling] | None = None,
    keys: Mapping[int, PathLike | Painting] | None = None,
    scale_keys: bool = False,
    fill: str = "",
    fill_minutes: float | None = None,
    motion: str = "",
    strength: float | None = None,
    style_scale: float | None = None,
    relight: float | None = None,
    consistency: float | None = None,
    preserve_colour: bool = False,
    preserve_luminance: bool = False,
    mask: PathLike = "",
    look: str | Look = "",
    seed: int = 0,
    every: int = 0,
    options: Options | None = None,
) -> job_pb2.JobSpec:
    """A job that paints a shot.

    Args:
        plate: pattern of the sequence, one picture, or a video.
        out: pattern of the EXR files to write.
        style: a picture, a weights file or a preset's name; or a `Styling`; or several of these.
        keys: painted frames by their number.
        scale_keys: whether keys of another size and the plate's shape are scaled to it.
        fill: what paints where no key sees: style (the styles, in the keys' colours), nearest (the nearest key's
            manner), colours (the plate in the keys' colours), net (a small net trained on the keys) or none; empty
            means style, or nearest without a style.
        fill_minutes: of training the net on a CPU core; None means 4.
        motion: a model's id, `plate` for the plate's own layers, or a pattern of EXRs that hold motion; empty takes
            the default model.
        strength: 0 is the plate, 1 the paint.
        style_scale: brush size relative to the style picture's own.
        relight: how far paint follows the plate's light, 0..1.
        consistency: how far styles' paint stays what it was when it was laid: 1 wholly; down to 0.5 the broad colour
            of each frame's own painting comes back, from there to 0 its strokes too.
        preserve_colour: whether the plate keeps its hues.
        preserve_luminance: whether the plate keeps its broad light and shade.
        mask: where paint shows at all: a layer of the plate, or a pattern of pictures; empty means everywhere.
        look: what paints after pictures; a model's id, or a `Look`.
        seed: of every random draw.
        every: paint is laid in every so manieth frame and carried to the rest; 0 or 1 lets every frame be painted.
        options: what every kind of job takes.

    Raises:
        BadRequestError: something cannot be as asked.
        SequenceError: a pattern or range cannot be read.
    """
    spec = _spec(plate, out, options or Options())
    wish = spec.stylize
    wish.SetInParent()
    wish.styles.extend(style_spec(each) for each in _stylings(style))
    if os.fspath(mask):
        wish.mask.CopyFrom(mask_source(mask))
    _set_look(wish, Look(name=look) if isinstance(look, str) else look)
    for frame, key in sorted((keys or {}).items()):
        wish.keys.append(_key(frame, key))
    wish.scale_keys, wish.fill = scale_keys, fill
    wish.motion.CopyFrom(motion_source(motion))
    given = {
        "strength": strength,
        "style_scale": style_scale,
        "relight": relight,
        "consistency": consistency,
        "fill_minutes": fill_minutes,
    }
    for name, value in given.items():
        if value is not None:
            setattr(wish, name, value)
    wish.preserve_colour, wish.preserve_luminance = preserve_colour, preserve_luminance
    if not 0 <= seed < 1 << 32:
        raise BadRequestError(f"The seed {seed} lies outside 0 to {(1 << 32) - 1}.", reason="VALUE_INVALID")
    wish.seed = seed
    wish.every = _whole(every, "number of frames to paint every")
    return spec


def flow_spec(plate: PathLike, *, out: PathLike, motion: str = "", options: Options | None = None) -> job_pb2.JobSpec:
    """A job that measures motion and mattes alone. Arguments and errors are those of `stylize_spec`."""
    spec = _spec(plate, out, options or Options())
    spec.motion.motion.CopyFrom(motion_source(motion))
    return spec


def keys_spec(
    plate: PathLike,
    *,
    share: float | None = None,
    most: int = 0,
    painted: str = "",
    motion: str = "",
    options: Options | None = None,
) -> job_pb2.JobSpec:
    """A job that picks the frames worth painting; it writes no frames.

    Args:
        plate: as for `stylize_spec`.
        share: of all pixels of the frames wanted that the paint should cover, 0..1; None means 0.95.
        most: at most so many frames are picked; 0 for any number.
        painted: frames that are painted already, such as `1006`; the others are picked beside them.
        motion: as for `stylize_spec`.
        options: as for `stylize_spec`; what concerns written frames is not used.
    """
    spec = _spec(plate, None, options or Options())
    wish = spec.keys
    wish.motion.CopyFrom(motion_source(motion))
    if share is not None:
        wish.share = share
    wish.most, wish.painted = most, painted
    return spec


def stmap_spec(
    plate: PathLike, *, out: PathLike, key: int, motion: str = "", options: Options | None = None
) -> job_pb2.JobSpec:
    """A job that writes where the pixels of one frame are in the others, for Nuke's STMap.

    Args:
        plate: as for `stylize_spec`.
        out: as for `stylize_spec`.
        key: the frame whose paint the maps fetch.
        motion: as for `stylize_spec`.
        options: as for `stylize_spec`.
    """
    spec = _spec(plate, out, options or Options())
    spec.stmap.motion.CopyFrom(motion_source(motion))
    spec.stmap.key = key
    return spec


def interpolate_spec(
    plate: PathLike,
    *,
    out: PathLike,
    speed: float | None = None,
    factor: int | None = None,
    timing: PathLike | Sequence[tuple[float, float]] | None = None,
    at: Sequence[float] | None = None,
    out_first: int | None = None,
    repair: bool = False,
    model: str = "",
    motion: str = "",
    cuts: str = "",
    paint: PathLike | None = None,
    options: Options | None = None,
) -> job_pb2.JobSpec:
    """A job that makes frames in between. `options.frames` are numbers of the output; `options.shot` is what is read.

    Args:
        plate: pattern of the sequence, or a video.
        out: pattern of the EXR files to write.
        speed: plate frames an output frame goes on by: 0.5 is slow motion, below 0 backwards.
        factor: output frames to a plate frame.
        timing: a curve, as rows (output frame, time in the plate) or a CSV file of them.
        at: single times, in frame numbers of the plate.
        out_first: number of the first output frame; None takes the shot's first, or that of the curve's first row.
        repair: whether frames that lack or repeat the one before are made from their neighbours.
        model: what makes the colour in between; empty means auto.
        motion: as for `stylize_spec`.
        cuts: hold or nearest; empty means hold.
        paint: pattern of painted frames of this plate, which its motion carries.
        options: what every kind of job takes; passes are the plate's own layers here and are left out.

    Raises:
        BadRequestError: nothing is asked for, or two timings at once.
        SequenceError: a pattern, range or curve cannot be read.
    """
    options = options or Options()
    spec = _spec(plate, out, options)
    del spec.output.passes[:]
    wish = spec.interpolate
    wish.motion.CopyFrom(motion_source(motion))
    wish.model, wish.cuts, wish.repair = model, cuts, repair
    named = [
        name
        for name, value in (("speed", speed), ("factor", factor), ("timing", timing), ("at", at))
        if value is not None
    ]
    if len(named) > 1:
        raise BadRequestError(
            f"--{named[0]} and --{named[1]} both say which times are made; give one.", reason="TIMING_INVALID"
        )
    if not named and not repair:
        raise BadRequestError(
            "Nothing says which times are made; give --speed, --factor, --timing, --at or --repair.",
            reason="TIMING_MISSING",
        )
    if speed is not None:
        wish.speed = speed
    elif factor is not None:
        wish.factor = _whole(factor, "factor")
    elif timing is not None:
        for output, time in _curve(timing):
            wish.curve.rows.add(output_frame=output, input_frame=time)
    elif at is not None:
        wish.at.times.extend(at)
    if out_first is not None:
        wish.out_first = _whole(out_first, "first output frame")
    if paint is not None:
        SequencePattern.parse(paint)
        wish.paint.pattern = absolute(paint)
    return spec


def _whole(value: int, what: str) -> int:
    if not -(1 << 31) <= value < 1 << 31:
        raise BadRequestError(f"The {what} {value} is beyond all frame numbers.", reason="VALUE_INVALID")
    return value


def _curve(timing: PathLike | Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    return read_curve(Path(timing)) if isinstance(timing, str | os.PathLike) else timing


def motion_source(text: str) -> job_pb2.MotionSource:
    """Where motion comes from: a model's id, `plate`, or a pattern (which holds a dot, a slash or a number's mark)."""
    if text == "plate":
        return job_pb2.MotionSource(plate=True)
    if any(mark in text for mark in "./\\#%$"):
        return job_pb2.MotionSource(files=job_pb2.MotionFiles(pattern=absolute(text)))
    return job_pb2.MotionSource(model=text)


def mask_source(mask: PathLike) -> job_pb2.Mask:
    """A mask: pictures, where the text holds a slash, a number's mark or a picture's ending; else the plate's layer."""
    text = os.fspath(mask)
    if any(mark in text for mark in "/\\#%$") or text.lower().endswith(PICTURES):
        return job_pb2.Mask(files=job_pb2.MaskFiles(pattern=absolute(text)))
    return job_pb2.Mask(layer=text)


def expand_passes(names: Iterable[str], depth: bool = False) -> tuple[str, ...]:
    """Passes in their order, `all` (with `depth` where that is named) and `none` written out.

    Raises:
        BadRequestError: one is not known.
    """
    asked = set(names) - {"none", ""}
    unknown = sorted(asked - {*PASSES, "all"})
    if unknown:
        raise BadRequestError(
            f"There is no pass '{unknown[0]}'; there are: {', '.join(PASSES)}, all, none.", reason="PASS_UNKNOWN"
        )
    if "all" in asked:
        asked |= {*(PASSES if depth else ALWAYS)}
    return tuple(name for name in PASSES if name in asked)


def absolute(path: PathLike) -> str:
    """An absolute path; links and patterns are kept as they are."""
    return os.path.abspath(os.fspath(path))  # noqa: PTH100 - resolve() would follow links


def _spec(plate: PathLike, out: PathLike | None, options: Options) -> job_pb2.JobSpec:
    SequencePattern.parse(plate)
    if out is not None:
        SequencePattern.parse(out)
    source = job_pb2.PlateSource(
        pattern=absolute(plate), shot=options.shot, frames=options.frames, views=list(options.views)
    )
    source.depth, _, near = options.depth.partition(",near=")
    source.depth_near = near
    choose_cuts(source, options.cuts, options.vetoed_cuts)
    return job_pb2.JobSpec(
        plate=source,
        output=job_pb2.Output(
            pattern=absolute(out) if out is not None else "",
            passes=expand_passes(options.passes, options.depth not in ("", "none")) if out is not None else (),
            overwrite=options.overwrite,
            compression=options.compression,
            layer_prefix=options.layer_prefix,
            replace_layers=options.replace_layers,
            sheet=absolute(options.sheet) if options.sheet is not None else "",
            preview=absolute(options.preview) if options.preview is not None else "",
            quality=_quality(options),
        ),
        compute=job_pb2.Compute(
            device=options.device,
            threads=options.threads,
            precision=options.precision,
            memory_bytes=options.memory,
        ),
        colour=job_pb2.ColourSpaces(
            plate=options.colour, key=options.key_colour, style=options.style_colour, out=options.out_colour
        ),
        mattes=job_pb2.MatteParameters(**vars(options.mattes)) if options.mattes != Mattes() else None,
    )


def _quality(options: Options) -> job_pb2.Quality | None:
    """What is to be measured; nothing where all is left to the defaults."""
    wish = job_pb2.Quality(measure=options.quality, fail_on=options.fail_on)
    for threshold in options.thresholds:
        values = {name: value for name, value in vars(threshold).items() if value is not None}
        wish.thresholds.append(job_pb2.Threshold(**values))
    return wish if wish.ByteSize() else None


def _stylings(style: PathLike | Styling | Iterable[PathLike | Styling] | None) -> list[PathLike | Styling]:
    if style is None:
        return []
    return [style] if isinstance(style, str | os.PathLike | Styling) else list(style)


def style_spec(style: PathLike | Styling) -> job_pb2.Style:
    """A style as a job names it: a file where one is there or the name looks like a path, else a preset's name."""
    styling = style if isinstance(style, Styling) else Styling(style)
    name = os.fspath(styling.style)
    spec = job_pb2.Style(name=name, frames=styling.frames)
    if Path(name).is_file() or any(mark in name for mark in "./\\"):
        spec.file.path = absolute(name)
    if styling.weight is not None:
        spec.weight = styling.weight
    if os.fspath(styling.mask):
        spec.mask.CopyFrom(mask_source(styling.mask))
    if not 0 <= styling.fade < 1 << 20:
        raise BadRequestError(
            f"The fade of style {name} is {styling.fade}; give a number of frames.", reason="VALUE_INVALID"
        )
    spec.fade = styling.fade
    return spec


def _set_look(wish: job_pb2.StylizeSpec, look: Look) -> None:
    wish.look, wish.statistics, wish.compile = look.name, look.statistics, look.compile
    wish.masks_guide = look.masks_guide
    for name, value in look.parameters.items():
        wish.look_parameters[name] = value


def _key(frame: int, key: PathLike | Painting) -> job_pb2.Key:
    painting = key if isinstance(key, Painting) else Painting(key)
    return job_pb2.Key(
        frame=frame,
        file=plate_pb2.FileRef(path=absolute(painting.file)),
        weight=painting.weight,
        hold=painting.hold,
        mask=mask_source(painting.mask) if os.fspath(painting.mask) else None,
    )
