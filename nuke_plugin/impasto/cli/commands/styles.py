"""`impasto styles`: looks known by name."""

from __future__ import annotations

import typer

from impasto.cli import options as o
from impasto.cli import session

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Looks known by name.")


@app.callback()
def _styles() -> None:
    """Looks known by name."""


@app.command("list")
def list_styles(server: o.Server = "", tls_ca: o.TlsCa = None) -> None:
    """List the styles known by name. Any picture is a style too: --style monet.jpg."""
    with session.client(server, tls_ca, None) as client:
        styles = client.styles()
    for style in styles:
        print(f"{style.name:<16} {style.summary}")
    if not styles:
        print("None has a name here; name any picture, or a weights file, with --style.")
