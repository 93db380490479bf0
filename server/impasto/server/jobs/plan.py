"""What is decided before any work, the same for the same spec on every machine of one kind."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.sequences import format_frames, output_times, parse_frames
from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest
from impasto.server.jobs.interpolation import interpolation_models
from impasto.server.jobs.spec import (
    Frames,
    check,
    makes_frames,
    motion_model,
    motion_source,
    numbered,
    output_pattern,
)
from impasto.v1.job_pb2 import JobSpec, Mask, Style
from impasto.v1.job_pb2 import Plan as PlanMessage

if TYPE_CHECKING:
    from impasto.server.models.card import Model
    from impasto.server.plates import Header

SECONDS_PER_MEGAPIXEL = {
    "dis": 2.0,
    "facets": 6.0,
    "deepflow": 12.0,
    "swd": 65.0,
    "johnson": 12.0,
    "gatys": 600.0,
    "styleformer": 30.0,
}
"""Expected seconds a frame of a million pixels takes in a model, both directions of motion, on 2 CPU cores."""
SECONDS_AROUND = 3.0
"""The same for reading, carrying, resampling and writing."""
SECONDS_OF_PICKING = 0.017
"""What it takes to carry one key's paint, small, by a frame."""
FILL_MINUTES = 4.0
"""Of training the fill net, where a job names none."""
BYTES_PER_PIXEL_WORKING = 900
"""Peak memory of the picture-making beside the plates: about 225 float32 planes."""
BYTES_PER_PIXEL_OF_PASS = {"motion": 16, "occlusion": 4, "confidence": 4, "source": 14, "cause": 2}
"""Uncompressed bytes a pass adds to a pixel."""


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
        threads: that compress and uncompress files; never changes a pixel.
        memory: bytes planned for.
        choices: numerical choices by name, for people to read.
        warnings: what its user should know before it runs.
        file_views: views with files of their own, in the order of `views`; one empty name where a file holds all.
        seconds: expected working time.
        peak: expected peak memory in bytes.
        disk: expected size of the output in bytes.
        replanned: how often the device ran out of memory and the whole shot was planned for half of it.
        makes_frames: whether frames are written at all.
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
    file_views: tuple[str, ...] = ("",)
    seconds: float = 0.0
    peak: int = 0
    disk: int = 0
    replanned: int = 0
    makes_frames: bool = True

    @property
    def total(self) -> int:
        """Files to be written."""
        return len(self.frames) * len(self.file_views) * self.makes_frames

    def to_json(self) -> str:
        """As text, for keeping; frames as ranges."""
        values = asdict(self) | {"shot": format_frames(self.shot), "frames": format_frames(self.frames)}
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """What `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        for name in ("shot", "frames"):
            values[name] = parse_frames(values[name]) if values[name] else ()
        for name in ("views", "file_views", "warnings"):
            values[name] = tuple(values[name])
        return cls(**values)

    def to_proto(self, missing: Sequence[str] = ()) -> PlanMessage:
        """As the contract shows it, with the files the server lacks."""
        return PlanMessage(
            digest=self.digest,
            shot=format_frames(self.shot),
            frames=format_frames(self.frames),
            views=self.views,
            choices=self.choices,
            seconds=self.seconds,
            memory_bytes=self.peak,
            disk_bytes=self.disk,
            missing=missing,
            warnings=self.warnings,
        )


def make_plan(spec: JobSpec, config: ServerConfig, header: Header | None, replanned: int = 0) -> Plan:
    """Check a job and decide everything about it; never looks at free memory or load.

    Args:
        spec: what is asked.
        config: what stands in for what the spec leaves open.
        header: of one readable frame of the plate; None while there is none, then views and sizes stay open.
        replanned: how often the device ran out of memory before; each time halves what is planned for.

    Raises:
        BadRequest: it cannot be done as asked.
        NotFound: a model is unknown.
    """
    frames = check(spec)
    if len(frames.shot) > config.max_frames:
        raise BadRequest(
            f"The shot has {len(frames.shot)} frames and this server takes {config.max_frames} a job; cut the shot, or "
            "raise max_frames of the server.",
            reason="FRAMES_TOO_MANY",
        )
    device = resolve_device(spec.compute.device or config.device)
    precision = _precision(spec)
    file_views, views = _views(spec, header)
    pixels = header.data_window.width * header.data_window.height if header is not None else 0
    memory = (spec.compute.memory_bytes or config.memory) >> replanned
    peak = _peak(spec, pixels)
    warnings = _warnings(spec, frames)
    if peak > memory:
        warnings.append(
            f"The job may need {peak / 2**30:.1f} GiB and is planned for {memory / 2**30:.1f} GiB; raise --memory."
        )
    return Plan(
        digest=_digest(spec, frames, device, precision, memory if replanned else 0),
        shot=frames.shot,
        frames=frames.wanted,
        views=views,
        device=device,
        precision=precision,
        threads=spec.compute.threads or config.worker_threads,
        memory=memory,
        choices=_choices(spec, device, precision),
        warnings=tuple(warnings),
        file_views=file_views,
        seconds=_seconds(spec, frames, pixels, len(views)),
        peak=peak,
        disk=_disk(spec, frames, pixels, len(views), header),
        replanned=replanned,
        makes_frames=makes_frames(spec),
    )


def resolve_device(wish: str) -> str:
    """The device meant by `auto`, `cpu`, `cuda` or `cuda:N`: for auto the first CUDA device, else the CPU.

    Raises:
        BadRequest: the machine does not have it (`DEVICE_UNKNOWN`).
    """
    if wish == "cpu":
        return "cpu"
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wish in ("", "auto"):
        return "cuda:0" if count else "cpu"
    number = int(wish.partition(":")[2] or 0)
    if number >= count:
        raise BadRequest(
            f"The server has no device '{wish}'; it has cpu{''.join(f', cuda:{n}' for n in range(count))}.",
            reason="DEVICE_UNKNOWN",
        )
    return f"cuda:{number}"


def devices_meant(spec: JobSpec, config: ServerConfig, plan: Plan) -> tuple[str, ...]:
    """The devices a job may run on: the one named, or for `auto` every device of the kind of the plan's.

    Devices of one kind give the same bits; which of them a job runs on decides nothing.
    """
    wish = spec.compute.device or config.device
    if wish not in ("", "auto") or not plan.device.startswith("cuda"):
        return (plan.device,)
    import torch

    kind = torch.cuda.get_device_name(plan.device)
    count = torch.cuda.device_count()
    return tuple(f"cuda:{n}" for n in range(count) if torch.cuda.get_device_name(n) == kind) or (plan.device,)


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
    if spec.WhichOneof("kind") == "stylize":
        used |= _looks_used(spec)
    if spec.WhichOneof("kind") == "interpolate":
        for name in {*interpolation_models(spec), "splat"}:
            model = find(name, "interpolation")
            used[name] = f"{model.version}/{_weights(model)}"
    return used


def _looks_used(spec: JobSpec) -> dict[str, str]:
    """The look that paints after pictures or keys, and the nets of one look where a style may be one."""
    from impasto.server.models.style import looks, presets

    wish = spec.stylize
    look = looks.find(wish.look)
    used = {}
    # Whether a file is a picture or a net is known when it is opened.
    if any(style.HasField("file") for style in wish.styles):
        used[looks.ONE_LOOK] = looks.net_version()
    if not wish.styles or not all(_is_weights(style.name) for style in wish.styles):
        used[look.id] = f"{look.version}/{_weights(look)}"
    if any(style.name in presets.presets() and not style.HasField("file") for style in wish.styles):
        used["presets"] = f"{presets.VERSION}"
    return used


def _is_weights(name: str) -> bool:
    """Whether a style's name can only be that of a net's weights."""
    return name.lower().endswith((".pth", ".pt", ".model", ".safetensors"))


def _weights(model: Model) -> str:
    """SHA-256 of the weights a model will use; empty where it needs none."""
    if not model.choices:
        return ""
    from impasto.server.models import weights

    return ",".join(weights.digest(file) for file in weights.default_store().ready_files(model))


def _precision(spec: JobSpec) -> str:
    wish = spec.compute.precision
    if wish in ("", "auto", "float32"):
        return "float32"
    from impasto.server.models.catalogue import catalogue
    from impasto.server.models.style.looks import ONE_LOOK

    used = [catalogue()[name] for name in models_used(spec) if name in catalogue()]
    named = any(_is_weights(style.name) for style in spec.stylize.styles)
    # What needs no weights is no net and works as it does in any case.
    nets = [model for model in used if model.choices and (model.id != ONE_LOOK or named)]
    wrong = [model.id for model in nets if wish not in model.precisions] or [model.id for model in used if not nets]
    if wrong:
        raise BadRequest(
            f"The model {wrong[0]} was not tested in {wish}; use float32.", reason="PRECISION_UNKNOWN", model=wrong[0]
        )
    return wish


def _views(spec: JobSpec, header: Header | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Views that have files of their own, and views to render; the latter empty while they are not known.

    Raises:
        BadRequest: a view is asked for that the plate does not have (`VIEW_UNKNOWN`), or files get in each other's
            way.
    """
    asked = tuple(spec.plate.views)
    of_files = tuple(dict.fromkeys(entry.view for entry in spec.plate.files)) or ("",)
    if of_files != ("",) and "" in of_files:
        raise BadRequest(
            "Some files of the plate name a view and some do not; let all or none.", reason="PLATE_INVALID"
        )
    known = of_files if of_files != ("",) else header.views if header is not None else ()
    for view in asked:
        if known and view not in known:
            there = ", ".join(known) if known != ("",) else "none"
            raise BadRequest(f"The plate has no view '{view}'; it has: {there}.", reason="VIEW_UNKNOWN")
    views = asked or tuple(known)
    if not makes_frames(spec):
        return of_files, views
    pattern = output_pattern(spec)
    if of_files == ("",):
        if pattern.has_views:
            raise BadRequest(
                f"The output '{spec.output.pattern}' holds %V but one file of the plate holds all its views; "
                "leave %V out.",
                reason="OUTPUT_INVALID",
            )
        return ("",), views
    if len(views) > 1 and not pattern.has_views:
        raise BadRequest(
            f"The plate has files for each of {', '.join(views)} and the output '{spec.output.pattern}' one for all; "
            "put %V where the view goes.",
            reason="OUTPUT_INVALID",
        )
    return views, views


def _digest(spec: JobSpec, frames: Frames, device: str, precision: str, shrunk: int) -> str:
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
            [k.frame, k.file.sha256, _value(k, "weight", 1.0), k.hold, _mask(k.mask, {k.frame})]
            for k in spec.stylize.keys
        ),
        "styles": [
            [s.file.sha256 or s.name, _value(s, "weight", 1.0), _mask(s.mask, in_shot), s.frames, s.fade]
            for s in spec.stylize.styles
        ],
        "mask": _mask(spec.stylize.mask, in_shot),
        "motion": [
            motion_model(spec),
            source.plate,
            sorted((e.frame, e.view, e.file.sha256) for e in source.files.files if e.frame in in_shot),
        ],
        "models": models_used(spec),
        "device": device.partition(":")[0],
        "precision": precision,
        "ocio": _ocio(),
    } | ({"memory": shrunk} if shrunk else {})
    if spec.WhichOneof("kind") == "interpolate":
        parts["between"] = _between(spec, frames)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


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


def _canonical(spec: JobSpec, passes: Sequence[str]) -> dict[str, Any]:
    """Plain values of a job, with what is absent put in, so that naming a default changes nothing."""
    from impasto.server.models.style.looks import DEFAULT_LOOK

    wish, colour = spec.stylize, spec.colour
    return {
        "passes": passes,
        "compression": spec.output.compression,
        "layer_prefix": spec.output.layer_prefix or "impasto_",
        "replace_layers": spec.output.replace_layers,
        "colour": [name or "auto" for name in (colour.plate, colour.key, colour.style, colour.out)],
        "strength": _value(wish, "strength", 1.0),
        "style_scale": _value(wish, "style_scale", 1.0),
        "preserve_colour": wish.preserve_colour,
        "preserve_luminance": wish.preserve_luminance,
        "relight": _value(wish, "relight", 1.0),
        "seed": wish.seed,
        **({"every": wish.every} if wish.every > 1 else {}),
        "quality": spec.output.quality.measure or "quick",
        "scale_keys": wish.scale_keys,
        "fill": [fill_of(spec), _value(wish, "fill_minutes", FILL_MINUTES) if fill_of(spec) == "net" else 0.0],
        "stmap": spec.stmap.key,
        "picking": [_value(spec.keys, "share", 0.95), spec.keys.most, spec.keys.painted],
        "look": wish.look or DEFAULT_LOOK,
        "look_parameters": sorted(wish.look_parameters.items()),
        "statistics": wish.statistics or "frozen",
        "compile": wish.compile,
    }


def _cuts(spec: JobSpec) -> list[Any]:
    plate = spec.plate
    given = [(cut.frame, cut.until) for cut in plate.given_cuts]
    return [plate.cuts or "detect", given, sorted(set(plate.vetoed_cuts))]


def fill_of(spec: JobSpec) -> str:
    """What paints where no key sees; empty without keys."""
    wish = spec.stylize
    if not wish.keys:
        return ""
    if wish.fill in ("", "style"):
        return "style" if wish.styles else "nearest"
    return wish.fill


def _value(message: Any, name: str, default: float) -> float:
    return float(getattr(message, name)) if message.HasField(name) else default


def _ocio() -> str:
    """The colour configuration of this process: `$OCIO`, by content where it is a file."""
    name = os.environ.get("OCIO", "")
    try:
        return hashlib.sha256(Path(name).read_bytes()).hexdigest() if name else ""
    except OSError:
        return name


def _choices(spec: JobSpec, device: str, precision: str) -> dict[str, str]:
    source = motion_source(spec)
    given = {"plate": "the plate's own layers", "files": f"layers of {source.files.pattern}"}
    choices = {"device": device, "precision": precision}
    choices["motion"] = motion_model(spec) or given[source.WhichOneof("source") or "plate"]
    choices["cuts"] = _cuts_in_words(spec)
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
        choices["strength"] = f"{_value(wish, 'strength', 1.0):g}"
        choices["seed"] = str(wish.seed)
        if wish.every > 1:
            choices["every"] = str(wish.every)
    elif spec.WhichOneof("kind") == "interpolate":
        choices["between"] = " or ".join(interpolation_models(spec))
        choices["cuts"] = spec.interpolate.cuts or "hold"
        choices["repair"] = "yes" if spec.interpolate.repair else "no"
    return choices


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


def _warnings(spec: JobSpec, frames: Frames) -> list[str]:
    if spec.plate.HasField("video"):
        return []
    there = {entry.frame for entry in spec.plate.files}
    absent = [frame for frame in frames.shot if frame not in there]
    if not absent:
        return []
    many = len(absent) > 1
    if spec.WhichOneof("kind") == "interpolate":
        whose = "their" if many else "its"
        return [
            f"{'Frames' if many else 'Frame'} {format_frames(absent)} of the plate {'are' if many else 'is'} missing; "
            + (
                f"{'they are' if many else 'it is'} made from {whose} neighbours."
                if spec.interpolate.repair
                else f"what needs {'them' if many else 'it'} is not written; --repair makes it."
            )
        ]
    return [
        f"{'Frames' if many else 'Frame'} {format_frames(absent)} of the plate {'are' if many else 'is'} missing; "
        f"{'they are' if many else 'it is'} bridged from {'their' if many else 'its'} neighbours and not written."
    ]


def _seconds(spec: JobSpec, frames: Frames, pixels: int, views: int) -> float:
    """Expected time: motion of the whole shot, then paint and the rest for the frames wanted.

    A frame costs its megapixels times the model's seconds. With keys a third of each frame, without a whole frame
    once and a fifth of each further one, is painted by a look.
    """
    megapixels = pixels / 1e6 * max(views, 1)
    model = motion_model(spec)
    seconds = len(frames.shot) * SECONDS_PER_MEGAPIXEL.get(model, 5.0 if model else 0.2)
    seconds += len(frames.wanted) * SECONDS_AROUND
    once = 0.0
    if spec.WhichOneof("kind") == "keys" and pixels:
        once = SECONDS_OF_PICKING * min(len(frames.wanted), 48) * len(frames.shot)
    if spec.WhichOneof("kind") == "stylize":
        first, further = (0.0, 1 / 3) if spec.stylize.keys else (1.0, 1 / 5)
        per_megapixel = max(SECONDS_PER_MEGAPIXEL.get(name, 5.0) for name in _looks_used(spec))
        if fill_of(spec) == "net":
            once, per_megapixel = 60 * _value(spec.stylize, "fill_minutes", FILL_MINUTES), 4.0
        seconds += per_megapixel * max(1, len(spec.stylize.styles)) * (first + further * len(frames.wanted))
    return round(seconds * megapixels + once, 3)


def _peak(spec: JobSpec, pixels: int) -> int:
    """Expected peak memory: 1 GiB for the program, 256 MiB of open plates, and the planes of the picture-making."""
    working = BYTES_PER_PIXEL_WORKING + 12 * 4 * len(spec.stylize.keys)
    return (1 << 30) + (256 << 20) + working * pixels if pixels else 0


def _disk(spec: JobSpec, frames: Frames, pixels: int, views: int, header: Header | None) -> int:
    """Expected size of the output, uncompressed: the plate's own channels, and the passes of every view."""
    if header is None or not makes_frames(spec):
        return 0
    own = sum(dtype.itemsize for dtype in header.channels.values())
    passes = sum(BYTES_PER_PIXEL_OF_PASS[name] for name in set(spec.output.passes)) * max(views, 1)
    if spec.WhichOneof("kind") == "stmap":
        passes += 10 * max(views, 1)
    return len(frames.wanted) * pixels * (own + passes)
