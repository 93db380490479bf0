"""Server processes for tests that kill them or watch their memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from world import Caller, until

HERE = Path(__file__).parent


@contextmanager
def living(folder: Path, root: Path, seconds: float, *more: object) -> Iterator[tuple[subprocess.Popen[bytes], Caller]]:
    """A server process and stubs to it; killed at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, HERE / "living_server.py", folder, root, str(seconds), *map(str, more)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(HERE), os.environ.get("PYTHONPATH", ""))),
            "OMP_NUM_THREADS": "1",
        },
    )
    try:
        until(lambda: (folder / "address.json").exists() or process.poll() is not None, 120)
        assert process.poll() is None
        caller = Caller(f"unix:{folder}/s")
        yield process, caller
        caller.channel.close()
    finally:
        process.kill()
        process.wait()
        (folder / "address.json").unlink(missing_ok=True)


def memory(process: subprocess.Popen[bytes]) -> float:
    """Resident MiB of a process and the processes it started."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            facts = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:
            continue
        if process.pid in (int(facts["Pid"]), int(facts["PPid"])):
            total += int(facts.get("VmRSS", "0 kB").split()[0])
    return total / 1024
