"""Finished records in, conversations with their provenance out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoevol.core.errors import InputError
from autoevol.core.records import digest
from autoevol.data.entries import SeedRecord
from autoevol.data.turns import read_turns

_LINEAGE = ("parent_id", "seed_id", "round", "operation", "method_id", "model", "kinds")


@dataclass(frozen=True, slots=True)
class Example:
    """One training example.

    Attributes:
        turns: (role, text): an optional `system`, then `user` and `assistant` in turns.
        provenance: Where it comes from; the same keys for every example, None where unknown.
    """

    turns: tuple[tuple[str, str], ...]
    provenance: Mapping[str, Any]

    @property
    def system(self) -> str | None:
        """The text of the system turn, if there is one."""
        return self.turns[0][1] if self.turns[0][0] == "system" else None

    @property
    def dialogue(self) -> tuple[tuple[str, str], ...]:
        """The turns without the system's."""
        return self.turns[1:] if self.turns[0][0] == "system" else self.turns


def read_example(entry: SeedRecord) -> Example:
    """The example that a record holds: its `messages` or `conversations`, else instruction and response.

    Raises:
        InputError: There is no response, or the turns are out of order.
    """
    record = entry.value if isinstance(entry.value, Mapping) else {}
    for column in ("messages", "conversations"):
        if record.get(column):
            return Example(tuple(read_turns(record[column], column)), _provenance(record, entry))
    instruction, response = entry.seed
    if response is None:
        raise InputError("there is no response to train on")
    return Example((("user", instruction), ("assistant", response)), _provenance(record, entry))


def _provenance(record: Mapping[str, Any], entry: SeedRecord) -> dict[str, Any]:
    known = {"id": record.get("id") or digest(*entry.seed[:1])}
    known |= {name: record.get(name) for name in _LINEAGE}
    if known["round"] is None:
        known["round"] = record.get("rounds")
    return known
