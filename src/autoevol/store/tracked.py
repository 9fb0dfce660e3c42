"""tracking.json: under which id a tracking service knows the run of a folder, and what it was told."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from autoevol.core.errors import StoreError, StoreLost
from autoevol.store.files import read_object, write_json

FILE = "tracking.json"


class TrackedFile:
    """The file in a run folder whose lock the caller holds. A run can do without: what cannot be read or
    written there costs a second run at the service, and nothing else.

    Args:
        folder: The run folder.
        kind: The service; what was kept for another one does not count.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._path = folder / FILE
        known: dict[str, Any] = {}
        with suppress(StoreError):
            known = (read_object(self._path) or {}).get(kind, {})
        known = known if isinstance(known, dict) else {}
        self._kind = kind
        self.id = known["id"] if isinstance(known.get("id"), str) else ""
        self.step = known["step"] if self.id and isinstance(known.get("step"), int) else -1

    def begun(self, run_id: str) -> None:
        """The service knows the run."""
        self.id = run_id
        self._write()

    def told(self, step: int) -> None:
        """The service is told of a step of the optimisation."""
        self.step = step
        if self.id:
            self._write()

    def _write(self) -> None:
        with suppress(StoreError, StoreLost):
            others = read_object(self._path) or {}
            write_json(self._path, {**others, self._kind: {"id": self.id, "step": self.step}})
