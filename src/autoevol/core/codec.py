"""Methods and steps to JSON and back: the only module that knows how these records look on disk.

Rounds of the bulk stage are encoded next to their records (`evolution.lineage`), which nothing else reads.
Every `decode_*` raises KeyError, TypeError, ValueError or AttributeError for malformed data; the caller,
who knows the file, turns that into an error that names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from autoevol.core.records import Candidate, Demo, FailureKind, Mark, Method, Outcome, Score, Step


def encode_method(method: Method) -> dict[str, Any]:
    """A method as JSON. The id is there for human readers; loading recomputes it."""
    return {
        "id": method.id,
        "name": method.name,
        "text": method.text,
        "demos": [asdict(demo) for demo in method.demos],
    }


def decode_method(data: Mapping[str, Any]) -> Method:
    """The inverse of `encode_method`."""
    demos = tuple(Demo(demo["instruction"], demo["evolved_instruction"]) for demo in data.get("demos", ()))
    return Method(data["text"], demos, data.get("name", ""))


def encode_step(step: Step) -> dict[str, Any]:
    """A step as JSON."""
    candidates = [
        {**asdict(candidate), "method": encode_method(candidate.method) if candidate.method else None}
        for candidate in step.candidates
    ]
    written = {**asdict(step), "candidates": candidates}
    if step.calls is None:
        del written["calls"]
    return written


def decode_step(data: Mapping[str, Any]) -> Step:
    """The inverse of `encode_step`."""
    return Step(
        number=data["number"],
        batch_ids=tuple(data["batch_ids"]),
        candidates=tuple(_decode_candidate(candidate) for candidate in data["candidates"]),
        scores=tuple(_decode_score(score) for score in data["scores"]),
        chosen_id=data["chosen_id"],
        improved=data["improved"],
        note=data["note"],
        calls=data.get("calls"),  # absent in journals of version 0.1
    )


def _decode_candidate(data: Mapping[str, Any]) -> Candidate:
    method = decode_method(data["method"]) if data["method"] else None
    return Candidate(method, data["parent_id"], data["feedback"], data["problem"])


def _decode_score(data: Mapping[str, Any]) -> Score:
    marks = {row_id: _decode_mark(mark) for row_id, mark in data["marks"].items()}
    return Score(data["method_id"], marks)


def _decode_mark(data: Mapping[str, Any]) -> Mark:
    return Mark(
        outcome=Outcome(data["outcome"]),
        kind=FailureKind(data["kind"]) if data["kind"] else None,
        evolved_chars=data["evolved_chars"],
        response_chars=data["response_chars"],
        points=data.get("points"),  # absent in journals of version 0.1
    )
