"""The folders of autoevol 0.1.0, in a copy that a test of pages may change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from report_folders import OLD


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "old"))
