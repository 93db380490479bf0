"""`impasto run`: make a job from its file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from impasto.cli import groups as g
from impasto.cli import options as o
from impasto.cli.making import make, read_job_file
from impasto.client import BadRequestError
from impasto.client.specs import absolute


@g.grouped
def run(
    job: Annotated[Path, typer.Argument(metavar="JOB.json", show_default=False, help="The job file.")],
    frames: o.Frames = "",
    overwrite: o.Overwrite = False,
    *,
    manner: g.Manner,
) -> None:
    """Make a job from its file, as 'stylize --job-file' or a node wrote it.

    The file is a JobSpec in JSON; patterns in it are taken from the current folder where they are not absolute.
    --frames and --overwrite take the place of what the file says.
    """
    spec = read_job_file(job)
    kind = spec.WhichOneof("kind")
    if not spec.plate.pattern or kind is None or not (spec.output.pattern or kind == "keys"):
        raise BadRequestError(
            f"The job file {job} must name plate.pattern, output.pattern and what to do: stylize, motion, interpolate,"
            " keys or stmap.",
            reason="JOB_FILE",
        )
    spec.plate.pattern = absolute(spec.plate.pattern)
    for name in ("pattern", "sheet", "preview"):
        if path := getattr(spec.output, name):
            setattr(spec.output, name, absolute(path))
    spec.plate.frames = frames or spec.plate.frames
    spec.output.overwrite = overwrite or spec.output.overwrite
    make(spec, manner)
