"""Where the Pythons of the Nukes are on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

VERSIONS = ("3.9", "3.10", "3.11", "3.13")
"""Of Nuke 14, 15, 16 and 17, and the next VFX platform."""


@cache
def found(version: str) -> str | None:
    """A Python of this version that runs and has tkinter: on PATH, else under pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))]
    for path in candidates:
        if path is None:
            continue
        code = "import sys, tkinter; print('%d.%d' % sys.version_info[:2])"
        said = subprocess.run(
            [path, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
        )
        if said.stdout.strip() == version:
            return path
    return None


def interpreter(version: str) -> str:
    """A Python of this version, or the test is skipped with the reason."""
    path = found(version)
    if path is None:
        pytest.skip(f"no Python {version} with tkinter is on PATH or under pyenv")
    return path
