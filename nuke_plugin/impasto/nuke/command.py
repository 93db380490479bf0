"""The `impasto` command as Nuke starts it: where it is, and in what environment."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from impasto.nuke.errors import NodeError

VARIABLE = "IMPASTO_COMMAND"
KEEP = "IMPASTO_KEEP_ENV"
PATHS = "IMPASTO_PATH_MAP"
TLS = "IMPASTO_TLS_CA"
"""Path of the authority that signed the server's certificate, for servers reached by TLS."""

_DROPPED_STARTS = ("PYTHON", "DYLD_", "QT_", "QML", "NUKE_")
_DROPPED = frozenset({"LD_LIBRARY_PATH", "LD_PRELOAD", "TCL_LIBRARY", "TK_LIBRARY", "TCLLIBPATH", "VIRTUAL_ENV"})
_OURS = frozenset({VARIABLE, KEEP, PATHS, TLS})
"""For the nodes alone: a server refuses settings it does not know."""


def find(environment: Mapping[str, str]) -> list[str]:
    """How the command is started.

    `IMPASTO_COMMAND` holds a path, a command line (`rez env impasto -- impasto`) or a JSON list; without it `impasto`
    is looked for on PATH.

    Raises:
        NodeError: there is none.
    """
    told = environment.get(VARIABLE, "").strip()
    if not told:
        found = shutil.which("impasto", path=environment.get("PATH"))
        if found:
            return [found]
        raise NodeError(
            f"The impasto command was not found; run 'impasto nuke install' where it is installed, or set"
            f" {VARIABLE} to it.",
            reason="COMMAND_MISSING",
        )
    if told.startswith("["):
        try:
            listed = json.loads(told)
        except ValueError as error:
            raise NodeError(
                f"{VARIABLE} begins as a JSON list but is none: {told}.", reason="COMMAND_MISSING"
            ) from error
        return [str(part) for part in listed]
    return [told] if Path(told).exists() else shlex.split(told, posix=os.name != "nt")


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what Nuke sets for itself: its Python, its libraries, its Qt.

    Names listed in `IMPASTO_KEEP_ENV`, parted by commas, stay.
    """
    kept = {name.strip() for name in environment.get(KEEP, "").split(",")}
    clean = {
        name: value
        for name, value in environment.items()
        if name not in _OURS and (name in kept or not (name in _DROPPED or name.startswith(_DROPPED_STARTS)))
    }
    clean["PYTHONUNBUFFERED"] = "1"
    clean["PYTHONUTF8"] = "1"
    return clean
