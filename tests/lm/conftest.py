from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autoevol.store.calls import CallStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CallStore]:
    opened = CallStore(tmp_path / "calls.sqlite", power_safe=False)
    yield opened
    opened.close()
