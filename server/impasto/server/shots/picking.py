"""Which frames an artist should paint: the fewest whose paint covers a stated share of the shot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from impasto.server.ops.threads import fixed_threads
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.chains import Stage
from impasto.server.shots.keyed import KeyChain
from impasto.server.shots.keys import Key
from impasto.server.shots.motion import Motion
from impasto.server.shots.reduced import Forgetful, ReducedMotion, ReducedShot
from impasto.server.shots.shot import Shot, Watch

SIDE = 160
"""Pixels of the longer side of the pictures in which paint is carried for this question."""
CANDIDATES = 48
"""At most so many frames are tried, spread evenly."""
SAMPLES = 96
"""Coverage is counted in at most so many frames, spread evenly."""

Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class Pick:
    """A frame worth painting.

    Attributes:
        frame: its number.
        alone: share of all pixels of the frames wanted that its paint covers, 0..1.
        together: share it covers together with those picked before it.
        painted: whether it was painted already.
    """

    frame: int
    alone: float
    together: float
    painted: bool


@dataclass(frozen=True)
class Coverage:
    """What the paint of every candidate covers.

    Attributes:
        candidates: frames that may be painted, ascending.
        frames: frames in which coverage is counted, ascending.
        size: height and width of the reduced pictures.
        bits: (candidates, frames, bytes) uint8, a bit a pixel.
    """

    candidates: tuple[int, ...]
    frames: tuple[int, ...]
    size: tuple[int, int]
    bits: Bits

    @property
    def pixels(self) -> int:
        """Pixels counted in all."""
        return len(self.frames) * self.size[0] * self.size[1]

    def of(self, chosen: Sequence[int]) -> Bits:
        """(frames, bytes): what some candidates, by their place, cover together."""
        return np.bitwise_or.reduce(self.bits[list(chosen)], axis=0) if len(chosen) else np.zeros_like(self.bits[0])

    def share(self, covered: Bits) -> float:
        """The share of all pixels that is covered, 0..1."""
        return count(covered) / self.pixels

    def mask(self, chosen: Sequence[int], frame: int) -> NDArray[np.bool_]:
        """(H, W): the pixels of one of `frames` that some candidates, by their place, cover."""
        height, width = self.size
        row = self.of(chosen)[self.frames.index(frame)]
        return np.unpackbits(row)[: height * width].reshape(height, width).astype(bool)


def cover(
    shot: Shot,
    motion: Motion,
    shaper: Shaper,
    wanted: Sequence[int],
    painted: Sequence[int],
    watch: Watch,
    told: Callable[[float], None] = lambda share: None,
) -> Coverage:
    """Carry the paint of every candidate through the shot, small, by the very rules by which keys are carried.

    Args:
        shot: the plates.
        motion: of the shot.
        shaper: the shot's.
        wanted: readable frames to be covered, ascending; candidates are taken from them.
        painted: readable frames of the shot that are candidates in any case.
        watch: told of every frame.
        told: told which share of this is done, 0..1.
    """
    candidates = tuple(sorted({*_spread(wanted, CANDIDATES), *painted}))
    counted = tuple(_spread(wanted, SAMPLES))
    small = ReducedShot(shot, SIDE)
    bits = np.zeros((len(candidates), len(counted), -(-small.height * small.width // 8)), np.uint8)
    stage = Stage(small, ReducedMotion(motion, small), shaper, Forgetful(), watch)
    for place, key in enumerate(candidates):
        told(place / len(candidates))
        with fixed_threads():
            plate = small.picture(key)
            chain = KeyChain(stage, Key(key, plate, torch.ones_like(plate[:, :1]), 1.0, None, f"plate {key}"))
            after = [frame for frame in counted if frame >= key]
            for frame in [*after, *(frame for frame in reversed(counted) if frame < key)]:
                watch.check()
                alive = chain.map(frame).alive.numpy().ravel()
                bits[place, counted.index(frame)] = np.packbits(alive)
    return Coverage(candidates, counted, (small.height, small.width), bits)


def pick(coverage: Coverage, share: float, most: int = 0, painted: Sequence[int] = ()) -> tuple[Pick, ...]:
    """The fewest frames that cover the share, in the order in which they help most.

    One and two frames are found exactly; more by the best next one, after which every pair is tried to be replaced by
    one and every frame by a better one. Of equals the earlier frame wins.

    Args:
        coverage: what every candidate covers.
        share: 0..1, of all pixels.
        most: at most so many are picked beside those painted; 0 for any number.
        painted: candidates that are picked in any case.
    """
    fixed = [coverage.candidates.index(frame) for frame in sorted(set(painted))]
    free = [place for place in range(len(coverage.candidates)) if place not in fixed]
    base = coverage.of(fixed)
    chosen: list[int] = []
    if coverage.share(base) < share:
        chosen = _fewest(coverage, base, free, share, most or len(free))
    return _ordered(coverage, fixed, chosen)


def count(covered: Bits) -> int:
    """Bits that are set."""
    return int(np.bitwise_count(covered).sum(dtype=np.int64))


def _fewest(coverage: Coverage, base: Bits, free: Sequence[int], share: float, most: int) -> list[int]:
    chosen: list[int] = []
    while len(chosen) < most and len(chosen) < len(free):
        chosen = _best_pair(coverage, base, free) if len(chosen) == 1 else _with_best(coverage, base, free, chosen)
        chosen = _exchanged(coverage, base, free, chosen)
        if coverage.share(base | coverage.of(chosen)) >= share:
            break
    return chosen


def _with_best(coverage: Coverage, base: Bits, free: Sequence[int], chosen: list[int]) -> list[int]:
    """One more: the one that covers most of what is left."""
    there = base | coverage.of(chosen)
    rest = [place for place in free if place not in chosen]
    return [*chosen, max(rest, key=lambda place: (count(there | coverage.bits[place]), -place))]


def _best_pair(coverage: Coverage, base: Bits, free: Sequence[int]) -> list[int]:
    """The two that cover most together."""
    best, found = -1, [free[0], free[1]]
    for at, first in enumerate(free):
        there = base | coverage.bits[first]
        for second in free[at + 1 :]:
            covered = count(there | coverage.bits[second])
            if covered > best:
                best, found = covered, [first, second]
    return found


def _exchanged(coverage: Coverage, base: Bits, free: Sequence[int], chosen: list[int]) -> list[int]:
    """The same number, each exchanged for a better one as long as that helps."""
    if len(chosen) < 3:
        return chosen
    better = True
    while better:
        better = False
        for at in range(len(chosen)):
            others = chosen[:at] + chosen[at + 1 :]
            other = _with_best(coverage, base, free, others)
            if count(base | coverage.of(other)) > count(base | coverage.of(chosen)):
                chosen, better = other, True
    return chosen


def _ordered(coverage: Coverage, fixed: Sequence[int], chosen: Sequence[int]) -> tuple[Pick, ...]:
    """Picks with what they cover; those painted first, then by what each adds."""
    picks: list[Pick] = []
    there, rest = np.zeros_like(coverage.bits[0]), sorted(chosen)
    for place in fixed:
        there = there | coverage.bits[place]
        picks.append(_pick(coverage, place, there, True))
    while rest:
        place = max(rest, key=lambda place: (count(there | coverage.bits[place]), -place))
        rest.remove(place)
        there = there | coverage.bits[place]
        picks.append(_pick(coverage, place, there, False))
    return tuple(picks)


def _pick(coverage: Coverage, place: int, there: Bits, painted: bool) -> Pick:
    alone = coverage.share(coverage.bits[place])
    return Pick(coverage.candidates[place], alone, coverage.share(there), painted)


def _spread(frames: Sequence[int], most: int) -> list[int]:
    """At most so many of the frames, the first and the last among them, spread evenly."""
    if len(frames) <= most:
        return list(frames)
    return [frames[place] for place in np.linspace(0, len(frames) - 1, most).round().astype(int)]
