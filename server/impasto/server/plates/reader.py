"""The one seam through which jobs read: a file, a sequence of files or a video, all as plates."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from impasto.server.errors import FrameError, NoRoom, PlateError
from impasto.server.plates import exr, pictures
from impasto.server.plates.apart import Apart, ApartVideo
from impasto.server.plates.exr_header import MAGIC
from impasto.server.plates.header import Header
from impasto.server.plates.limits import DEFAULT, Limits
from impasto.server.plates.plate import Plate
from impasto.server.plates.video import VideoReader

_Result = TypeVar("_Result")


class Reader(Protocol):
    """Reads the frames of a shot."""

    frames: tuple[int, ...]
    """The frames there are, ascending."""

    def header(self, frame: int) -> Header:
        """A frame's header, without its pixels.

        Raises:
            FrameError: the frame is missing or cannot be read.
        """
        ...

    def read(self, frame: int) -> Plate:
        """A frame.

        Raises:
            FrameError: the frame is missing or cannot be read.
        """
        ...


class FileReader:
    """Frames that are files of their own, each EXR, PNG, TIFF or JPEG.

    Args:
        files: frame number to path.
        limits: the largest picture that is read.
    """

    def __init__(self, files: Mapping[int, Path], limits: Limits = DEFAULT) -> None:
        self._files, self._limits = dict(files), limits
        self.frames: tuple[int, ...] = tuple(sorted(self._files))

    def header(self, frame: int) -> Header:
        """A frame's header; raises `FrameError`."""
        return read_header(self._path(frame), self._limits)

    def read(self, frame: int) -> Plate:
        """A frame; raises `FrameError`."""
        return read(self._path(frame), self._limits)

    def _path(self, frame: int) -> Path:
        if frame not in self._files:
            raise FrameError(f"frame {frame} is missing from the sequence; render it or correct the range", frame=frame)
        return self._files[frame]


_apart: list[Apart] = []


@contextlib.contextmanager
def decoding_apart(apart: Apart) -> Iterator[None]:
    """Have every file of this process decoded in processes apart meanwhile: what was uploaded is not to be trusted.

    Nobody in the process can then forget to; a server does it from its start to its end.
    """
    _apart.append(apart)
    try:
        yield
    finally:
        _apart.remove(apart)
        apart.close()


def open_video(path: Path, limits: Limits = DEFAULT) -> Reader:
    """The frames of a video file, counted from 1; decoded apart where files are.

    Raises:
        PlateError: the file is missing, damaged or holds no video.
    """
    return ApartVideo(_apart[-1], path, limits) if _apart else VideoReader(path, limits)


def read(path: Path, limits: Limits = DEFAULT) -> Plate:
    """Read a picture: EXR, PNG, TIFF or JPEG, known by content whatever its name.

    Args:
        path: the file.
        limits: the largest picture that is read; checked against the header before pixels are.

    Raises:
        PlateError: the file is missing, damaged, cut off, too big, deep, subsampled or no picture; the sentence names
            the file and the cure.
        NoRoom: memory ran out.
    """
    if _apart:
        return _apart[-1].read(path, limits)
    return _dispatch(path, lambda: exr.read(path, limits), lambda: pictures.read(path, limits))


def read_header(path: Path, limits: Limits = DEFAULT) -> Header:
    """Read a picture's header alone, as `read` would merge it, and check it and the file's length.

    Args:
        path: the file.
        limits: the largest picture that would be read.

    Raises:
        PlateError: as `read`, as far as the header tells.
    """
    if _apart:
        return _apart[-1].read_header(path, limits)
    return _dispatch(path, lambda: exr.read_header(path, limits), lambda: pictures.read_header(path, limits))


def read_head(path: Path, limits: Limits = DEFAULT) -> Header:
    """Read the header of an EXR of which only the beginning is here; nothing behind the header is looked at.

    Args:
        path: the file, or its first bytes.
        limits: the largest picture that would be read.

    Raises:
        PlateError: as `read_header`; also where the header is not here whole, or this is no EXR.
    """
    if _apart:
        return _apart[-1].read_head(path, limits)

    def no_picture() -> Header:
        raise PlateError(f"{path} is no EXR; its beginning does not tell what it is")

    return _dispatch(path, lambda: exr.read_header(path, limits, whole=False), no_picture)


def _dispatch(path: Path, as_exr: Callable[[], _Result], as_picture: Callable[[], _Result]) -> _Result:
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
        if start.startswith(MAGIC):
            return as_exr()
        if pictures.knows(start):
            return as_picture()
    except FileNotFoundError:
        raise PlateError(f"there is no file {path}; render it or correct the name", reason="PLATE_MISSING") from None
    except MemoryError:
        raise NoRoom(f"{path} does not fit into memory; crop the picture or drop channels", path=path) from None
    except OSError as error:
        raise PlateError(f"{path} cannot be opened ({error.strerror}); make it readable to the server") from error
    raise PlateError(f"{path} is damaged or no EXR, PNG, TIFF or JPEG picture; render or export it again")
