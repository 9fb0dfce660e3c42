"""The records that a comparison leaves, and how one entry is written as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from autoevol.core.codec import decode_method, encode_method
from autoevol.core.records import Method

Group = Literal["autoevol", "rivals", "demos", "fixed"]
Ending = Literal["done", "budget", "failed"]


@dataclass(frozen=True, slots=True)
class Point:
    """From `calls` paid calls on, `method` is what the optimizer would give back."""

    calls: int
    method: Method


@dataclass(frozen=True)
class Finished:
    """One entry: what one contestant made of its budget with one seed.

    Attributes:
        contestant: Its name.
        group: Its group.
        seed: The entry's seed.
        method: What it gave back, or its best so far where it was stopped.
        curve: Its method in force over the calls paid; begins at 0 calls with the start and
            ends with `method` at `calls`.
        calls: Calls paid, task, judge and optimizer together; never above the budget. As in every
            ledger, a call is paid when it is answered: refused sends are not counted, and
            answers from the entry's own store are free.
        tokens: Tokens of these calls, input and output.
        by_role: Calls by role.
        ending: How its last turn ended: `done` by itself, `budget` at the cap, or `failed` with an
            error of its own.
        turns: How often it was started; more than once where it ended before the cap.
        notes: Known traps that this entry ran into, and errors, in words.
        sizes: The optimizer's settings at its first turn, derived from the budget.
        seconds: Wall-clock time of this process for the entry.
    """

    contestant: str
    group: Group
    seed: int
    method: Method
    curve: tuple[Point, ...]
    calls: int
    tokens: int
    by_role: Mapping[str, int]
    ending: Ending
    turns: int = 1
    notes: tuple[str, ...] = ()
    sizes: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def encode_finished(entry: Finished) -> dict[str, Any]:
    """An entry as JSON."""
    curve = [{"calls": point.calls, "method": encode_method(point.method)} for point in entry.curve]
    return {**asdict(entry), "method": encode_method(entry.method), "curve": curve}


def decode_finished(data: Mapping[str, Any]) -> Finished:
    """The inverse of `encode_finished`."""
    curve = tuple(Point(point["calls"], decode_method(point["method"])) for point in data["curve"])
    return Finished(
        **{
            **data,
            "method": decode_method(data["method"]),
            "curve": curve,
            "notes": tuple(data["notes"]),
        }
    )
