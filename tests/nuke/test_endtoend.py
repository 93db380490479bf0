"""The nodes with the true command and server, from every Python of a Nuke, in poisoned and clean environments."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import interpreters
import pytest
from interpreters import VERSIONS, interpreter

SCENARIOS = Path(__file__).parent / "scenarios"
EXAMPLE = Path(__file__).parents[2] / "examples/shot"

IN_EACH = (
    "Truly.test_a_shot_is_measured_beside_nuke_in_a_poisoned_environment",
    "Truly.test_the_command_answers_in_a_clean_environment_too",
)
"""Scenarios that every Python sees; each of the others runs in one of those found, for time's sake."""


def scenarios() -> list[str]:
    """Every scenario, by class and name."""
    found = []
    for item in ast.parse((SCENARIOS / "endtoend.py").read_text(encoding="utf-8")).body:
        if isinstance(item, ast.ClassDef):
            tests = [part.name for part in item.body if isinstance(part, ast.FunctionDef)]
            found += [f"{item.name}.{name}" for name in tests if name.startswith("test_")]
    return found


def scenarios_of(version: str) -> list[str]:
    """Those that run in a Python: what every one sees, and its part of the rest."""
    here = [each for each in VERSIONS if interpreters.found(each)]
    rest = [name for name in scenarios() if name not in IN_EACH]
    return [*IN_EACH, *rest[here.index(version) :: len(here)]]


@pytest.fixture(scope="module")
def small_plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's first frames at a quarter of their size."""
    openexr = pytest.importorskip("OpenEXR", reason="the server's part is not installed")
    numpy = pytest.importorskip("numpy")
    folder = tmp_path_factory.mktemp("plates")
    for frame in range(1001, 1005):
        source = openexr.File(str(EXAMPLE / f"plate.{frame}.exr"))
        pixels = numpy.ascontiguousarray(source.channels()["RGBA"].pixels[::4, ::4])
        header = {"compression": openexr.ZIPS_COMPRESSION, "type": openexr.scanlineimage}
        openexr.File(header, {"RGBA": pixels}).write(str(folder / f"plate.{frame}.exr"))
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose server serves all scenarios, and is ended at last."""
    folder = tmp_path_factory.mktemp("home")
    yield folder
    address = folder / "state/impasto/detached.json"
    if address.exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(json.loads(address.read_text(encoding="utf-8"))["pid"], signal.SIGTERM)
        ends = time.monotonic() + 20
        while address.exists() and time.monotonic() < ends:
            time.sleep(0.05)


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A file system of 4 MB; none where this user may not mount one."""
    folder = tmp_path_factory.mktemp("disk")
    mounting = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    mounted = shutil.which("mount") and not subprocess.run(mounting, capture_output=True, check=False).returncode
    yield str(folder) if mounted else ""
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # the server holds plates for a while


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("nuke end to end")
@pytest.mark.parametrize("version", VERSIONS)
def test_scenarios_hold_with_the_true_command(version: str, small_plates: Path, home: Path, small_disk: str) -> None:
    run(version, scenarios_of(version), small_plates, home, small_disk)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.xdist_group("nuke end to end")
@pytest.mark.parametrize("environment", ["poisoned", "clean"])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_scenario_holds_in_every_python(
    version: str, environment: str, small_plates: Path, home: Path, small_disk: str
) -> None:
    clean = {"CLEAN": "1"} if environment == "clean" else {}
    run(version, scenarios(), small_plates, home, small_disk, **clean)


def run(version: str, names: list[str], small_plates: Path, home: Path, small_disk: str, **more: str) -> None:
    """Run scenarios in the Python of a Nuke."""
    python = interpreter(version)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("IMPASTO_")}
    command = json.dumps([sys.executable, "-m", "impasto.cli"])
    told = {"TRUE_COMMAND": command, "TRUE_HOME": str(home), "SMALL_PLATES": str(small_plates)}
    environment = {**clean, **told, "SMALL_DISK": small_disk, "PYTHONDONTWRITEBYTECODE": "1", **more}
    done = subprocess.run(
        [python, "-m", "unittest", "-v", *(f"endtoend.{name}" for name in names)],
        cwd=SCENARIOS, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=3000,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


def test_a_disk_is_filled_where_one_can_be_mounted(small_disk: str) -> None:
    """Says in the report where the scenario of the full disk had none."""
    if not small_disk:
        pytest.skip("this user may not mount a small file system")


def test_every_scenario_runs_in_some_python() -> None:
    here = [version for version in VERSIONS if interpreters.found(version)]
    assert {name for version in here for name in scenarios_of(version)} == set(scenarios())
    assert len(scenarios()) > 10
