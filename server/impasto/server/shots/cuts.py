"""Where one shot ends and another begins.

A cut is proposed by what is cheap, content against its neighbours and outlines (the adaptive and the hash detector of
PySceneDetect name the same two), and believed only where nothing of the one picture is found again in the other along
any motion, while the frames before and the frames after are alike among themselves. A flash is no cut: what was there
before it is there after it. A whip pan is none: its frames are unlike several times in a row, or blurred.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from impasto.server.shots import dissolves
from impasto.server.shots.likeness import Small, content, likeness, outlines

VERSION = 1
"""Raised when other cuts are found; part of every key in the store."""

ALIKE = 0.25
"""Likeness below which two frames have nothing in common: cuts stay below .1, hard motion above .4."""

_ADAPTIVE, _WINDOW, _CONTENT, _OUTLINE = 3.0, 3, 12.0, 0.35
_FLASH = 6
"""A flash is at most so many frames long."""
_NEAR = 4
"""Frame numbers further apart than this are not judged by their pictures."""
_BLURRED = 0.6
"""A frame with less than this share of its neighbours' sharpness is blurred by a fast camera."""
_HURRY = 0.6
"""Where the frames beside a cut change by more than this share of what the cut does, all is in a hurry."""
_KEPT = 64


@dataclass(frozen=True, order=True)
class Cut:
    """Where one shot ends and the next begins.

    Attributes:
        frame: the new shot's first frame; of a dissolve, the first frame in which the new shot shows.
        until: of a dissolve, the last frame in which the old shot shows; 0 for a hard cut.
        found_by: `picture`, `size`, `clip`, `timecode`, `dissolve` or `given`.
    """

    frame: int
    until: int = 0
    found_by: str = "picture"


def detect(frames: Sequence[int], look: Callable[[int], Small], check: Callable[[], None] = lambda: None) -> list[Cut]:
    """Find the cuts and dissolves of a range by its pictures.

    Args:
        frames: the readable frames, ascending.
        look: gives a frame made small; asked in order, a few again.
        check: called at every frame.

    Returns:
        Ascending.
    """
    reel = _Reel(frames, look)
    found = {cut.frame: cut for cut in _hard(reel, check)}
    for start, end in dissolves.find(reel.glances, reel.parted):
        if not any(frames[start] - 1 <= cut <= frames[end] + 1 for cut in found):
            found[frames[start]] = Cut(frames[start], frames[end], "dissolve")
    return sorted(found.values())


class _Reel:
    """Frames of a range by their place in it; a few are held, of each a glance is kept."""

    def __init__(self, frames: Sequence[int], look: Callable[[int], Small]) -> None:
        self.frames, self._look = frames, look
        self.glances: list[dissolves.Glance] = []
        self._held: OrderedDict[int, Small] = OrderedDict()
        self._likes: dict[tuple[int, int], float] = {}

    def __getitem__(self, place: int) -> Small:
        if place not in self._held:
            self._held[place] = self._look(self.frames[place])
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
        self._held.move_to_end(place)
        return self._held[place]

    def like(self, first: int, second: int) -> float:
        """Likeness of two frames."""
        if (first, second) not in self._likes:
            self._likes[first, second] = likeness(self[first], self[second])
        return self._likes[first, second]

    def parted(self, first: int, second: int) -> bool:
        """Whether two frames show something, and have nothing in common."""
        return not self[first].blank and not self[second].blank and self.like(first, second) < ALIKE


def _hard(reel: _Reel, check: Callable[[], None]) -> list[Cut]:
    count = len(reel.frames)
    changes, differing, blank = np.zeros(count), np.zeros(count), np.zeros(count, bool)
    for place in range(count):
        check()
        here = reel[place]
        reel.glances.append(dissolves.Glance.at(here.picture))
        blank[place] = here.blank
        if place:
            changes[place], differing[place] = content(reel[place - 1], here), outlines(reel[place - 1], here)
    runs = _runs(reel, _proposed(changes, differing), blank)
    found = [cut for run in runs if (cut := _judged(reel, run, changes)) is not None]
    found += _over_blanks(reel, blank)
    return [Cut(reel.frames[place]) for place in sorted(set(found))]


def _proposed(changes: dissolves.Array, differing: dissolves.Array) -> list[int]:
    """Places whose change stands out from those around, or whose outline is another."""
    places = []
    for place in range(1, len(changes)):
        around = np.r_[changes[max(1, place - _WINDOW) : place], changes[place + 1 : place + 1 + _WINDOW]]
        usual = around.mean() if len(around) else 0.0
        stands_out = changes[place] >= _CONTENT and changes[place] >= _ADAPTIVE * usual
        if stands_out or differing[place] >= _OUTLINE:
            places.append(place)
    return places


def _runs(reel: _Reel, proposed: list[int], blank: dissolves.Array) -> list[range]:
    """Places in a row at which a frame has nothing in common with the one before it."""

    def torn(place: int) -> bool:
        if not 0 < place < len(reel.frames) or blank[place] or blank[place - 1]:
            return False
        near = reel.frames[place] - reel.frames[place - 1] <= _NEAR
        return near and reel.like(place - 1, place) < ALIKE

    runs: list[range] = []
    for place in proposed:
        if (runs and place in runs[-1]) or not torn(place):
            continue
        first = last = place
        while torn(first - 1):
            first -= 1
        while torn(last + 1):
            last += 1
        runs.append(range(first, last + 1))
    return runs


def _judged(reel: _Reel, run: range, changes: dissolves.Array) -> int | None:
    """The place of the cut that a run of torn places means, or None."""
    first, last = run[0], run[-1]
    if first < 2 or last + 1 >= len(reel.frames):
        return None  # a single frame beside the range's end tells too little
    if len(run) > 2 or _flash(reel, first, last):
        return None
    if _hurried(reel, first - 1, first - 2) or _hurried(reel, last, last + 1):
        return None
    usual = max(changes[first - 1], changes[last + 1])
    if usual > _HURRY * changes[first : last + 1].max():
        return None
    if len(run) == 2 and _hurried(reel, first, first - 1) and _hurried(reel, first, last):
        return None
    return first


def _hurried(reel: _Reel, place: int, beyond: int) -> bool:
    """Whether a frame is blurred beside the one beyond it of its own shot: a camera whips."""
    return any(
        here < _BLURRED * there for here, there in zip(reel[place].sharpness, reel[beyond].sharpness, strict=True)
    )


def _flash(reel: _Reel, first: int, last: int) -> bool:
    """Whether what was there before is there again soon after."""
    return any(
        reel.like(first - 1, after) >= ALIKE for after in range(last, min(last + _FLASH, len(reel.frames)))
    ) or any(reel.like(before, last) >= ALIKE for before in range(max(0, first - _FLASH), first))


def _over_blanks(reel: _Reel, blank: dissolves.Array) -> list[int]:
    """Places after frames that show nothing, where what is seen is another thing than before them."""
    found, count = [], len(reel.frames)
    for place in range(1, count):
        if blank[place] or not blank[place - 1]:
            continue
        before = place - 1
        while before >= 0 and blank[before]:
            before -= 1
        if before < 0:
            continue
        # A fade's last frames show little: those at its ends are compared.
        seen = _clearest(reel, range(before, max(-1, before - 12), -1), blank)
        shown = _clearest(reel, range(place, min(count, place + 12)), blank)
        if reel.like(seen, shown) < ALIKE and reel.like(before, place) < ALIKE:
            found.append(place)
    return found


def _clearest(reel: _Reel, places: range, blank: dissolves.Array) -> int:
    """The nearest frame with most of the contrast found up to the next blank one."""
    spans = []
    for place in places:
        if blank[place]:
            break
        spans.append((place, reel.glances[place].energy))
    most = max(span for _, span in spans)
    return next(place for place, span in spans if span >= 0.9 * most)
