"""Fixtures for all tests."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from synthetic import Run

# Whether a property holds is asked here, not how fast: the machine may be busy.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


# Settings of whoever runs the tests would be defaults of every command.
for _name in [name for name in os.environ if name.startswith("AUTOEVOL_") and name != "AUTOEVOL_DATA"]:
    del os.environ[_name]


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with real data; tests that need it are skipped where it is missing."""
    folder = Path(os.environ.get("AUTOEVOL_DATA") or Path(__file__).parents[1].parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data: set AUTOEVOL_DATA, or put it at {folder}")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A chromium for the tests of a file; they are skipped where it is missing."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium: `apt-get install chromium` installs the browser that these tests drive")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: `pip install playwright` (extra dev)"
    )
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, object], Path]:
    """Write a file: bytes and text as they are, a list as JSONL."""

    def writer(name: str, content: object) -> Path:
        path = tmp_path / name
        if isinstance(content, list):
            content = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in content)
        path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
        return path

    return writer


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """An uninterrupted small run of the optimisation loop, and its folder."""
    from synthetic import SMALL, endless, optimise  # imports dspy, which most tests do without

    folder = tmp_path_factory.mktemp("whole")
    return optimise(folder, SMALL, endless), folder
