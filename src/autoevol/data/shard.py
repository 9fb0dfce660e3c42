"""One of several equal parts of a data set, decided by the rows' ids alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autoevol.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard `number` of `of`, counted from 1.

    A row's id is a hash of what it holds, and decides where the row belongs. So shards are disjoint,
    together they are everything, equal rows meet in one shard, and processes need not communicate.

    Raises:
        InputError: If the number is not within 1..of.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise InputError(f"shard {self.number}/{self.of}: shards are counted from 1/{self.of} on")

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `2/8`. Raises InputError."""
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip(), re.ASCII)
        if found is None:
            raise InputError(f"shard {text!r}: write it as NUMBER/OF, such as 2/8")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def folder(self) -> str:
        """Name of the run folder of this shard within that of the whole."""
        return f"shard-{self.number}-of-{self.of}"

    def owns(self, row_id: str) -> bool:
        """Whether the row with this id, 16 hex digits, belongs here."""
        return int(row_id, 16) % self.of == self.number - 1
