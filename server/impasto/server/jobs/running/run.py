"""One job, from its plates to its last written frame."""

from __future__ import annotations

import dataclasses

import structlog

from impasto.sequences import format_frames
from impasto.server import plates
from impasto.server.jobs.inputs.arrivals import Disproved
from impasto.server.jobs.inputs.sequence import Follow, Sequence, sequences
from impasto.server.jobs.inputs.source import common_raster
from impasto.server.jobs.results import review
from impasto.server.jobs.running import pick
from impasto.server.jobs.running.depth import make_depth
from impasto.server.jobs.running.early import early_motion
from impasto.server.jobs.running.making import make, read_shot
from impasto.server.jobs.running.parting import PartedMotion, Parts, part
from impasto.server.jobs.running.recipe import make_motion
from impasto.server.jobs.running.retime import retime
from impasto.server.jobs.task import Task
from impasto.server.shots.analysis import analyse
from impasto.server.shots.motion import Motion

log = structlog.get_logger(__name__)


def run(task: Task) -> None:
    """Make and write every frame of a job that is not written yet.

    A frame that cannot be read or made is told to the listener; the others go on.

    Raises:
        ImpastoError: what concerns the whole job.
        Cancelled: it was stopped on demand.
    """
    plates.use_threads(task.plan.threads)
    while True:
        try:
            _run(task)
            return
        except Disproved as found:
            log.warning("begun anew", frame=found.frame, why=found.why)
            task.listener.begin_anew(
                f"{found.why} It was on its way while other frames were made; all of the job are made anew without it."
            )
            task = dataclasses.replace(task, done=frozenset(), presumed=False)


def _run(task: Task) -> None:
    """Make and write what is not written yet, and see that all frames are what they were taken for."""
    if coming := any(not task.here(entry.file) for entry in task.spec.plate.files):
        task.listener.presume(True)
    looked_at = _make_sequences(task)
    for sequence in looked_at if coming or task.presumed else ():
        sequence.frames.confirm()
        _refuse_presumption(task, sequence)
    if coming or task.presumed:
        task.listener.presume(False)


def _refuse_presumption(task: Task, sequence: Sequence) -> None:
    """Frames of an earlier life were made while others were on their way; see that all of these can be read.

    Raises:
        Disproved: one cannot.
    """
    files = {entry.frame for entry in task.spec.plate.files if entry.view == sequence.view}
    for frame in sequence.frames.numbers if task.presumed else ():
        if frame in files and (error := sequence.frames.error(frame)):
            raise Disproved(frame, error.message)


def _make_sequences(task: Task) -> list[Sequence]:
    """Make and write every frame of every sequence that is not written yet; gives the sequences."""
    looked_at: list[Sequence] = []
    parts: Parts | None = None
    for sequence in sequences(task):
        looked_at.append(sequence)
        kind = task.spec.WhichOneof("kind")
        if kind == "interpolate":
            retime(task, sequence, Follow(task, sequence.view, _left(task, sequence)))
            continue
        parts = parts or _part(task, sequence)  # the first view's cuts are those of all
        if kind == "keys":
            _pick(task, sequence, parts)
            break
        _run_sequence(task, sequence, parts)
    return looked_at


def _part(task: Task, sequence: Sequence) -> Parts:
    """Part the range into shots, and tell of it."""
    follow, colour = Follow(task, sequence.view, 0), task.spec.colour.plate

    def as_one_shot(view: str) -> Motion:
        return _measured(task, sequence, view, common_raster(sequence.frames)[0], follow)

    with early_motion(task, sequence, as_one_shot):
        parts = part(task.spec.plate, sequence.frames, sequence.views[0], colour, task.store, follow)
    task.listener.shots_found(parts.cuts, [format_frames(shot) for shot in parts.shots])
    return parts


def _measured(task: Task, sequence: Sequence, view: str, raster: plates.Window, follow: Follow) -> Motion:
    """The motion of one view of frames that are a shot of their own."""
    shot, _ = read_shot(task, sequence, view, raster, follow)
    analysis = analyse(shot, task.store, follow)
    shaper = plates.Shaper(analysis.exposure)
    return make_motion(task, shot, analysis, shaper, follow, depth=make_depth(task, shot, shaper, follow))


def _left(task: Task, sequence: Sequence) -> int:
    return sum((frame, sequence.view) not in task.done for frame in task.plan.frames)


def _run_sequence(task: Task, sequence: Sequence, parts: Parts) -> None:
    asked = [frame for frame in task.plan.frames if (frame, sequence.view) not in task.done]
    follow = Follow(task, sequence.view, len(asked))
    wanted = []
    for frame in asked:
        follow.stage("reading", frame)
        if error := sequence.frames.error(frame):
            task.listener.frame_failed(frame, sequence.view, error.reason, error.message)
        else:
            wanted.append(frame)
    if wanted:
        make(task, sequence, parts, wanted, follow)
    if review.wished(task, sequence.view):
        _review(task, sequence, follow)


def _review(task: Task, sequence: Sequence, follow: Follow) -> None:
    """The sheet and the preview."""
    raster, _ = common_raster(sequence.frames)
    shot, out_colour = read_shot(task, sequence, sequence.views[0], raster, follow)
    shaper = plates.Shaper(analyse(shot, task.store, follow).exposure)
    review.run(task, review.Shown(shot, out_colour, shaper, sequence.view, shot.frames), follow)


def _pick(task: Task, sequence: Sequence, parts: Parts) -> None:
    """Pick the frames worth painting, by the first view."""
    follow = Follow(task, sequence.view, len(task.plan.frames))
    raster, _ = common_raster(sequence.frames)
    shot, _ = read_shot(task, sequence, sequence.views[0], raster, follow)
    shaper = plates.Shaper(analyse(shot, task.store, follow).exposure)

    def measured(frames: tuple[int, ...]) -> Motion:
        own = dataclasses.replace(sequence, frames=sequence.frames.part(frames))
        return _measured(task, own, own.views[0], raster, follow)

    pick.run(task, shot, PartedMotion(parts, measured), shaper, follow, follow.reached)
