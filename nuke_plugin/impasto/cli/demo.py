"""`impasto demo`: the main job on the example shot, once from a key and once with a style."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import embedded
from impasto.cli import options as o
from impasto.cli.report import report
from impasto.client import BadRequestError, Options, stylize_spec
from impasto.client.specs import PathLike
from impasto.sequences import SequencePattern
from impasto.v1 import job_pb2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROWS = 5
"""Frames shown on the contact sheet."""


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
    for name, spec in looks.items():
        with report(events) as shown, embedded.client(cache) as client:
            for event in client.render(spec):
                shown.show(event)
        pattern = SequencePattern.parse(spec.output.pattern)
        sheet = out / f"{name}.png"
        sheet.write_bytes(draw_sheet(plate, pattern))
        paths += [*pattern.on_disk().values(), sheet]
    if events is o.EventsForm.BAR:
        print(*paths, sep="\n")


def find_example() -> Path:
    """The folder of the example shot: inside the installed command, else in the checkout.

    Raises:
        BadRequestError: it is in neither.
    """
    installed = Path(str(resources.files("impasto.cli"))) / "example"
    checkout = Path(__file__).resolve().parents[3] / "examples" / "shot"
    for folder in (installed, checkout):
        if SequencePattern.parse(folder / "plate.####.exr").on_disk():
            return folder
    raise BadRequestError(
        "The example shot is not here; install Impasto again, or run the demo in a checkout.", reason="EXAMPLE_MISSING"
    )


def draw_sheet(plate: SequencePattern, made: SequencePattern) -> bytes:
    """A contact sheet: plate, painted, motion as colour, occlusion, of a few frames spread over the shot.

    The last frame is left out where there are others: nothing follows it, so it has no motion to show.

    Args:
        plate: the plate's frames.
        made: frames made of it, with motion and mattes.

    Returns:
        A PNG file.
    """
    from impasto.server import plates

    painted = made.on_disk()
    numbers = sorted({frame for frame, _ in painted})
    numbers = numbers[:-1] or numbers
    count = min(ROWS, len(numbers))
    chosen = [numbers[round(place * (len(numbers) - 1) / max(count - 1, 1))] for place in range(count)]
    rows = [_row(plate.path(frame), painted[frame, ""]) for frame in chosen]
    headings = ("plate", "painted", "motion", "occlusion")
    return plates.contact_sheet(rows, headings, [str(frame) for frame in chosen])


def _row(plate: Path, painted: Path) -> list[NDArray[np.float32]]:
    import numpy as np

    from impasto.server import plates

    first, second = plates.read(plate), plates.read(painted)
    colour = plates.ColourSpace.resolve("auto", plates.read_header(plate))
    shaper = plates.Shaper(1.0)
    pictures = [plates.picture(each, "", first.display_window, colour)[0] for each in (first, second)]
    layers = plates.motion_layers(second, "", first.display_window)
    matte = np.repeat(layers["occlusion.next"][..., None], 3, axis=-1).astype(np.float32)
    shown = [shaper.encode(picture).transpose(1, 2, 0).astype(np.float32) for picture in pictures]
    return [*shown, plates.flow_colours(layers["forward"]), matte]


def _spec(plate: SequencePattern, out: Path, name: str, **look: object) -> job_pb2.JobSpec:
    keys, style = look.get("keys"), look.get("style")
    return stylize_spec(
        plate.text,
        out=out / name / f"{name}.####.exr",
        keys=keys if isinstance(keys, dict) else None,
        style=style if isinstance(style, Path) else None,
        options=Options(passes=("all",)),
    )


def _keys(example: Path) -> dict[int, PathLike]:
    for suffix in ("png", "exr"):
        found = SequencePattern.parse(example / f"key.####.{suffix}").on_disk()
        if found:
            return {frame: path for (frame, _), path in found.items()}
    raise BadRequestError(f"The example's key is not in {example}; install Impasto again.", reason="EXAMPLE_MISSING")


def _style(example: Path) -> Path:
    return example / "style.png"
