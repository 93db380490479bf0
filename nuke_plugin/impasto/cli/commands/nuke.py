"""`impasto nuke`: the nodes made known to Nuke, and forgotten again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli import options as o
from impasto.cli import session
from impasto.client import BadRequestError, JobFailed

SCHEMA = 1
BEGINS, ENDS = "# >>> impasto >>>", "# <<< impasto <<<"
BACKUP = "init.py.before-impasto"

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="The nodes for Nuke.")

Folder = Annotated[
    Path | None, typer.Option("--nuke-dir", metavar="DIR", help="Where Nuke keeps your settings. Default: ~/.nuke.")
]


@app.command()
def install(
    nuke_dir: Folder = None,
    python: Annotated[
        Path | None,
        typer.Option(
            "--python",
            metavar="PATH",
            help="The environment that the nodes start the command from: its folder, its python, or its impasto."
            " Default: this one.",
        ),
    ] = None,
) -> None:
    """Let your Nuke find the nodes: adds a few lines to its init.py, after a copy of it is put aside.

    Doing it again renews the lines. A studio sets NUKE_PATH and IMPASTO_COMMAND instead; see 'impasto nuke path'.
    """
    command = _command(python) if python else [sys.executable, "-m", "impasto.cli"]
    folder = nuke_dir or Path.home() / ".nuke"
    init = folder / "init.py"
    with _told_in_a_sentence(init):
        folder.mkdir(parents=True, exist_ok=True)
        before = _read(init)
        if init.exists() and BEGINS not in before and not (folder / BACKUP).exists():
            shutil.copy2(init, folder / BACKUP)
        rest = _without_our_lines(before, init)
        _write(init, rest + ("\n" if rest and not rest.endswith("\n") else "") + _lines(command))
    print(f"Nuke finds the nodes through {init}; they start {' '.join(command)}.")


@app.command()
def uninstall(nuke_dir: Folder = None) -> None:
    """Take out again what 'install' put in; scripts made with the nodes still open and show their frames."""
    init = (nuke_dir or Path.home() / ".nuke") / "init.py"
    with _told_in_a_sentence(init):
        text = _read(init)
        if BEGINS not in text:
            print(f"{init} holds nothing of Impasto's.")
            return
        rest = _without_our_lines(text, init)
        backup = init.parent / BACKUP
        if backup.exists() and _read(backup).rstrip("\n") == rest.rstrip("\n"):
            backup.replace(init)
        elif rest.strip():
            _write(init, rest)
        else:
            init.unlink()
    print(f"{init} no longer holds anything of Impasto's; start Nuke again.")


@app.command()
def path() -> None:
    """Print the folder to put on NUKE_PATH."""
    print(startup())


@app.command("catalogue")
def show_catalogue(server: o.Server = "", tls_ca: o.TlsCa = None) -> None:
    """Print what the nodes' menus offer, as one JSON object: models with their parameters, and styles."""
    with session.client(server, tls_ca, None) as client:
        models, styles = client.models(), client.styles()
    told = {
        "schema": SCHEMA,
        "models": [
            {
                "id": model.id,
                "family": model.family,
                "summary": model.summary,
                "ready": model.ready,
                "paints_after_pictures": model.paints_after_pictures,
                "parameters": [
                    {
                        "name": known.name,
                        "help": known.help,
                        "default": known.default_value,
                        "minimum": known.minimum,
                        "maximum": known.maximum,
                    }
                    for known in model.parameters
                ],
            }
            for model in models
        ],
        "styles": [{"name": style.name, "summary": style.summary} for style in styles],
    }
    print(json.dumps(told, ensure_ascii=False, indent=1))


def startup() -> Path:
    """The folder whose init.py Nuke runs."""
    return Path(__file__).parents[2] / "nuke" / "startup"


def _lines(command: list[str]) -> str:
    return f"""{BEGINS}
# Written by 'impasto nuke install', taken out again by 'impasto nuke uninstall'.
try:
    import os as _os
    import nuke as _nuke

    _os.environ.setdefault("IMPASTO_COMMAND", {json.dumps(command)!r})
    if _os.path.isdir({startup().as_posix()!r}):
        _nuke.pluginAddPath({startup().as_posix()!r}, addToSysPath=False)
except Exception as _error:
    print("Impasto: not loaded: %r" % (_error,))
{ENDS}
"""


def _without_our_lines(text: str, init: Path) -> str:
    """The text around our lines.

    Raises:
        BadRequestError: they begin and do not end, or the other way round.
    """
    if BEGINS not in text and ENDS not in text:
        return text
    before, begins, rest = text.partition(BEGINS)
    ours, ends, after = rest.partition(ENDS)
    if not begins or not ends or BEGINS in ours + after or ENDS in after:
        raise BadRequestError(
            f"Impasto's lines in {init} were changed by hand; take out all between '{BEGINS}' and '{ENDS}' yourself.",
            reason="INIT_CHANGED",
        )
    return before + after.removeprefix("\n")


def _command(python: Path) -> list[str]:
    """How the command of an environment is started.

    Raises:
        BadRequestError: there is none.
    """
    program = ".exe" if os.name == "nt" else ""
    scripts = "Scripts" if os.name == "nt" else "bin"
    beside = python / scripts if python.is_dir() else python.parent
    for found in (beside / f"impasto{program}", python / f"impasto{program}"):
        if found.is_file():
            return [str(found.absolute())]
    if python.is_file() and python.stem == "impasto":
        return [str(python.absolute())]
    raise BadRequestError(
        f"There is no impasto command in {python}; install Impasto there, or name another environment with --python.",
        reason="FILE_NOT_FOUND",
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise BadRequestError(
            f"{path} is no UTF-8 text and is left alone; add the folder that 'impasto nuke path' prints to NUKE_PATH.",
            reason="INIT_CHANGED",
        ) from error


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all; a link stays one."""
    target = path.resolve()
    beside = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    beside.write_text(text, encoding="utf-8")
    if target.exists():
        shutil.copymode(target, beside)
    beside.replace(target)


@contextlib.contextmanager
def _told_in_a_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JobFailed(
            f"{error.filename or path} cannot be written: {error.strerror}; name another folder with --nuke-dir.",
            reason="OS_ERROR",
        ) from error
