"""Where Impasto keeps things for its user; the server's defaults are the same."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """The content cache: `IMPASTO_CACHE`, else the user's."""
    return Path(os.environ.get("IMPASTO_CACHE") or _user_folder("XDG_CACHE_HOME", ".cache", "cache"))


def state_folder() -> Path:
    """What must survive: the state of the user's own server, and how it is reached."""
    return _user_folder("XDG_STATE_HOME", ".local/state", "state")


def _user_folder(variable: str, default: str, windows: str) -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "Impasto" / windows
    return Path(os.environ.get(variable) or Path.home() / default) / "impasto"
