"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with real data; tests that need it are skipped where it is missing."""
    folder = Path(os.environ.get("AUTOEVOL_DATA") or Path(__file__).parents[1].parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data: set AUTOEVOL_DATA, or put it at {folder}")
    return folder
