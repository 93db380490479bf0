"""`impasto models`: what can paint and measure, and the weights on this machine."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import embedded, session
from impasto.cli import options as o
from impasto.client import BadRequestError, JobFailed

if TYPE_CHECKING:
    from impasto.server.models.card import Model, Weights
    from impasto.server.models.weights import Store

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", show_default=False, help="Models or files of weights.")
]

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="What can paint and measure here.")


@app.command("list")
def list_models(
    family: Annotated[
        str, typer.Option("--family", metavar="F", help="flow, mattes, style, interpolation or depth. Default: all.")
    ] = "",
    server: o.Server = "",
    tls_ca: o.TlsCa = None,
) -> None:
    """List the models."""
    with session.client(server, tls_ca, None) as client:
        for model in client.models(family):
            ready = "ready" if model.ready else "no weights"
            print(f"{model.family:<13} {model.id:<16} {ready:<10} {model.summary}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="MODEL", show_default=False, help="Its id, such as dis.")],
    server: o.Server = "",
    tls_ca: o.TlsCa = None,
) -> None:
    """Describe one model and what can be set."""
    with session.client(server, tls_ca, None) as client:
        models = client.models()
    found = [model for model in models if model.id == name]
    if not found:
        known = ", ".join(sorted(model.id for model in models))
        raise BadRequestError(f"There is no model '{name}'; there are: {known}.", reason="MODEL_UNKNOWN")
    for model in found:
        print(f"{model.id} ({model.family}): {model.summary}")
        print(f"weights: {'ready' if model.ready else 'not here'}; licence: {model.licence or 'none needed'}")
        for knob in model.parameters:
            print(f"  {knob.name}: {knob.help} {knob.minimum:g} to {knob.maximum:g}, default {knob.default_value:g}.")
        for weights in model.weights:
            size = f"{weights.size / 1e6:.1f} MB, " if weights.size else ""
            print(f"{weights.file} ({size}{'here' if weights.ready else 'not here'})")
            print(f"  sha256 {weights.sha256 or 'not published'}\n  licence {weights.licence}")
            print(f"  from {weights.source}\n  trained on {weights.trained_on}")
            if weights.metrics:
                print(f"  measured {weights.metrics}")
            if weights.beside:
                print(f"  needs beside it {', '.join(weights.beside)}")


@app.command()
def pull(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", show_default=False, help="Models or files of weights.")
    ],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="I have read the licence and accept it.")
    ] = False,
) -> None:
    """Fetch weights from where they are published, with their checksum; go on where an earlier try ended."""
    with _store() as (store, published):
        for weights in _named(names, published):
            print(f"{weights.file}: licence {weights.licence}; trained on {weights.trained_on}")
            path = store.pull(weights, accept_licence=accept_licence, progress=_Progress(weights.file))
            print(f"{path}: SHA-256 {store.verify(weights)}")


@app.command("import")
def import_weights(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", show_default=False, help="Known by checksum, not by name.")
    ],
) -> None:
    """Take weights from files brought here some other way."""
    with _store() as (store, _):
        for file in files:
            weights = store.take(file)
            print(f"{store.path(weights)}: licence {weights.licence}; trained on {weights.trained_on}")


@app.command()
def verify(names: Names = None) -> None:
    """Compare the weights on this machine with their published checksums; without names, all that are here."""
    with _store() as (store, published):
        wanted = _named(names or [], published) if names else [weights for _, weights in published.values()]
        here = [weights for weights in wanted if names or store.path(weights).is_file()]
        for weights in here:
            print(f"{weights.file}: right, SHA-256 {store.verify(weights)}")
        if not here:
            print(f"There are no weights in {store.folder}.")


@app.command()
def path(names: Names = None) -> None:
    """Say where the weights are, or would be; without names, the folder."""
    with _store() as (store, published):
        for place in [store.path(weights) for weights in _named(names, published)] if names else [store.folder]:
            print(place)


class _Progress:
    """Percent on standard error, on a terminal only."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._shown = -1

    def __call__(self, have: int, total: int) -> None:
        percent = 100 * have // total if total else -1
        if sys.stderr.isatty() and percent > self._shown:
            self._shown = percent
            end = "\n" if have == total else ""
            print(f"\r{self._file}: {percent} % of {total / 1e6:.1f} MB", end=end, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _store() -> Iterator[tuple[Store, dict[str, tuple[Model, Weights]]]]:
    """The weights of this machine and all that are published; its errors become those of the command."""
    try:
        from impasto.server import errors
        from impasto.server.models.weights import default_store, published
    except ImportError as error:
        cure = embedded.CURE.replace(", or name a server with --server", "")
        raise BadRequestError(cure, reason="SERVER_NOT_INSTALLED") from error
    try:
        yield default_store(), published()
    except errors.ImpastoError as error:
        asked = isinstance(error, errors.BadRequest | errors.NotFound | errors.Denied)
        raise (BadRequestError if asked else JobFailed)(error.message, reason=error.reason) from error


def _named(names: list[str], published: dict[str, tuple[Model, Weights]]) -> list[Weights]:
    """The files asked for; a model's id stands for the first on its card and those needed with it."""
    models = {model.id: model for model, _ in published.values()}
    found: list[Weights] = []
    for name in names:
        if name in published:
            found.append(published[name][1])
        elif name in models:
            found.extend(models[name].choices[0].files)
        else:
            raise BadRequestError(
                f"No weights are published for '{name}'; there are: {', '.join(models)}.", reason="MODEL_UNKNOWN"
            )
    return list(dict.fromkeys(found))
