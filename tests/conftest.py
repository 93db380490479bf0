"""Fixtures for every room."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)  # the machine may be busy; time is for benchmarks
settings.load_profile("house")

TOLD = pytest.StashKey[dict[str, list[str]]]()
"""Figures the tests of `make soak` tell, by test."""

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def assets() -> Path:
    """Folder of the measuring assets: `IMPASTO_ASSETS`, else `shared/assets` beside the project."""
    folder = Path(os.environ.get("IMPASTO_ASSETS", PROJECT.parent / "shared" / "assets"))
    if not folder.is_dir():
        pytest.skip(f"the measuring assets are absent: no folder {folder} (set IMPASTO_ASSETS)")
    return folder


@pytest.fixture(autouse=True)
def same_numbers_every_time() -> None:
    """What a test draws from torch without a generator of its own is the same in every run."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(1)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Has a figure stand in the table at the end."""
    told = request.config.stash.setdefault(TOLD, {})
    return told.setdefault(request.node.nodeid, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table of `make soak`: every test, its end and seconds, and the figures it told."""
    if "soak" not in config.option.markexpr or "not soak" in config.option.markexpr:
        return
    told = config.stash.get(TOLD, {})
    terminalreporter.section("figures")
    for test, how, seconds in _ended(terminalreporter):
        terminalreporter.write_line(f"{how:<8} {seconds:>7.1f} s  {test.rpartition('::')[2]}")
        for figure in told.get(test, ()):
            terminalreporter.write_line(f"{'':>19}  {figure}")


def _ended(terminalreporter: pytest.TerminalReporter) -> Iterator[tuple[str, str, float]]:
    for how in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(how, ()):
            if report.when == "call" or how in ("error", "skipped"):
                yield report.nodeid, how, report.duration
