"""The user's own server that outlives the command: found by its address file, or started."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

from impasto.client import BadRequestError, Client, ImpastoError, ServerUnreachable
from impasto.client.folders import state_folder

IDLE = 900
"""Seconds without calls and work after which it ends."""
START = 120.0
"""Seconds it has to come up."""

_APART = 0x00000200 | 0x00000008 if sys.platform == "win32" else 0
"""CREATE_NEW_PROCESS_GROUP and DETACHED_PROCESS: on Windows, what makes it outlive this terminal."""


def address_file() -> Path:
    """Where the user's own server says how it is reached."""
    return state_folder() / "detached.json"


def find(cache: Path | None = None) -> Client | None:
    """A client of the user's own server, or None where it does not run."""
    try:
        told = json.loads(address_file().read_text(encoding="utf-8"))
        return Client.connect(str(told["address"]), token=str(told["token"]), cache=cache, timeout=5.0)
    except (OSError, ValueError, KeyError, TypeError, ImpastoError):
        return None


def find_or_start(cache: Path | None = None) -> Client:
    """A client of the user's own server, started if it does not run.

    Args:
        cache: content cache of a server that is started; None takes the user's.

    Raises:
        ServerUnreachable: it does not come up.
        BadRequestError: the server's part is not installed.
    """
    if (found := find(cache)) is not None:
        return found
    folder = state_folder()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "detached.log"
    with log.open("ab") as output:
        began = output.tell()
        process = subprocess.Popen(
            _command(folder, cache),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            creationflags=_APART,
        )
    ends = time.monotonic() + START
    while time.monotonic() < ends:
        if (found := find(cache)) is not None:
            return found
        if process.poll() is not None:
            # Another command may have started one in the same moment; ours then gave way to it.
            if (found := find(cache)) is not None:
                return found
            _tell_why(process.returncode, log, began)
        time.sleep(0.1)
    raise ServerUnreachable(f"A server of your own did not come up in {START:.0f} s; see {log}.", reason="NOT_STARTED")


def _command(folder: Path, cache: Path | None) -> list[str]:
    command = [sys.executable, "-m", "impasto.cli", "serve", "--listen", "127.0.0.1:0"]
    command += ["--state", str(folder / "detached"), "--address-file", str(address_file())]
    command += ["--root", Path(folder.anchor).as_posix() if sys.platform != "win32" else folder.anchor]
    command += ["--idle-exit", str(IDLE)]
    return [*command, "--cache", str(cache.absolute())] if cache else command


def _tell_why(code: int, log: Path, began: int) -> None:
    said = ""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(began)
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
        said = lines[-1].removeprefix("impasto: ") if lines else ""
    kind = BadRequestError if code == 2 else ServerUnreachable
    raise kind(f"A server of your own could not be started: {said or f'see {log}.'}", reason="NOT_STARTED")
