"""The journal of an optimisation: one line per finished step, on disk before the next begins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import orjson

from autoevol.core.errors import StoreError, StoreLost
from autoevol.core.records import Candidate, Demo, FailureKind, Mark, Method, Outcome, Score, Step

SCHEMA = 1


class StepJournal(Protocol):
    """Keeps finished steps in order."""

    def steps(self) -> Sequence[Step]:
        """All steps so far."""
        ...

    def append(self, step: Step) -> None:
        """Keep one more; durable journals return only once it is on disk."""
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

    A last line that a crash has torn is dropped (its step was not finished); damage anywhere
    else is an error, as going on would silently forget steps.

    Raises:
        StoreError: If the file is damaged or of another schema.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._steps = self._replay()

    def steps(self) -> Sequence[Step]:
        """See `StepJournal`."""
        return tuple(self._steps)

    def append(self, step: Step) -> None:
        """See `StepJournal`. Raises StoreLost if the disk refuses."""
        line = orjson.dumps({"schema": SCHEMA, **encode_step(step)}) + b"\n"
        try:
            new = not self.path.exists()
            with self.path.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            if new:
                sync_folder(self.path.parent)
        except OSError as error:
            raise StoreLost(f"cannot write {self.path}: {error}") from error
        self._steps.append(step)

    def _replay(self) -> list[Step]:
        if not self.path.exists():
            return []
        whole = self.path.read_bytes()
        *lines, torn = whole.split(b"\n")
        if torn:
            with self.path.open("r+b") as file:
                file.truncate(len(whole) - len(torn))
        try:
            return [_decode_line(line) for line in lines]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{self.path} is damaged: {error}") from error


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; syncing a file does not do that for its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _decode_line(line: bytes) -> Step:
    data = orjson.loads(line)
    if data.get("schema") != SCHEMA:
        raise ValueError(f"schema {data.get('schema')}, this version reads {SCHEMA}")
    return decode_step(data)


def encode_method(method: Method) -> dict[str, Any]:
    """A method as JSON; its id is written for readers and recomputed on loading."""
    return {
        "id": method.id,
        "name": method.name,
        "text": method.text,
        "demos": [asdict(d) for d in method.demos],
    }


def decode_method(data: dict[str, Any]) -> Method:
    """The inverse of `encode_method`."""
    demos = tuple(Demo(demo["instruction"], demo["evolved_instruction"]) for demo in data.get("demos", ()))
    return Method(data["text"], demos, data.get("name", ""))


def encode_step(step: Step) -> dict[str, Any]:
    """A step as JSON."""
    candidates = [
        {**asdict(candidate), "method": encode_method(candidate.method) if candidate.method else None}
        for candidate in step.candidates
    ]
    return {**asdict(step), "candidates": candidates}


def decode_step(data: dict[str, Any]) -> Step:
    """The inverse of `encode_step`."""
    return Step(
        number=data["number"],
        batch_ids=tuple(data["batch_ids"]),
        candidates=tuple(_decode_candidate(candidate) for candidate in data["candidates"]),
        scores=tuple(_decode_score(score) for score in data["scores"]),
        chosen_id=data["chosen_id"],
        improved=data["improved"],
        note=data["note"],
    )


def _decode_candidate(data: dict[str, Any]) -> Candidate:
    method = decode_method(data["method"]) if data["method"] else None
    return Candidate(method, data["parent_id"], data["feedback"], data["problem"])


def _decode_score(data: dict[str, Any]) -> Score:
    marks = {
        row_id: Mark(
            outcome=Outcome(mark["outcome"]),
            kind=FailureKind(mark["kind"]) if mark["kind"] else None,
            evolved_chars=mark["evolved_chars"],
            response_chars=mark["response_chars"],
        )
        for row_id, mark in data["marks"].items()
    }
    return Score(data["method_id"], marks)
