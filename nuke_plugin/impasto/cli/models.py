"""`impasto models`: what can paint and measure."""

from __future__ import annotations

from typing import Annotated

import typer

from impasto.cli import options as o
from impasto.cli import session
from impasto.client import BadRequestError

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="What can paint and measure here.")


@app.command("list")
def list_models(
    family: Annotated[str, typer.Option("--family", metavar="F", help="flow or style. Default: all.")] = "",
    server: o.Server = "",
    tls_ca: o.TlsCa = None,
) -> None:
    """List the models."""
    with session.client(server, tls_ca, None) as client:
        for model in client.models(family):
            ready = "ready" if model.ready else "no weights"
            print(f"{model.family:<6} {model.id:<14} {ready:<10} {model.summary}")


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
