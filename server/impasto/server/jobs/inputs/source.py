"""A shot as the picture-making reads it: one view of a plate sequence, over one raster, in one colour space."""

from __future__ import annotations

import bisect
import copy
import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.server import plates
from impasto.server.errors import BadRequest, FrameError
from impasto.server.jobs.inputs.arrivals import Disproved
from impasto.server.ops.splat import fill

KEPT_BYTES = 256 << 20
KEPT_FRAMES = 16
"""At most so many frames and so many bytes are kept, so that a long shot needs no more memory than a short one."""


@dataclasses.dataclass(frozen=True)
class Coming:
    """Frames whose files may be on their way.

    Attributes:
        here: whether the file of a frame is not on its way any more.
        head: the header of one whose first bytes are here; None where they are not, or do not tell.
        wait: returns when it is here; raises what ends the waiting.
    """

    here: Callable[[int], bool] = lambda frame: True
    head: Callable[[int], plates.Header | None] = lambda frame: None
    wait: Callable[[int], None] = lambda frame: None


class Frames:
    """The frames of one plate sequence, read when asked for and kept a little while.

    Where they are asked for in order the next one is read meanwhile, on a thread of its own.

    A frame that is missing, changed or damaged is found out once and answered the same way from then on. One that is
    on its way is taken to be readable, and its header may come from its first bytes; where it then proves to be
    otherwise `Disproved` is raised, by whatever comes to know.

    Args:
        numbers: all frames of the shot, ascending.
        read: gives the plate of a frame; raises `FrameError`.
        header: gives its header alone; raises `FrameError`.
        digests: of the files, by frame.
        coming: of frames that may still be on their way; None where all that will be here is here.
    """

    def __init__(
        self,
        numbers: tuple[int, ...],
        read: Callable[[int], plates.Plate],
        header: Callable[[int], plates.Header],
        digests: Mapping[int, str],
        coming: Coming | None = None,
    ) -> None:
        self.numbers = numbers
        self._coming = coming or Coming()
        self._presumed: set[int] = set()
        self._heads: dict[int, plates.Header] = {}
        self._sound: set[int] = set()
        self._headless: set[int] = set()
        self._read, self._header, self._digests = read, header, digests
        self._errors: dict[int, FrameError] = {}
        self._headers: dict[int, plates.Header] = {}
        self._kept: OrderedDict[int, Future[plates.Plate]] = OrderedDict()
        self._last: int | None = None
        self._reading = threading.Lock()  # one file is read at a time: readers of video are not made for more
        self._lock = threading.RLock()

    def part(self, numbers: tuple[int, ...]) -> Frames:
        """Some of the frames as a sequence of their own; what is read is kept for both."""
        some = copy.copy(self)
        some.numbers = numbers
        return some

    def content(self, frame: int) -> str:
        """SHA-256 of the frame's file as the job names it, or `missing`; nothing is read."""
        return self._digests.get(frame, "missing")

    def digest(self, frame: int) -> str:
        """SHA-256 of the frame's file, or `missing`."""
        return self._digests.get(frame, "missing") if self.error(frame) is None else "missing"

    def error(self, frame: int) -> FrameError | None:
        """Why this frame cannot be read, or None. Reads it once to know; one that is on its way is None."""
        if frame in self._sound or self._presume(frame):
            return None
        try:
            self.plate(frame)
        except FrameError as error:
            return error
        return None

    def _presume(self, frame: int) -> bool:
        """Whether a frame is on its way and therefore taken to be readable."""
        coming = frame in self._digests and frame not in self._errors and not self._coming.here(frame)
        if coming:
            self._presumed.add(frame)
        return coming

    def arrived(self, frame: int) -> bool:
        """Whether the file of a frame is not on its way any more."""
        return self._coming.here(frame)

    def confirm(self) -> None:
        """Look at every frame that was taken to be readable before it was here; waits for it.

        Raises:
            Disproved: one is not.
        """
        for frame in sorted(self._presumed - self._sound):
            self.plate(frame)

    def plate(self, frame: int) -> plates.Plate:
        """The whole plate of a frame.

        Raises:
            FrameError: it cannot be read.
        """
        with self._lock:
            begun = self._begun(frame)
            following = self._following(frame)
            if following is not None and not self._coming.here(following):
                following = None
            ahead = None if following is None else self._begun(following)
            self._last = frame
        if following is not None and ahead is not None and ahead[1]:
            threading.Thread(target=self._finish, args=(following, ahead[0]), name="impasto-read", daemon=True).start()
        if begun[1]:
            self._finish(frame, begun[0])
        try:
            return begun[0].result()
        except (FrameError, Disproved) as error:
            raise error.with_traceback(None) from None

    def _begun(self, frame: int) -> tuple[Future[plates.Plate], bool]:
        """The reading of a frame, and whether it is the caller's to do."""
        mine = frame not in self._kept
        if mine:
            self._kept[frame] = Future()
        self._kept.move_to_end(frame)
        if mine and frame in self._errors:
            self._kept[frame].set_exception(self._errors[frame])
            mine = False
        return self._kept[frame], mine

    def _finish(self, frame: int, reading: Future[plates.Plate]) -> None:
        try:
            self._coming.wait(frame)
            with self._reading:
                plate = self._read(frame)
                self._refuse_other_head(frame)
        except FrameError as error:
            with self._lock:
                self._errors[frame] = error
                if frame in self._presumed:
                    self._kept.pop(frame, None)
            reading.set_exception(Disproved(frame, error.message) if frame in self._presumed else error)
        except BaseException as error:
            with self._lock:
                self._kept.pop(frame, None)
            reading.set_exception(error)
        else:
            reading.set_result(plate)
            with self._lock:
                self._sound.add(frame)
                self._forget()

    def _following(self, frame: int) -> int | None:
        """The frame that is read meanwhile: the next one, where they are asked for in order."""
        place = bisect.bisect_left(self.numbers, frame)
        ordered = place > 0 and self._last in (self.numbers[place - 1], frame)
        return self.numbers[place + 1] if ordered and place + 1 < len(self.numbers) else None

    def header(self, frame: int) -> plates.Header | None:
        """The header of a frame, or None where it cannot be read."""
        with self._lock:
            if frame in self._headless:
                return None
            if frame in self._headers:
                return self._headers[frame]
        header = self._looked_at(frame)
        with self._lock:
            if header is None:
                self._headless.add(frame)
                return None
            return self._headers.setdefault(frame, header)

    def _looked_at(self, frame: int) -> plates.Header | None:
        head = None if self._coming.here(frame) else self._coming.head(frame)
        if head is not None:
            self._presumed.add(frame)
            self._heads[frame] = head
            return head
        try:
            self._coming.wait(frame)
            return self._header(frame)
        except FrameError as error:
            if frame in self._presumed:
                raise Disproved(frame, error.message) from error
            return None

    def _refuse_other_head(self, frame: int) -> None:
        """Refuse a frame that arrived with another header than its first bytes told: they were somebody else's."""
        head = self._heads.get(frame)
        if head is not None and _told(head) != _told(self._header(frame)):
            raise FrameError(f"Frame {frame} arrived with another header than was announced.", reason="FILE_CHANGED")

    def _forget(self) -> None:
        size = sum(map(_size, self._kept.values()))
        done = [frame for frame, reading in self._kept.items() if reading.done()]
        for frame in done[:-2]:
            if len(self._kept) <= KEPT_FRAMES and size <= KEPT_BYTES:
                break
            size -= _size(self._kept.pop(frame))


def _told(header: plates.Header) -> tuple[object, ...]:
    """What a header says, wherever its file lies."""
    channels = {name: str(dtype) for name, dtype in header.channels.items()}
    said = {name: repr(value) for name, value in header.attributes.items()}
    return header.data_window, header.display_window, header.compression, header.views, channels, said


def _size(reading: Future[plates.Plate]) -> int:
    """Bytes of a plate that has been read; 0 for one that has not."""
    if not reading.done() or reading.exception() is not None:
        return 0
    return sum(channel.nbytes for channel in reading.result().channels.values())


def common_raster(frames: Frames) -> tuple[plates.Window, plates.Window]:
    """The raster all frames of a shot share, and their format.

    Returns:
        The union of the data windows, and the display window.

    Raises:
        BadRequest: no frame can be read, or two frames differ in format.
    """
    raster = display = first = None
    for frame in frames.numbers:
        header = frames.header(frame)
        if header is None:
            continue
        if display is None or raster is None:
            raster, display, first = header.data_window, header.display_window, frame
        elif header.display_window != display:
            was, now = display, header.display_window
            raise BadRequest(
                f"Frame {frame} is {now.width}x{now.height} but frame {first} is {was.width}x{was.height}; "
                "name frames of one format with --shot, or let cuts be found with --cuts detect.",
                reason="FORMAT_CHANGES",
                frame=frame,
            )
        raster = raster.union(header.data_window)
    if raster is None or display is None:
        reasons = next((error.message for n in frames.numbers if (error := frames.error(n))), "there are none")
        raise BadRequest(f"No frame of the shot can be read: {reasons}", reason="NO_PLATE")
    return raster, display


class PlateShot:
    """One view of a shot; implements `impasto.server.shots.shot.Shot`.

    Args:
        frames: the plate sequence.
        view: the view, empty where there are none.
        raster: the pixels all pictures cover.
        colour: what the plate's numbers mean.
        warn: told what its user should know.
    """

    def __init__(
        self,
        frames: Frames,
        view: str,
        raster: plates.Window,
        colour: plates.ColourSpace,
        warn: Callable[[str], None],
    ) -> None:
        self.source, self.view, self.raster, self.colour = frames, view, raster, colour
        self.frames = frames.numbers
        self.height, self.width = raster.height, raster.width
        self._warn = warn
        self._kept: OrderedDict[int, Tensor] = OrderedDict()
        self._unknowns: OrderedDict[int, NDArray[np.uint8] | None] = OrderedDict()
        self._lock = threading.RLock()

    def readable(self, frame: int) -> bool:
        """Whether this frame can be read."""
        return self.source.error(frame) is None

    def digest(self, frame: int) -> str:
        """Digest of the frame as seen here: file, view, raster and colour."""
        return f"{self.source.digest(frame)}/{self.view}/{self.raster}/{self.colour.name}"

    def picture(self, frame: int) -> Tensor:
        """Scene-linear working RGB, (1, 3, H, W) float32; see `Shot.picture`."""
        with self._lock:
            if frame not in self._kept:
                rgb, _, notes = plates.picture(self.source.plate(frame), self.view, self.raster, self.colour)
                for note in notes:
                    self._warn(f"Frame {frame}: {note}")
                self._kept[frame] = self._mended(frame, torch.from_numpy(np.ascontiguousarray(rgb))[None])
                while len(self._kept) > min(KEPT_FRAMES, max(4, KEPT_BYTES // (12 * self.height * self.width))):
                    self._kept.popitem(last=False)
            self._kept.move_to_end(frame)
            return self._kept[frame]

    def _mended(self, frame: int, rgb: Tensor) -> Tensor:
        """The picture with what is around continued into pixels that hold nothing."""
        found = self._unknown(frame)
        if found is None or not (found == 1).any():
            return rgb
        return fill(rgb, torch.from_numpy(found != 1)[None, None].float())

    def holes(self, frame: int) -> Tensor | None:
        """Where the plate's colour is no number, (1, 1, H, W) of 0 and 1; None where all of it is."""
        found = self._unknown(frame)
        return None if found is None else torch.from_numpy(found > 0)[None, None].float()

    def _unknown(self, frame: int) -> NDArray[np.uint8] | None:
        """See `plates.unknown`."""
        with self._lock:
            if frame not in self._unknowns:
                self._unknowns[frame] = plates.unknown(self.source.plate(frame), self.view, self.raster)
                while len(self._unknowns) > KEPT_FRAMES:
                    self._unknowns.popitem(last=False)
            return self._unknowns[frame]

    def depth_layer(self, frame: int, name: str) -> NDArray[np.float32] | None:
        """A layer of depth as stored, (H, W) on the raster; None where the frame has none."""
        return plates.depth_layer(self.source.plate(frame), self.view, self.raster, name)

    def motion_layers(self, frame: int) -> dict[str, NDArray[np.float32]]:
        """The plate's own motion and mattes, on the raster."""
        return plates.motion_layers(self.source.plate(frame), self.view, self.raster)
