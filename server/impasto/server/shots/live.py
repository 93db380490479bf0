"""The live engine: provenance with a short window and no look ahead, for pictures that come and cannot wait.

The same idea as for shots: a pixel remembers in which painting its paint lies and where, and the picture is one
resampling of a few paintings. Paintings are made beside the stream, at whatever rate the machine allows; the frames
between carry them along. Nothing here is kept, and what a frame looks like depends on when paintings were ready: live
stands outside the chunk rule and is labelled so.

Pictures are (H, W, 3) bytes as a screen shows them: sRGB, 255 at the knee, see `shots.screen`. Maps are kept at half
the size of large pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[Any]
"""float32."""

WINDOW = 3
"""Paintings shown at once; the oldest gives way to the newest, eased in."""
EASE = 8
"""Frames over which paint eases into other paint."""
OLD = 48
"""Frames after which a painting is renewed though nothing needs it."""
NEEDED = 0.002
"""Share of bare pixels from which a painting is begun."""

_LOST = 0.6
"""Share of pixels that lose their paint from one frame to the next which means a cut."""
_LARGE = 480
"""Columns from which maps are kept at half size."""
_BROKEN = 0.5
"""Squared pixels by which motion there and back may disagree, beside a hundredth of its square (Sundaram 2010)."""
_UNLIKE = 30
"""Difference to the plate at birth, of 255, from which another thing is seen where motion is broken."""
_TEAR = 1.0
"""Neighbours whose places differ by more than this many pixels lie on different things."""
_COARSE = 16
"""Pixels of one step of the low-frequency light and of the colours that stand in for paint."""
_GREY = np.array([[0.2126, 0.7152, 0.0722]], np.float32)


@dataclass(frozen=True)
class Painting:
    """One painted frame.

    Attributes:
        number: of the frame.
        plate: the frame, at the size of the maps.
        paint: (H, W, 3), what was painted over it.
        gain: of the colours that stand in for paint where there is none, coarse (h, w, 3).
        offset: the same; paint is about plate * gain + offset, in 0..255.
    """

    number: int
    plate: Bytes
    paint: Bytes
    gain: Floats
    offset: Floats

    @classmethod
    def of(cls, number: int, plate: Bytes, small: Bytes, paint: Bytes) -> Painting:
        """A painting with its stand-in colours: per coarse cell the line that fits paint to plate best."""
        size = _coarse(plate)

        def mean(values: Floats) -> Floats:
            found: Floats = cv2.blur(cv2.resize(values, size, interpolation=cv2.INTER_AREA), (3, 3)).astype(np.float32)
            return found

        seen, painted = plate.astype(np.float32), paint.astype(np.float32)
        low, low_paint = mean(seen), mean(painted)
        gain = (mean(seen * painted) - low * low_paint) / (np.maximum(mean(seen * seen) - low * low, 0) + 130.0)
        gain = np.clip(gain, 0.0, 1.5)
        return cls(number, small, paint, gain, low_paint - gain * low)


@dataclass
class _Map:
    """Which painting every pixel shows, (h, w) bytes counting from 1, 0 for none; how far off it lies, (h, w, 2)."""

    born: Bytes
    shift: Floats


@dataclass(frozen=True)
class Shown:
    """A live frame.

    Attributes:
        picture: (H, W, 3) bytes.
        carried: share of the pixels that show paint of an earlier frame, 0..1.
        bare: share that shows stand-in colours, 0..1.
        age: frames since the newest painting shown.
    """

    picture: Bytes
    carried: float
    bare: float
    age: int


@dataclass
class _Pending:
    """A painting under way, and the map that will show it."""

    number: int
    whole: Bytes
    plate: Bytes
    result: Future[Bytes]
    map: _Map


class Live:
    """Paints pictures as they come.

    Args:
        paint: begins a painting of a picture (H, W, 3) and returns at once.
        every: frames from the start of one painting to the start of the next at least.
    """

    def __init__(self, paint: Callable[[Bytes], Future[Bytes]], every: int = 0) -> None:
        self._paint, self._every = paint, max(1, every)
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._number = -1
        self._begun = 0
        self._grey: Bytes | None = None
        self._paintings: dict[int, Painting] = {}
        self._leaving: set[int] = set()
        self._stale = self._cut = False
        self._now: _Map | None = None
        self._before: _Map | None = None
        self._easing = 0
        self._pending: _Pending | None = None
        self._grid = self._whole_grid = np.empty(0, np.float32)

    def show(self, plate: Bytes, wait: bool = False) -> Shown:
        """Paint the next picture.

        Args:
            plate: (H, W, 3), as large as the ones before.
            wait: for the painting under way; the first picture always waits.
        """
        self._number += 1
        small = plate
        if plate.shape[1] >= _LARGE:
            small = cv2.resize(plate, (plate.shape[1] // 2, plate.shape[0] // 2), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        if self._grey is None:
            self._grid, self._whole_grid = _grid(small), _grid(plate)
            self._begin(plate, small)
            self._take(wait=True)
        else:
            self._carry(small, self._grey, grey)
            self._cut_off()
            self._take(wait)
        self._grey = grey
        shown = self._picture(plate, small)
        since = self._number - self._begun
        due = since >= self._every and (shown.bare > NEEDED or shown.age >= OLD)
        if self._pending is None and (self._stale or self._cut or due):
            self._begin(plate, small)
        return shown

    def renew(self) -> None:
        """Let the next painting take the place of all there are: the look has changed."""
        self._stale = True
        self._pending = None

    def _begin(self, plate: Bytes, small: Bytes) -> None:
        everywhere = _Map(np.ones(small.shape[:2], np.uint8), np.zeros_like(self._grid))
        self._pending = _Pending(self._number, plate, small, self._paint(plate), everywhere)
        self._begun = self._number

    # Maps

    def _carry(self, small: Bytes, before: Bytes, now: Bytes) -> None:
        """Fetch the maps of the frame before through the motion, and let die what is not seen any more."""
        home, out = self._dis.calc(now, before, None), self._dis.calc(before, now, None)
        there = cv2.add(self._grid, home)
        back = cv2.remap(out, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        apart = cv2.add(home, back)
        allowed = cv2.add(cv2.multiply(home, home), cv2.multiply(back, back)) * np.float32(0.01)
        apart = cv2.subtract(cv2.multiply(apart, apart), allowed)
        broken = cv2.compare(cv2.transform(apart, np.ones((1, 2), np.float32)), _BROKEN, cv2.CMP_GT)
        assert self._now is not None
        self._now = _fetch(self._now, there, home)
        _let_die(self._now, self._grid, broken, small, self._paintings)
        if self._before is not None:
            self._easing -= 1
            self._before = _fetch(self._before, there, home) if self._easing > 0 else None
        if self._pending is not None:
            self._pending.map = _fetch(self._pending.map, there, home)
            _let_die(self._pending.map, self._grid, broken, small, {1: self._pending})

    def _cut_off(self) -> None:
        """Let go of all paint where most is not seen any more: the shot has changed."""
        assert self._now is not None
        if np.count_nonzero(self._now.born) >= (1 - _LOST) * self._now.born.size or self._cut:
            self._cut = self._cut and not np.count_nonzero(self._now.born)
            return
        self._cut = True
        self._now.born[:] = 0
        self._before, self._pending = None, None
        self._leaving |= set(self._paintings)

    def _take(self, wait: bool) -> None:
        """Show a painting that is ready: where there is none, and in the place of the oldest."""
        pending = self._pending
        if pending is None or not (wait or pending.result.done()):
            return
        self._pending = None
        key = next(key for key in range(1, 256) if key not in self._paintings)
        self._paintings[key] = Painting.of(pending.number, pending.whole, pending.plate, pending.result.result())
        fresh = pending.map
        if self._now is None:
            self._now = _Map(fresh.born * np.uint8(key), fresh.shift)
            return
        retired = set(self._paintings) - {key} if self._stale else set()
        if not retired and len(self._paintings) > WINDOW:
            retired = {min(self._paintings, key=lambda other: self._paintings[other].number)}
        self._stale = False
        self._before, self._easing = _Map(self._now.born, self._now.shift), EASE
        born = self._now.born.copy()
        for other in retired:
            born[born == other] = 0
        takes = cv2.bitwise_and(cv2.compare(born, 0, cv2.CMP_EQ), cv2.compare(fresh.born, 0, cv2.CMP_GT))
        born[takes > 0] = key
        shift = self._now.shift.copy()
        cv2.copyTo(fresh.shift, takes, shift)
        self._now, self._leaving = _Map(born, shift), self._leaving | retired

    # Picture

    def _picture(self, plate: Bytes, small: Bytes) -> Shown:
        assert self._now is not None
        counts = np.bincount(self._now.born.ravel(), minlength=256) / self._now.born.size
        newest = max(self._paintings.values(), key=lambda one: one.number)
        stand_in = None
        if counts[0] or self._before is not None:
            stand_in = _stand_in(plate, newest, self._cut)
        picture = self._painted(self._now, plate, small, stand_in)
        if self._before is not None:
            part = self._easing / (EASE + 1)
            picture = cv2.addWeighted(picture, 1 - part, self._painted(self._before, plate, small, stand_in), part, 0)
        else:
            for key in self._leaving if len(self._paintings) > len(self._leaving) else ():
                self._paintings.pop(key, None)
                self._leaving = self._leaving - {key}
        seen = {key: one.number for key, one in self._paintings.items() if counts[key]}
        own = sum(counts[key] for key, number in seen.items() if number == self._number)
        age = self._number - max(seen.values(), default=newest.number)
        return Shown(picture, float(1 - counts[0] - own), float(counts[0]), age)

    def _painted(self, here: _Map, plate: Bytes, small: Bytes, stand_in: Bytes | None) -> Bytes:
        """The paint a map shows, under the light of now, and stand-in colours where it shows none."""
        size = (plate.shape[1], plate.shape[0])
        scale = plate.shape[1] / small.shape[1]
        shift = _enlarged(here.shift, size) if scale != 1 else here.shift
        place = cv2.scaleAdd(shift, scale, self._whole_grid)
        born = cv2.resize(here.born, size, interpolation=cv2.INTER_NEAREST) if scale != 1 else here.born
        paint = _gather(born, place, {key: one.paint for key, one in self._paintings.items()}, cv2.INTER_CUBIC)
        then = _gather(
            here.born,
            cv2.add(self._grid, here.shift),
            {key: one.plate for key, one in self._paintings.items()},
            cv2.INTER_LINEAR,
        )
        alive = cv2.compare(here.born, 0, cv2.CMP_GT)
        paint = _relit(paint, small, then, alive)
        if stand_in is None:
            return paint
        cover = cv2.blur(cv2.erode(alive, np.ones((3, 3), np.uint8)), (3, 3))
        cover = cv2.resize(cover, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
        found: Bytes = cv2.blendLinear(paint, stand_in, cover, 255 - cover)
        return found


def _grid(picture: Bytes) -> Floats:
    """Column and row of every pixel, (H, W, 2)."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    return np.dstack([columns, rows])


def _coarse(picture: Bytes) -> tuple[int, int]:
    return max(1, picture.shape[1] // _COARSE), max(1, picture.shape[0] // _COARSE)


def _enlarged(shift: Floats, size: tuple[int, int]) -> Floats:
    """A map's shifts at the size of the picture, mixed only among neighbours on one thing."""
    mixed = cv2.resize(shift, size, interpolation=cv2.INTER_LINEAR)
    nearest = cv2.resize(shift, size, interpolation=cv2.INTER_NEAREST)
    across, down = cv2.split(cv2.absdiff(mixed, nearest))
    cv2.copyTo(nearest, cv2.compare(cv2.max(across, down), _TEAR, cv2.CMP_GT), mixed)
    found: Floats = mixed
    return found


def _fetch(before: _Map, there: Floats, home: Floats) -> _Map:
    """The map of this frame from that of the frame before; places mix only among neighbours on one thing."""
    mixed = cv2.remap(before.shift, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    nearest = cv2.remap(before.shift, there, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    across, down = cv2.split(cv2.absdiff(mixed, nearest))
    cv2.copyTo(nearest, cv2.compare(cv2.max(across, down), _TEAR, cv2.CMP_GT), mixed)
    born = cv2.remap(before.born, there, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return _Map(born, cv2.add(mixed, home))


def _let_die(
    here: _Map, grid: Floats, broken: Bytes, small: Bytes, paintings: Mapping[int, Painting | _Pending]
) -> None:
    """Take away paint whose motion broke and whose plate looked otherwise; no doubt of a few pixels kills."""
    then = _gather(
        here.born,
        cv2.add(grid, here.shift),
        {key: one.plate for key, one in paintings.items()},
        cv2.INTER_LINEAR,
    )
    red, green, blue = cv2.split(cv2.absdiff(small, then))
    unlike = cv2.compare(cv2.blur(cv2.max(cv2.max(red, green), blue), (3, 3)), _UNLIKE, cv2.CMP_GT)
    dead = cv2.morphologyEx(cv2.bitwise_and(broken, unlike), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    here.born = cv2.bitwise_and(here.born, cv2.bitwise_not(dead))


def _gather(born: Bytes, place: Floats, pictures: Mapping[int, Bytes], method: int) -> Bytes:
    """(H, W, 3) put together from the pictures a map names; 0 where it names none."""
    counts = np.bincount(born.ravel(), minlength=256)
    result = np.zeros((*born.shape, 3), np.uint8)
    for key, picture in pictures.items():
        if not counts[key]:
            continue
        fetched = cv2.remap(picture, place, None, method, borderMode=cv2.BORDER_REPLICATE)
        if counts[key] == born.size:
            found: Bytes = fetched
            return found
        cv2.copyTo(fetched, cv2.compare(born, key, cv2.CMP_EQ), result)
    return result


def _relit(paint: Bytes, now: Bytes, then: Bytes, alive: Bytes) -> Bytes:
    """Paint under the light of now: by the low-frequency brightness of the plate now over that at birth."""
    size = _coarse(paint)

    def low(picture: Bytes) -> Floats:
        grey = cv2.bitwise_and(cv2.transform(picture, _GREY), alive)
        found: Floats = cv2.blur(cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32), (3, 3)) + 2.5
        return found

    ratio = np.clip(low(now) / low(then), 0.67, 1.5)
    if float(np.abs(ratio - 1).max()) < 0.02:
        return paint
    whole = cv2.resize(ratio, (paint.shape[1], paint.shape[0]), interpolation=cv2.INTER_LINEAR)
    found: Bytes = cv2.multiply(paint, cv2.merge([whole, whole, whole]), dtype=cv2.CV_8U)
    return found


def _stand_in(plate: Bytes, painting: Painting, anywhere: bool) -> Bytes:
    """The plate in a painting's colours, without its strokes; in its mean colours where it is of another shot."""
    size = (plate.shape[1], plate.shape[0])
    gain, offset = painting.gain, painting.offset
    if anywhere:
        gain, offset = (np.broadcast_to(part.mean((0, 1)), part.shape).copy() for part in (gain, offset))
    coloured = cv2.multiply(plate, cv2.resize(gain, size, interpolation=cv2.INTER_LINEAR), dtype=cv2.CV_32F)
    found: Bytes = cv2.add(coloured, cv2.resize(offset, size, interpolation=cv2.INTER_LINEAR), dtype=cv2.CV_8U)
    return found
