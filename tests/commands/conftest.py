"""What tests of commands in a `task_world` share: each file has a `world` fixture of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import Endpoint
from task_world import TaskWorld, task_file


@pytest.fixture
def endpoint(world: TaskWorld) -> Iterator[Endpoint]:
    with Endpoint(world) as served:
        yield served


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return task_file(tmp_path)
