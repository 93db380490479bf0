"""The user's own server that outlives the command: found by its address file, or started.

A server of an older version is not asked for new jobs: where it has nothing left to do it is ended and a new one takes
over its jobs' history; else a new one is started beside it, and the old one ends by itself when its jobs are done.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from impasto.client import BadRequestError, Client, ImpastoError, ServerUnreachable
from impasto.client.folders import state_folder

IDLE = 900
"""Seconds without calls and work after which it ends."""
START = 120.0
"""Seconds it has to come up."""
END = 30.0
"""Seconds one that is to go has for it."""

_APART = 0x00000200 | 0x00000008 if sys.platform == "win32" else 0
"""CREATE_NEW_PROCESS_GROUP and DETACHED_PROCESS: on Windows, what makes it outlive this terminal."""


def address_file() -> Path:
    """Where the user's own server says how it is reached."""
    return state_folder() / "detached.json"


def address_file_before() -> Path:
    """The same of a server of an older version that still has jobs to end."""
    return state_folder() / "detached-before.json"


def find(cache: Path | None = None, file: Path | None = None) -> Client | None:
    """A client of the user's own server, or None where it does not run or cannot be spoken to.

    Args:
        cache: where digests are remembered; None takes the user's.
        file: its address file; None takes that of the newest.
    """
    try:
        told = json.loads((file or address_file()).read_text(encoding="utf-8"))
        return Client.connect(str(told["address"]), token=str(told["token"]), cache=cache, timeout=5.0)
    except (OSError, ValueError, KeyError, TypeError, ImpastoError):
        return None


def find_with(job: str, cache: Path | None = None) -> Client | None:
    """A client of that server of the user's own that has a job; of the newest where none does."""
    before = find(cache, address_file_before()) if job else None
    if before is not None:
        with contextlib.suppress(ImpastoError):
            before.get(job)
            return before
        before.close()
    return find(cache)


def find_or_start(cache: Path | None = None) -> Client:
    """A client of the user's own server of this version or a newer one, started if none runs.

    Args:
        cache: content cache of a server that is started; None takes the user's.

    Raises:
        ServerUnreachable: it does not come up.
        BadRequestError: the server's part is not installed.
    """
    folder = state_folder()
    state = folder / "detached"
    if (found := find(cache)) is not None:
        if not _older(found.server_version):
            return found
        if not _end_idle(found):
            state = _beside(folder)
    elif _too_old():
        state = _beside(folder)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "detached.log"
    with log.open("ab") as output:
        began = output.tell()
        process = subprocess.Popen(
            _command(folder, state, cache),
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


def _older(server: str) -> bool:
    """Whether a server's version is older than ours."""

    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", text)[:3])

    return numbers(server) < numbers(version("impasto"))


def _too_old() -> bool:
    """Whether a server of our own answers that is so old that nothing may be asked of it."""
    try:
        told = json.loads(address_file().read_text(encoding="utf-8"))
        Client.connect(str(told["address"]), token=str(told["token"]), timeout=5.0).close()
    except ImpastoError as error:
        return error.reason == "SERVER_TOO_OLD"
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return False


def _end_idle(old: Client) -> bool:
    """End an older server that has nothing left to do.

    Returns:
        Whether it is gone; False where it has jobs, or does not go.
    """
    with old:
        if old.jobs(1, states=("waiting", "queued", "running")):
            return False
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        os.kill(int(json.loads(address_file().read_text(encoding="utf-8"))["pid"]), signal.SIGTERM)
    ends = time.monotonic() + END
    while address_file().exists():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def _beside(folder: Path) -> Path:
    """Let an older server be until its jobs are done; gives the state directory of a new one beside it."""
    with contextlib.suppress(OSError):
        address_file().replace(address_file_before())
    return folder / f"detached-{version('impasto')}"


def _command(folder: Path, state: Path, cache: Path | None) -> list[str]:
    command = [sys.executable, "-m", "impasto.cli", "serve", "--listen", "127.0.0.1:0"]
    command += ["--state", str(state), "--address-file", str(address_file())]
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
