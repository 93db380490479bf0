"""The nodes with the true command and server, from every Python of a Nuke, in a poisoned environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from interpreters import VERSIONS, interpreter

SCENARIOS = Path(__file__).parent / "scenarios"
EXAMPLE = Path(__file__).parents[2] / "examples/shot"

ALL = ("3.9",)
"""Pythons in which every scenario runs; in the others one, for time's sake: the true command is the same for all."""
ONE = "endtoend.Truly.test_a_shot_is_measured_beside_nuke_in_a_poisoned_environment"


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


@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", VERSIONS)
def test_scenarios_hold_with_the_true_command(version: str, small_plates: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("IMPASTO_")}
    command = json.dumps([sys.executable, "-m", "impasto.cli"])
    environment = {**clean, "TRUE_COMMAND": command, "SMALL_PLATES": str(small_plates), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [interpreter(version), "-m", "unittest", "-v", "endtoend" if version in ALL else ONE],
        cwd=SCENARIOS, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=880,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout
