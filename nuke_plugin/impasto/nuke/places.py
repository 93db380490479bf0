"""Where a node keeps its files, and how they are named on the machine at hand."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto.nuke.errors import NodeError

OWNER = ".impasto-node.json"
"""In an output directory: the node it belongs to."""


@dataclass(frozen=True)
class Owner:
    """The node that a folder belongs to.

    Attributes:
        script: path of its script; empty while it was never saved.
        identity: made up when it first rendered; a copy of the node has the same until it renders.
        node: its full name.
    """

    script: str
    identity: str
    node: str


_NUMBER = re.compile(r"#+|%0?(\d*)d")


@dataclass(frozen=True)
class Place:
    """The folder of one node.

    Attributes:
        directory: with forward slashes.
        pattern: of the result's file name, such as `result.####.exr`.
        many_views: whether each view has files of its own.
    """

    directory: str
    pattern: str
    many_views: bool

    def result(self, preview: str = "") -> str:
        """The pattern of the frames made; of those made to be looked at, by the preview's name."""
        name = f"{preview}.####.exr" if preview else self.pattern
        return self._join("preview" if preview else "", with_view(name) if self.many_views else name)

    def input(self, name: str, preview: bool = False) -> str:
        """The pattern of what the node's inputs look like on disk: `plate`, `style`, `keys`."""
        file = f"{name}.%V.####.exr" if self.many_views else f"{name}.####.exr"
        return self._join("preview/inputs" if preview else "inputs", file)

    def file(self, name: str) -> str:
        """A file beside the result: job file, log."""
        return self._join("", name)

    def _join(self, folder: str, name: str) -> str:
        return "/".join(part for part in (self.directory.rstrip("/"), folder, name) if part)


def check_pattern(pattern: str) -> str:
    """A result's file name as it may be.

    Raises:
        NodeError: it holds a folder, no frame number or two, or is no EXR.
    """
    if "/" in pattern or "\\" in pattern:
        raise NodeError(f"The file name '{pattern}' holds a folder; put that into the output directory.")
    if len(_NUMBER.findall(pattern)) != 1 or not pattern.lower().endswith(".exr"):
        raise NodeError(f"The file name '{pattern}' must hold one #### and end in .exr, such as result.####.exr.")
    return pattern


def with_view(pattern: str) -> str:
    """A pattern with `%V` before its frame number, unless it names the view already."""
    if "%V" in pattern or "%v" in pattern:
        return pattern
    match = _NUMBER.search(pattern)
    at = match.start() if match else len(pattern)
    return f"{pattern[:at]}%V.{pattern[at:]}"


def for_nuke(pattern: str) -> str:
    """The same pattern with `%04d` for `####`, as Nuke's Read and Write keep it."""
    return _NUMBER.sub(lambda match: f"%0{_digits(match)}d", pattern)


def path_of(pattern: str, frame: int, view: str = "") -> str:
    """The file of one frame and view."""
    return _NUMBER.sub(lambda match: f"{frame:0{_digits(match)}d}", of_view(pattern, view))


def files_of(pattern: str, frames: Iterable[int], views: Sequence[str]) -> list[str]:
    """The files of frames, view by view; views count only where the pattern names them."""
    listed = list(frames)
    names = views if "%V" in pattern or "%v" in pattern else ("",)
    return [path_of(pattern, frame, view) for view in names for frame in listed]


def of_view(pattern: str, view: str) -> str:
    """A pattern of one view alone; the pattern as it is where no view is given."""
    return pattern.replace("%V", view).replace("%v", view[:1]) if view else pattern


def is_sequence(pattern: str) -> bool:
    """Whether the name holds a frame number."""
    return _NUMBER.search(pattern) is not None


def _digits(match: re.Match[str]) -> int:
    return int(match[1] or 1) if match[0].startswith("%") else len(match[0])


def default_directory(script: str, node: str) -> str:
    """Where a node keeps its files unless its user says where: beside the script, by its name and the node's.

    Args:
        script: path of the Nuke script; empty while it was never saved.
        node: full name of the node.

    Raises:
        NodeError: the script was never saved.
    """
    if not script:
        raise NodeError(
            "Save the script first, or choose an output directory: Impasto puts its frames beside the script."
        )
    path = Path(script)
    return (path.parent / "impasto" / path.stem / node.replace(".", "_")).as_posix()


def claim(directory: str, owner: Owner) -> None:
    """Make the folder and put the node's name into it, so that two nodes never share one unawares.

    Raises:
        NodeError: it belongs to another node of the same script, or cannot be written to.
    """
    path = Path(directory) / OWNER
    folder = str(Path(owner.script).parent) if owner.script else ""
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        told = owner_of(directory)
        if told and told.get("script_folder") == folder and told.get("identity") != owner.identity:
            raise NodeError(
                f"The output directory {directory} belongs to the node {told.get('node')}; choose another for"
                f" {owner.node}, or delete {path.as_posix()} if that node is gone."
            )
        write_json(path.as_posix(), {"script_folder": folder, "identity": owner.identity, "node": owner.node})
    except OSError as error:
        raise NodeError(f"The output directory {directory} cannot be written to: {error.strerror}.") from error


def owner_of(directory: str) -> dict[str, str]:
    """What is known of the node that a folder belongs to; empty where it belongs to none."""
    try:
        told = json.loads((Path(directory) / OWNER).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return {str(name): str(value) for name, value in told.items()} if isinstance(told, dict) else {}


def write_json(path: str, values: object) -> None:
    """Write a JSON file whole or not at all."""
    folder = Path(path).parent
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=str(folder), suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(values, file, ensure_ascii=False, indent=1, sort_keys=True)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def path_map(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """How folders of other machines are called here: `IMPASTO_PATH_MAP`, `FROM=TO` parted by `;`."""
    pairs = [piece.partition("=") for piece in environment.get("IMPASTO_PATH_MAP", "").split(";")]
    return tuple((source, target) for source, sign, target in pairs if sign and source)


def mapped(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    """A path as it is called here."""
    for source, target in pairs:
        if path == source or path.startswith(source.rstrip("/") + "/"):
            return target.rstrip("/") + path[len(source.rstrip("/")) :]
    return path
