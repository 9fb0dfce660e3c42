"""The journal of an optimisation: one line per finished step, on disk before the next step begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from autoevol.core.codec import decode_step, encode_step
from autoevol.core.errors import StoreError
from autoevol.core.records import Step
from autoevol.store.log import JsonLog

SCHEMA = 2
"""Version of a line. Version 1 has no checksum."""


class StepJournal(Protocol):
    """Keeps finished steps in order."""

    def steps(self) -> Sequence[Step]:
        """All steps so far."""
        ...

    def append(self, step: Step) -> None:
        """Add a step; durable journals return only once it is on disk."""
        ...


class MemoryJournal:
    """Keeps steps in memory, for the life of the process."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    def steps(self) -> Sequence[Step]:
        """See `StepJournal`."""
        return tuple(self._steps)

    def append(self, step: Step) -> None:
        """See `StepJournal`."""
        self._steps.append(step)


class FileJournal:
    """Keeps steps in a JSONL file, each line fsynced.

    A last line torn by a crash is dropped, since its step was not finished. Damage anywhere else is an
    error: continuing would silently forget steps.

    Args:
        path: The file.
        paid: Returns the number of LM calls the run has paid so far; recorded with each appended step.

    Raises:
        StoreError: If the file is damaged or of another schema.
    """

    def __init__(self, path: str | Path, paid: Callable[[], int] | None = None) -> None:
        self.path = Path(path)
        self._paid = paid
        self._log = JsonLog(self.path)
        self._steps: list[Step] = []
        try:
            for number, record in enumerate(self._log.replay(), 1):
                self._steps.append(self._step(record, number))
        except OSError as error:
            raise StoreError(f"cannot read {self.path}: {error}") from error

    def steps(self) -> Sequence[Step]:
        """See `StepJournal`."""
        return tuple(self._steps)

    def append(self, step: Step) -> None:
        """See `StepJournal`. Raises StoreLost if it cannot be written."""
        if self._paid:
            step = replace(step, calls=self._paid())
        self._log.append({"schema": SCHEMA, **encode_step(step)})
        self._steps.append(step)

    def _step(self, record: Mapping[str, Any], line: int) -> Step:
        try:
            # A line whose checksum was cut off must not pass for one of version 1, which never had one.
            if record.get("schema") not in (1, SCHEMA):
                raise ValueError(f"schema {record.get('schema')}, this version reads {SCHEMA}")
            if record["schema"] == SCHEMA and not self._log.checked:
                raise ValueError("its check is missing")
            return decode_step(record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._log.damaged(line, error) from error
