"""What is decided before any work, the same for the same spec on every machine of one kind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from impasto.sequences import format_frames, parse_frames
from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest
from impasto.server.jobs.planning.check import check
from impasto.server.jobs.planning.check_ranges import Frames
from impasto.server.jobs.planning.choices import choices_of
from impasto.server.jobs.planning.costs import expected_disk, expected_peak, expected_seconds
from impasto.server.jobs.planning.devices import resolve_device
from impasto.server.jobs.planning.digest import digest_of, is_weights, models_used
from impasto.server.jobs.planning.spec import makes_frames, motion_model, output_pattern
from impasto.v1.job_pb2 import JobSpec
from impasto.v1.job_pb2 import Plan as PlanMessage

if TYPE_CHECKING:
    from impasto.server.plates import Header


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
        threads: cores the work may use, also to compress files; never changes a pixel.
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
    peak = expected_peak(spec, pixels)
    warnings = _warnings(spec, frames)
    if peak > memory:
        warnings.append(
            f"The job may need {peak / 2**30:.1f} GiB and is planned for {memory / 2**30:.1f} GiB; raise --memory."
        )
    return Plan(
        digest=digest_of(spec, frames, device, precision, memory if replanned or _by_net(spec) else 0),
        shot=frames.shot,
        frames=frames.wanted,
        views=views,
        device=device,
        precision=precision,
        threads=spec.compute.threads or config.worker_threads,
        memory=memory,
        choices=choices_of(spec, device, precision) | _motion_in_words(spec, header, device, precision, memory),
        warnings=tuple(warnings),
        file_views=file_views,
        seconds=expected_seconds(spec, frames, pixels, len(views)),
        peak=peak,
        disk=expected_disk(spec, frames, pixels, len(views), header),
        replanned=replanned,
        makes_frames=makes_frames(spec),
    )


def _by_net(spec: JobSpec) -> bool:
    """Whether a net measures motion: in what form, and whether in tiles, is a matter of the memory planned."""
    from impasto.server.models.catalogue import find

    name = motion_model(spec)
    return bool(name) and bool(find(name, "flow").choices)


def _motion_in_words(spec: JobSpec, header: Header | None, device: str, precision: str, memory: int) -> dict[str, str]:
    """How a net finds the motion of pictures too large for it at once; nothing where it does not come to that."""
    sizes: dict[str, Literal["small", "large"]] = {"raft-small": "small", "raft-large": "large"}
    size = sizes.get(motion_model(spec))
    if size is None or header is None:
        return {}
    from impasto.server.models.flow import raft_memory

    window = header.data_window
    ways, element = raft_memory.ways_at_once(device), 4 if precision == "float32" else 2
    arrangement = raft_memory.arranged(size, window.height, window.width, ways, memory, element)
    words = raft_memory.in_words(arrangement)
    return {"motion": f"{motion_model(spec)} {words}"} if words else {}


def _precision(spec: JobSpec) -> str:
    wish = spec.compute.precision
    if wish in ("", "auto", "float32"):
        return "float32"
    from impasto.server.models.catalogue import catalogue
    from impasto.server.models.style.looks import ONE_LOOK

    used = [catalogue()[name] for name in models_used(spec) if name in catalogue()]
    named = any(is_weights(style.name) for style in spec.stylize.styles)
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
