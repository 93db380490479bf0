"""`impasto demo`: the main job on the example shot, once from a key and once with a style."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli import embedded
from impasto.cli import options as o
from impasto.cli.report import report
from impasto.client import BadRequestError, Options, stylize_spec
from impasto.client.options import PathLike
from impasto.sequences import SequencePattern
from impasto.v1 import job_pb2


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for what is made.")] = Path(
        "out/demo"
    ),
    cache: o.Cache = None,
    events: o.Events = o.EventsForm.BAR,
) -> None:
    """Paint the example shot from a painted key, then in a picture's manner, and draw a contact sheet of each."""
    example = find_example()
    plate = SequencePattern.parse(example / "plate.####.exr")
    looks = {
        "key": _spec(plate, out, "key", keys=_keys(example)),
        "style": _spec(plate, out, "style", style=_style(example)),
    }
    paths: list[Path] = []
    for spec in looks.values():
        with report(events) as shown, embedded.client(cache) as client:
            for event in client.render(spec):
                shown.show(event)
        pattern = SequencePattern.parse(spec.output.pattern)
        paths += [*pattern.on_disk().values(), Path(spec.output.sheet)]
    if events is o.EventsForm.BAR:
        print(*paths, sep="\n")


def find_example() -> Path:
    """The folder of the example shot: inside the installed command, else in the checkout.

    Raises:
        BadRequestError: it is in neither.
    """
    installed = Path(str(resources.files("impasto.cli"))) / "example"
    checkout = Path(__file__).resolve().parents[4] / "examples" / "shot"
    for folder in (installed, checkout):
        if SequencePattern.parse(folder / "plate.####.exr").on_disk():
            return folder
    raise BadRequestError(
        "The example shot is not here; install Impasto again, or run the demo in a checkout.", reason="EXAMPLE_MISSING"
    )


def _spec(plate: SequencePattern, out: Path, name: str, **look: object) -> job_pb2.JobSpec:
    keys, style = look.get("keys"), look.get("style")
    return stylize_spec(
        plate.text,
        out=out / name / f"{name}.####.exr",
        keys=keys if isinstance(keys, dict) else None,
        style=style if isinstance(style, Path) else None,
        options=Options(passes=("all",), sheet=out / f"{name}.png"),
    )


def _keys(example: Path) -> dict[int, PathLike]:
    for suffix in ("png", "exr"):
        found = SequencePattern.parse(example / f"key.####.{suffix}").on_disk()
        if found:
            return {frame: path for (frame, _), path in found.items()}
    raise BadRequestError(f"The example's key is not in {example}; install Impasto again.", reason="EXAMPLE_MISSING")


def _style(example: Path) -> Path:
    return example / "style.png"
