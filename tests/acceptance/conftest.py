"""The command in a process of its own, as a shell would run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Ended:
    code: int
    events: list[dict[str, Any]]
    error: str

    def failed(self) -> dict[int, str]:
        """Frames that failed, with their sentences."""
        return {event["frame"]: event["message"] for event in self.events if event["type"] == "frame_failed"}


Command = Callable[..., Ended]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def impasto(cache: Path, tmp_path: Path) -> Command:
    """The command in a process of its own, as a shell would run it."""

    def run(*arguments: object, inside: tuple[str, ...] = (), cache: Path = cache) -> Ended:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("IMPASTO_", "OCIO"))}
        environment |= {"XDG_STATE_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}
        (tmp_path / "tmp").mkdir(exist_ok=True)
        command = [
            *inside,
            sys.executable,
            "-m",
            "impasto.cli",
            *map(str, arguments),
            "--events",
            "json",
            "--cache",
            str(cache),
        ]
        process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
        sentences = [line for line in process.stderr.splitlines() if line.startswith("impasto: ")]
        assert "Traceback" not in process.stderr, process.stderr
        assert not list((tmp_path / "tmp").iterdir()), "temporary files are left"
        ended = Ended(
            process.returncode, [json.loads(line) for line in process.stdout.splitlines()], "".join(sentences)
        )
        assert ended.events[-1]["exit"] == process.returncode
        assert len(sentences) == (process.returncode != 0)
        return ended

    return run
