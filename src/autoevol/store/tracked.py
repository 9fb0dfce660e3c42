"""tracking.json: the run's id at a tracking service, and the last step that was sent there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from autoevol.core.errors import StoreError, StoreLost
from autoevol.store.files import read_object, write_json

FILE = "tracking.json"


class TrackedFile:
    """The tracking file in a run folder whose lock the caller holds.

    If it cannot be read or written, the service gets a second run; nothing else is lost.

    Args:
        folder: The run folder.
        kind: The service; entries for other services are kept and ignored.
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
        """Record the id that the service gave the run."""
        self.id = run_id
        self._write()

    def told(self, step: int) -> None:
        """Record that an optimisation step was sent."""
        self.step = step
        if self.id:
            self._write()

    def _write(self) -> None:
        with suppress(StoreError, StoreLost):
            others = read_object(self._path) or {}
            write_json(self._path, {**others, self._kind: {"id": self.id, "step": self.step}})
