"""The range of a job parted into shots: nothing that binds frames together reaches across a cut."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from impasto.server import plates
from impasto.server.jobs.inputs.source import Frames
from impasto.server.plates import clips
from impasto.server.shots import cuts, likeness
from impasto.server.shots.cuts import Cut
from impasto.server.shots.motion import FrameMotion, Motion
from impasto.server.shots.shot import Store, Watch, digest
from impasto.v1.job_pb2 import JobSpec, PlateSource

_GREY = 0.18
_SAMPLES = 16


@dataclass(frozen=True)
class Parts:
    """The shots of a range.

    Attributes:
        cuts: ascending.
        shots: frames of each shot, ascending; those of a dissolve belong to both its shots.
    """

    cuts: tuple[Cut, ...]
    shots: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, numbers: tuple[int, ...], found: tuple[Cut, ...]) -> Parts:
        """A range and its cuts; those that part nothing are left out."""
        moved: dict[int, Cut] = {}
        for cut in sorted(found):
            first = next((number for number in numbers if number >= cut.frame), numbers[0])
            if first > numbers[0]:
                moved.setdefault(first, Cut(first, cut.until if cut.until >= first else 0, cut.found_by))
        kept = tuple(moved.values())
        begins = (numbers[0], *(cut.frame for cut in kept))
        ends = (*(cut.until or cut.frame - 1 for cut in kept), numbers[-1])
        shots = (tuple(n for n in numbers if begin <= n <= end) for begin, end in zip(begins, ends, strict=True))
        return cls(kept, tuple(shots))

    def at(self, frame: int) -> list[tuple[int, float]]:
        """The shots, by place, that show in a frame, and the share of each: one, or the two of a dissolve."""
        places = [place for place, shot in enumerate(self.shots) if frame in shot]
        if len(places) < 2:
            return [(places[0], 1.0)]
        cut = next(cut for cut in self.cuts if cut.frame <= frame <= cut.until)
        share = (frame - cut.frame + 1) / (cut.until - cut.frame + 2)
        return [(places[0], 1 - share), (places[1], share)]

    def main(self, frame: int) -> int:
        """The place of the shot that shows most in a frame; the later of two equals."""
        return max(self.at(frame), key=lambda entry: (entry[1], entry[0]))[0]


class PartedMotion:
    """Motion of a whole range, none of it across a cut; implements `impasto.server.shots.motion.Motion`.

    Args:
        parts: the range; a dissolve is parted in its middle.
        measured: gives the motion of some of its frames, a shot of their own.
    """

    def __init__(self, parts: Parts, measured: Callable[[tuple[int, ...]], Motion]) -> None:
        frames = sorted({frame for shot in parts.shots for frame in shot})
        self._place = {frame: parts.main(frame) for frame in frames}
        places = range(len(parts.shots))
        self._motions = [measured(tuple(frame for frame in frames if self._place[frame] == p)) for p in places]
        self.digest = digest(*(motion.digest for motion in self._motions))
        self.measured = all(motion.measured for motion in self._motions)

    def frame(self, frame: int) -> FrameMotion:
        """See `Motion.frame`."""
        return self._motions[self._place[frame]].frame(frame)

    def neighbours(self, frame: int) -> tuple[int | None, int | None]:
        """See `Motion.neighbours`."""
        return self._motions[self._place[frame]].neighbours(frame)


def part(source: PlateSource, frames: Frames, view: str, colour: str, store: Store, watch: Watch) -> Parts:
    """Part a range as the job says: where its user named cuts, nowhere, or where cuts are found.

    Headers are believed first: another format, clip name or a jump of the timecode ends a shot. Within what they leave
    together pictures decide. Depends on the whole range, never on the frames wanted.

    Args:
        source: of the job.
        frames: all of the range.
        view: whose pictures are looked at.
        colour: the plate's colour space as asked for.
        store: keeps what was found.
        watch: told of every frame looked at.
    """
    if source.cuts == "none" or len(frames.numbers) < 2:
        return Parts.of(frames.numbers, ())
    if source.cuts == "given":
        return Parts.of(frames.numbers, tuple(Cut(cut.frame, cut.until, "given") for cut in source.given_cuts))
    found = [cut for cut in _found(frames, view, colour, store, watch) if not _vetoed(cut, set(source.vetoed_cuts))]
    return Parts.of(frames.numbers, tuple(found))


def of_one_shot(spec: JobSpec, parts: Parts, place: int) -> JobSpec:
    """The job as it is for one shot of its range.

    A key belongs to the shot that shows most in its frame. A shot without keys in a job without styles is painted in
    the manner of the key nearest to it.
    """
    keys = spec.stylize.keys
    if len(parts.shots) == 1 or not keys:
        return spec
    own = JobSpec()
    own.CopyFrom(spec)
    del own.stylize.keys[:]
    own.stylize.keys.extend(key for key in keys if parts.main(key.frame) == place)
    if not own.stylize.keys and not spec.stylize.styles:
        shot = parts.shots[place]
        nearest = min(keys, key=lambda key: (min(abs(key.frame - shot[0]), abs(key.frame - shot[-1])), key.frame))
        own.stylize.styles.add(name=nearest.file.path, file=nearest.file)
        own.colour.style = spec.colour.key
    return own


def _vetoed(cut: Cut, vetoes: set[int]) -> bool:
    return any(cut.frame <= veto <= max(cut.until, cut.frame) for veto in vetoes)


def _found(frames: Frames, view: str, colour: str, store: Store, watch: Watch) -> list[Cut]:
    headers = [(frame, header) for frame in frames.numbers if (header := frames.header(frame)) is not None]
    if not headers:
        return []
    by_header = clips.changes(headers)
    found = [Cut(frame, found_by=why) for frame, why in by_header.items()]
    edges = [headers[0][0], *sorted(by_header), frames.numbers[-1] + 1]
    for begin, end in itertools.pairwise(edges):
        within = [frame for frame, _ in headers if begin <= frame < end]
        found += _by_pictures(frames, within, view, colour, store, watch)
    return sorted(found)


def _by_pictures(frames: Frames, numbers: list[int], view: str, colour: str, store: Store, watch: Watch) -> list[Cut]:
    """Cuts between frames of one format, from the store where they were found before."""
    if len(numbers) < 4:
        return []
    named = [f"{cuts.VERSION}", view, colour, *(f"{frame} {frames.content(frame)}" for frame in numbers)]
    key = "cuts-" + digest(*named)
    kept = store.load(key)
    if kept is None:
        found = cuts.detect(numbers, _looker(frames, numbers, view, colour, watch), watch.check)
        kept = {"cuts": np.array([(cut.frame, cut.until) for cut in found], np.int64).reshape(-1, 2)}
        store.save(key, kept)
    return [Cut(int(frame), int(until), "dissolve" if until else "picture") for frame, until in kept["cuts"]]


def _looker(
    frames: Frames, numbers: list[int], view: str, colour: str, watch: Watch
) -> Callable[[int], likeness.Small]:
    """Makes frames small, all under one exposure found on a few of them. A damaged frame is taken for its neighbour."""

    def linear(frame: int) -> likeness.Array | None:
        if frames.error(frame) is not None:
            return None
        plate = frames.plate(frame)
        space = plates.ColourSpace.resolve(colour, plate)
        rgb, _, _ = plates.picture(plate, view, plate.data_window, space)
        return rgb

    places = np.unique(np.linspace(0, len(numbers) - 1, min(_SAMPLES, len(numbers))).round().astype(int))
    logs = [_mean_log(rgb) for place in places if (rgb := linear(numbers[place])) is not None]
    exposure = _GREY / float(np.exp(np.median(logs))) if logs else 1.0
    last = likeness.Small.of(np.zeros((3, 8, 8), np.float32), exposure)

    def look(frame: int) -> likeness.Small:
        nonlocal last
        watch.stage("cuts", frame)
        rgb = linear(frame)
        if rgb is not None:
            last = likeness.Small.of(rgb, exposure)
        return last

    return look


def _mean_log(rgb: likeness.Array) -> float:
    return float(np.log(np.maximum(rgb[:, ::4, ::4].mean(0), 1e-3)).mean())
