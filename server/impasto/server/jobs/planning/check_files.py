"""Looks at what a job brings (keys, styles, masks, spaces) before it is kept; what is wrong is refused at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from impasto.server import plates
from impasto.server.errors import BadRequest, FrameError
from impasto.server.jobs.planning.spec import key_masks, masks
from impasto.v1.job_pb2 import JobSpec, Mask
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
        known: style and weights files found good before, by digest; added to.

    Raises:
        BadRequest: the first thing that is wrong, with its cure.
    """
    if header is not None:
        for name in (spec.colour.plate, spec.colour.out):
            plates.ColourSpace.resolve(name, header)
    for key in spec.stylize.keys:
        if (path := _here(local, key.file)) is not None:
            _look_at_key(key.frame, key.file.path, path, limits, header)
    pictures = [mask for mask in key_masks(spec) if mask.WhichOneof("source") == "files"]
    for mask in [*masks(spec), *pictures]:
        _look_at_mask(mask, local, limits, header)
    for style in spec.stylize.styles:
        path = _here(local, style.file) if style.HasField("file") else None
        if path is not None and style.file.sha256 not in known:
            _look_at_style(style.name, path, spec.colour.style)
            known.add(style.file.sha256)
    _look_at_nets(spec, known)


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
    if abs(size.width * expected.height / size.height - expected.width) >= 1:
        raise BadRequest(
            f"The key {name or frame} is {size.width}x{size.height} and the plate {expected.width}x{expected.height}; "
            "its shape differs, paint it at the plate's size.",
            reason="KEY_SIZE",
            frame=frame,
        )


def _look_at_style(name: str, path: Path, colour: str) -> None:
    from impasto.server.models.style import files, johnson

    if files.recognise(path, name) == "picture":
        files.read_picture(path, name, colour)
        return
    try:
        johnson.load(path)
    except BadRequest as error:  # a file that was sent has no name but its digest
        raise BadRequest(error.message.replace(str(path), name), reason=error.reason) from error


def _look_at_nets(spec: JobSpec, known: set[str]) -> None:
    """Files of a look's weights that no published checksum tells from another's: whether they are the look's."""
    import torch

    from impasto.server.models import weights
    from impasto.server.models.style import looks

    if not spec.stylize.look or not (chosen := looks.ready_files(spec.stylize.look)):
        return
    cards = weights.published()
    if all(file.name in cards and cards[file.name][1].sha256 for file in chosen):
        return
    digests = ",".join(map(weights.digest, chosen))
    if digests not in known:
        looks.after_pictures(spec.stylize.look, [torch.rand(1, 3, 64, 64)], [1.0], chosen, looks.Manner())
        known.add(digests)


def _look_at_mask(mask: Mask, local: Local, limits: plates.Limits, header: plates.Header | None) -> None:
    """The layer is in the plate; the first picture that is here has the plate's size."""
    if mask.WhichOneof("source") == "layer":
        if header is not None:
            try:
                plates.mask_channel(header, header.views[0], mask.layer)
            except FrameError as error:
                raise BadRequest(error.message, reason=error.reason) from error
        return
    file = next((entry.file for entry in mask.files.files if _here(local, entry.file)), None)
    if file is None or header is None:
        return
    try:
        size = plates.read_header(local(file), limits).display_window
    except FrameError as error:
        raise BadRequest(f"The mask {file.path} cannot be read: {error.message}", reason="MASK_UNREADABLE") from error
    check_mask_size(file.path, size, header.display_window)


def check_mask_size(name: str, size: plates.Window, display: plates.Window) -> None:
    """Refuse a mask of another size than the plate (`MASK_SIZE`)."""
    if (size.width, size.height) != (display.width, display.height):
        raise BadRequest(
            f"The mask {name} is {size.width}x{size.height} and the plate {display.width}x{display.height}; "
            "give a mask of the plate's size.",
            reason="MASK_SIZE",
        )
