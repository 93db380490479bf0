"""The `impasto` command: its groups put together, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version as version_of
from typing import Annotated

import typer

from impasto.cli import ending
from impasto.cli.commands import (
    demo,
    doctor,
    flow,
    interpolate,
    job,
    keys,
    live,
    models,
    nuke,
    run,
    serve,
    stmap,
    styles,
    stylize,
)

app = typer.Typer(
    name="impasto",
    help="Style transfer for film plates that stays where it was put.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"impasto {version_of('impasto')}")
        raise typer.Exit


@app.callback()
def _impasto(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Style transfer for film plates that stays where it was put."""


app.command("stylize")(stylize.stylize)
app.command("flow")(flow.flow)
app.command("interpolate")(interpolate.interpolate)
app.command("keys")(keys.keys)
app.command("stmap")(stmap.stmap)
app.command("live")(live.live)
app.command("run")(run.run)
app.command("serve")(serve.serve)
app.add_typer(job.app, name="job")
app.add_typer(models.app, name="models")
app.add_typer(styles.app, name="styles")
app.add_typer(nuke.app, name="nuke")
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and end the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(ending.run(lambda: app(given, prog_name="impasto", standalone_mode=False), given))


if __name__ == "__main__":
    main()
