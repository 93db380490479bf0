"""The plugin in the Pythons of Nuke 14 to 17 and the next, in a fake Nuke: see fake/nuke.py for what that proves."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from interpreters import VERSIONS, interpreter

SCENARIOS = Path(__file__).parent / "scenarios"


@pytest.mark.parametrize("module", ["buttons", "life", "older", "siblings"])
@pytest.mark.parametrize("version", VERSIONS)
def test_scenarios_hold_in_the_python_of_a_nuke(version: str, module: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMPASTO_")}
    done = subprocess.run(
        [interpreter(version), "-W", "error::SyntaxWarning", "-m", "unittest", module],
        cwd=SCENARIOS, env={**environment, "PYTHONDONTWRITEBYTECODE": "1"}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "OK" in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_every_file_compiles_in_the_python_of_a_nuke(version: str) -> None:
    folder = Path(__file__).parents[2] / "nuke_plugin/impasto/nuke"
    files = [str(path) for path in folder.rglob("*.py")]
    assert len(files) > 20
    code = "import sys\nfor p in sys.argv[1:]: compile(open(p, encoding='utf-8').read(), p, 'exec')"
    subprocess.run([interpreter(version), "-W", "error", "-c", code, *files], check=True)
