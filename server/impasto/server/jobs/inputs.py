"""Looks at the keys, styles and colour spaces of a job before it is kept, so that what is wrong is refused at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from impasto.server import plates
from impasto.server.errors import BadRequest, FrameError
from impasto.v1.job_pb2 import JobSpec
from impasto.v1.plate_pb2 import FileRef

Local = Callable[[FileRef], Path]


def refuse_wrong_inputs(
    spec: JobSpec, local: Local, limits: plates.Limits, header: plates.Header | None, known: set[str]
) -> None:
    """Refuse a job whose keys, styles or colour spaces cannot be used.

    Args:
        spec: the job, checked.
        local: local path of a file; raises `FrameError` where it is not here, which is then not looked at.
        limits: the largest picture taken.
        header: of the plate; None where there is none yet, then sizes are not compared.
        known: style files found good before, by digest; added to.

    Raises:
        BadRequest: the first thing that is wrong, with its cure.
    """
    if header is not None:
        for name in (spec.colour.plate, spec.colour.out):
            plates.ColourSpace.resolve(name, header)
    for key in spec.stylize.keys:
        if (path := _here(local, key.file)) is not None:
            _look_at_key(key.frame, key.file.path, path, limits, header)
    for style in spec.stylize.styles:
        path = _here(local, style.file) if style.HasField("file") else None
        if path is not None and style.file.sha256 not in known:
            _look_at_style(style.name, path, spec.colour.style)
            known.add(style.file.sha256)


def _here(local: Local, file: FileRef) -> Path | None:
    try:
        return local(file)
    except FrameError:
        return None


def _look_at_key(frame: int, name: str, path: Path, limits: plates.Limits, header: plates.Header | None) -> None:
    try:
        key = plates.read_header(path, limits)
    except FrameError as error:
        raise BadRequest(
            f"The key of frame {frame} cannot be read: {error.message}", reason="KEY_UNREADABLE"
        ) from error
    if header is None:
        return
    size, expected = key.display_window, header.display_window
    # Another size of the same shape may be scaled; whether it is to be is for the run to say.
    if size.width * expected.height != size.height * expected.width:
        raise BadRequest(
            f"The key {name or frame} is {size.width}x{size.height} and the plate {expected.width}x{expected.height}; "
            "its shape differs, paint it at the plate's size.",
            reason="KEY_SIZE",
            frame=frame,
        )


def _look_at_style(name: str, path: Path, colour: str) -> None:
    from impasto.server.models.style import files

    if files.recognise(path, name) == "picture":
        files.read_picture(path, name, colour)
