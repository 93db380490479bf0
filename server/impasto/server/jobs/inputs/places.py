"""Where the files of a job lie: in place under a root both sides see, else in the cache and the server's own state."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from impasto.sequences import Digests, SequenceError
from impasto.server.errors import FrameError, ImpastoError
from impasto.server.jobs.inputs.held import HELD, Held
from impasto.server.jobs.inputs.path_maps import PathMaps
from impasto.server.jobs.planning.spec import file_refs, output_pattern
from impasto.server.jobs.records.cache import Cache
from impasto.v1.job_pb2 import JobSpec
from impasto.v1.plate_pb2 import FileRef


class Places:
    """Finds the files of jobs.

    Args:
        roots: folders whose files are used in place; links are followed before the comparison.
        cache: for files that were uploaded.
        folder: the server's own, for frames nobody named a place for under a root.
        maps: what clients call folders that have other names here.
    """

    def __init__(self, roots: tuple[Path, ...], cache: Cache, folder: Path, maps: PathMaps | None = None) -> None:
        self._maps = maps or PathMaps()
        self._roots = tuple(root.resolve() for root in roots)
        self._cache, self._folder = cache, folder
        self._digests = Digests(cache.folder)
        self._held = Held(folder.parent / "held")

    def in_place(self, path: str) -> Path | None:
        """The regular file at this path as it truly lies under a root; None for any other.

        Args:
            path: absolute, as its user sees it.
        """
        try:
            here = Path(self._maps.here(path))
            true = here.resolve(strict=True) if here.is_absolute() else None
        except (OSError, ValueError, RuntimeError):
            return None
        return true if true is not None and self._rooted(true) and true.is_file() else None

    def _rooted(self, true: Path) -> bool:
        return any(true.is_relative_to(root) for root in self._roots)

    def missing(self, spec: JobSpec) -> list[str]:
        """Files of a job that are neither in place nor in the cache, by SHA-256, those needed first in front."""
        found: dict[str, bool] = {}
        for _, ref in file_refs(spec):
            if ref.sha256 not in found:
                place = self.in_place(ref.path)
                seen = place is not None and ref.size in (0, place.stat().st_size)
                found[ref.sha256] = seen or self._cache.file(ref.sha256) is not None
        return [sha256 for sha256, there in found.items() if not there]

    def head(self, ref: FileRef) -> Path | None:
        """The first bytes of a file that is on its way, as a file; None where it is here whole or nothing is."""
        if self._cache.file(ref.sha256) is not None or self.in_place(ref.path) is not None:
            return None
        return self._cache.arriving(ref.sha256)

    def local(self, ref: FileRef) -> Path:
        """The local path of a file, its content checked against the digest.

        Of a file in place it is a name of our own for the file as it was opened and checked: what becomes of its name
        afterwards changes nothing, and after every change of the file it is another path.

        Raises:
            FrameError: it is gone (`FILE_GONE`) or changed (`FILE_CHANGED`).
        """
        name = ref.path or ref.sha256
        place = self.in_place(ref.path)
        if place is None:
            cached = self._cache.checked(ref.sha256)
            if cached is None:
                raise FrameError(f"{name} is gone; put it back, or send the job again.", reason="FILE_GONE")
            return cached
        try:
            opened = self._held.open(place, self._root_of(place)) if HELD else None
            digest = self._digests.of(place, opened.handle if opened is not None else None).sha256
        except (SequenceError, OSError) as error:
            raise FrameError(f"{name} cannot be read: {error}", reason="FILE_GONE") from error
        if digest != ref.sha256:
            raise FrameError(f"{name} changed since the job was made; make the job again.", reason="FILE_CHANGED")
        return place if opened is None else opened.path

    @contextlib.contextmanager
    def plainly(self) -> Iterator[None]:
        """Raise errors with the files' own names in their sentences, not with ours."""
        try:
            yield
        except ImpastoError as error:
            error.message = self.plain(error.message)
            raise

    def plain(self, sentence: str) -> str:
        """A sentence with the files' own names, not with ours."""
        return self._held.plain(sentence)

    def _root_of(self, true: Path) -> Path:
        return next(root for root in self._roots if true.is_relative_to(root))

    def target(self, job: str, spec: JobSpec, frame: int, view: str) -> Path:
        """Where the server writes a frame: the output itself where it lies under a root, else its own folder.

        The folder is made.

        Raises:
            FrameError: the folder cannot be made (`OUTPUT_UNWRITABLE`).
        """
        path = self.here(output_pattern(spec).path(frame, view))
        if not self.writes_in_place(path):
            name = re.sub(r"[^A-Za-z0-9_.-]", "_", f"{view}.{frame:04d}.exr" if view else f"{frame:04d}.exr")
            path = self.folder_of(job) / name
        _make_folder(path.parent)
        return path

    def beside(self, job: str, wished: str) -> Path:
        """Where the server writes a file that its user wished at this path: there, or in its own folder.

        The folder is made.

        Raises:
            FrameError: the folder cannot be made (`OUTPUT_UNWRITABLE`).
        """
        path = self.here(Path(wished))
        if not self.writes_in_place(path):
            path = self.folder_of(job) / re.sub(r"[^A-Za-z0-9_.-]", "_", path.name)
        _make_folder(path.parent)
        return path

    def here(self, path: Path) -> Path:
        """What a client's path is called here."""
        return Path(self._maps.here(str(path)))

    def stands(self, path: Path) -> bool:
        """Whether a file just written lies where it may: no folder of its path became a link elsewhere meanwhile."""
        return path.is_relative_to(self._folder) or self.writes_in_place(path)

    def folder_of(self, job: str) -> Path:
        """Where frames of a job are kept whose output lies under no root."""
        return self._folder / job

    def writes_in_place(self, path: Path) -> bool:
        """Whether this output lies under a root, its links followed."""
        if not path.is_absolute():
            return False
        try:
            return self._rooted(Path(os.path.realpath(path)))
        except (OSError, ValueError):
            return False

    def rest(self, seconds: float) -> None:
        """Hold no file open that nobody has asked for in so long."""
        self._held.rest(seconds)

    def close(self) -> None:
        """Let go of the remembered digests and of all files."""
        self._digests.close()
        self._held.close()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FrameError(
            f"The folder {folder} cannot be made ({error.strerror}); choose another output.",
            reason="OUTPUT_UNWRITABLE",
        ) from error
