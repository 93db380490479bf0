"""Names of sequences: `shot.####.exr`, `shot.%04d.exr`, `shot.$F4.exr`, with `%V` or `%v` for the view."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fileseq import FileSequence, ParseException
from fileseq.constants import PAD_STYLE_HASH1

from impasto.sequences.errors import SequenceError

VIDEO_SUFFIXES = frozenset({".mov", ".mp4", ".m4v", ".mxf", ".mkv", ".avi", ".webm"})

_TOKENS = {"%V": "ViewInFull", "%v": "ViewByLetter"}
_VIEW = r"[A-Za-z_][A-Za-z0-9_]*?"
_NUMBER = re.compile(r"(?:^|[._])(-?\d{1,9})$", re.ASCII)
_MARKS = re.compile(r"#+|@+|\$F\d*|%0?\d*d", re.ASCII)


@dataclass(frozen=True)
class SequencePattern:
    """Where the files of a sequence lie, by frame and view.

    Attributes:
        text: the pattern as its user wrote it.
        folder: everything before the file name; may hold `%V` and `%v`.
        head: the file name before the frame number.
        tail: the file name after the frame number.
        padding: digits a frame number is filled up to with zeros; 0 where the pattern names one file.
    """

    text: str
    folder: str
    head: str
    tail: str
    padding: int

    @classmethod
    def parse(cls, text: str | os.PathLike[str]) -> SequencePattern:
        """Read a pattern; nothing on disk is looked at.

        Raises:
            SequenceError: for an empty name, a frame number that is not in the file name, more than one frame
                number, or frames written into the pattern.
        """
        text = os.fspath(text)
        path = text.replace("\\", "/") if os.name == "nt" else text
        folder, slash, name = path.rpartition("/")
        if not name or "\0" in path:
            raise SequenceError(f"'{text}' names no file; write a pattern such as shot.####.exr.")
        if _MARKS.search(folder):
            # A folder called "take#2" is a folder like any other, unless nothing else could be the frame number.
            _refuse_number_in_folder(text, folder, name)
        head, padding, tail = _split(text, name)
        return cls(text, folder + slash, head, tail, padding)

    @property
    def is_video(self) -> bool:
        """Whether one video file holds all frames, counted from 1."""
        return not self.has_frames and Path(self.tail or self.head).suffix.lower() in VIDEO_SUFFIXES

    @property
    def has_frames(self) -> bool:
        """Whether the name holds a frame number."""
        return self.padding > 0

    @property
    def has_views(self) -> bool:
        """Whether each view has files of its own."""
        whole = self.folder + self.head + self.tail
        return any(token in whole for token in _TOKENS)

    @property
    def only_frame(self) -> int:
        """Of a pattern that names one file: the frame it is, as its name says (`shot.1001.exr`), else 1."""
        match = _NUMBER.search(Path(self.head).stem)
        return int(match[1]) if match and not self.is_video else 1

    def path(self, frame: int, view: str = "") -> Path:
        """The file of a frame and view; `%V` becomes the view's name, `%v` its first letter.

        Raises:
            SequenceError: where the pattern asks for a view and none is given.
        """
        number = f"{frame:0{self.padding}d}" if self.has_frames else ""
        parts = [self.folder, self.head + number + self.tail]
        if self.has_views:
            if not view:
                raise SequenceError(f"'{self.text}' holds %V or %v, but the plate has no views; leave it out.")
            parts = [part.replace("%V", view).replace("%v", view[:1]) for part in parts]
        return Path(parts[0] + parts[1])

    def on_disk(self) -> dict[tuple[int, str], Path]:
        """The files that are there, by frame and view (empty where the pattern has none), ascending.

        A number filled up in another way than the pattern says is another file. Where the pattern holds only `%v`,
        views are named by their letter.

        Raises:
            SequenceError: where a folder cannot be read.
        """
        found: dict[tuple[int, str], Path] = {}
        for path, values in _walk(Path(), self._components(), {}):
            number = values.get("frame")
            frame = self.only_frame if number is None else int(number)
            view = values.get("ViewInFull") or values.get("ViewByLetter") or ""
            if values.get("ViewByLetter", view[:1]) != view[:1]:
                continue
            if number is None or f"{frame:0{self.padding}d}" == number:
                found[frame, view] = path
        return dict(sorted(found.items()))

    def missing(self, frames: Iterable[int]) -> tuple[int, ...]:
        """Those of the frames of which no file is there, in any view."""
        there = {frame for frame, _ in self.on_disk()}
        return tuple(frame for frame in frames if frame not in there)

    def _components(self) -> list[str]:
        frame = "\0" if self.has_frames else ""
        return [*Path(self.folder).parts, self.head + frame + self.tail]


def _split(text: str, name: str) -> tuple[str, int, str]:
    """Head, padding and tail of a file name."""
    for token, word in _TOKENS.items():
        name = name.replace(token, word)
    if not _MARKS.search(name):
        return _with_tokens(name), 0, ""
    try:
        sequence = FileSequence(name, pad_style=PAD_STYLE_HASH1)
    except ParseException as error:
        raise SequenceError(f"'{text}' cannot be read as a sequence; write a pattern such as shot.####.exr.") from error
    head, mark, tail = sequence.basename(), sequence.padding(), sequence.extension()
    if sequence.frameSet() is not None:
        raise SequenceError(f"'{text}' holds frame numbers; write shot.####.exr and name the frames with --frames.")
    if not _MARKS.fullmatch(mark) or _MARKS.search(head) or _MARKS.search(tail):
        raise SequenceError(
            f"'{text}' must hold one frame number just before the suffix; write a pattern such as shot.####.exr."
        )
    return _with_tokens(head), sequence.zfill(), _with_tokens(tail)


def _with_tokens(text: str) -> str:
    for token, word in _TOKENS.items():
        text = text.replace(word, token)
    return text


def _refuse_number_in_folder(text: str, folder: str, name: str) -> None:
    if not _MARKS.search(name) and re.search(r"##|\$F|%0?\d*d", folder):
        raise SequenceError(f"'{text}' has its frame number in a folder's name; it belongs in the file's name.")


def _walk(at: Path, components: list[str], values: dict[str, str]) -> Iterator[tuple[Path, dict[str, str]]]:
    """Files below a folder whose components match, with what the tokens stood for."""
    name, rest = components[0], components[1:]
    if "\0" not in name and not any(token in name for token in _TOKENS):
        path = at / name
        if rest:
            yield from _walk(path, rest, values)
        elif path.is_file():
            yield path, values
        return
    expression = _expression(name, values)
    for entry in _names(at):
        match = expression.fullmatch(entry)
        if match is None:
            continue
        path, known = at / entry, values | match.groupdict()
        if rest:
            if path.is_dir():
                yield from _walk(path, rest, known)
        elif path.is_file():
            yield path, known


def _expression(name: str, values: dict[str, str]) -> re.Pattern[str]:
    """A regular expression for a path's component; a token seen before must stand for the same again."""
    pieces = []
    seen = set(values)
    for piece in re.split(r"(%V|%v|\0)", name):
        group = "frame" if piece == "\0" else _TOKENS.get(piece)
        if group is None:
            pieces.append(re.escape(piece))
        elif group in values:
            pieces.append(re.escape(values[group]))
        elif group in seen:
            pieces.append(f"(?P={group})")
        else:
            form = {"frame": r"-?\d{1,9}", "ViewInFull": _VIEW, "ViewByLetter": "[A-Za-z_]"}[group]
            pieces.append(f"(?P<{group}>{form})")
            seen.add(group)
    return re.compile("".join(pieces), re.ASCII)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise SequenceError(f"The folder {folder} cannot be read ({error.strerror}).") from error
