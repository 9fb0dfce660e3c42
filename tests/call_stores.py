"""Call stores for tests, and programs that use them in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autoevol.store.calls import CallRecord, CallStore

RECORD = CallRecord("k", 0, "evol", "m", "{}", "text", "stop", 10, 5, 0.25, 1, 0.5)


@contextmanager
def opened(path: Path, run: str = "main") -> Iterator[CallStore]:
    store = CallStore(path, run, power_safe=False)
    try:
        yield store
    finally:
        store.close()


def python(code: str, *arguments: object, stdout: Any = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=600,
    )
