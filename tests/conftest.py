"""Fixtures for every room."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)  # the machine may be busy; time is for benchmarks
settings.load_profile("house")

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def assets() -> Path:
    """Folder of the measuring assets: `IMPASTO_ASSETS`, else `shared/assets` beside the project."""
    folder = Path(os.environ.get("IMPASTO_ASSETS", PROJECT.parent / "shared" / "assets"))
    if not folder.is_dir():
        pytest.skip(f"the measuring assets are absent: no folder {folder} (set IMPASTO_ASSETS)")
    return folder
