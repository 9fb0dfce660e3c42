"""Selects rows by their figures, and counts those left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Range:
    """The range in which a column has to be.

    Attributes:
        column: One of `figures.COLUMNS`.
        flag: The option that set it.
        low: Smallest value that is kept.
        high: Largest value that is kept.
        of_seeds: Whether it applies to answered seeds (round 0) as well.
    """

    column: str
    flag: str
    low: float = float("-inf")
    high: float = float("inf")
    of_seeds: bool = True


@dataclass
class RowSelection:
    """Selects rows by their columns.

    A row without a required figure is left out, unless `keep_unscored` is set. An answered seed was not
    rewritten, so it needs no gain.

    Attributes:
        ranges: All of them must hold.
        keep_unscored: Whether a row without a figure is kept.
        outside: Rows left out because a figure is out of range, by the first such flag.
        unscored: Rows without a figure, by flag, kept or not.
    """

    ranges: tuple[Range, ...] = ()
    keep_unscored: bool = False
    outside: Counter[str] = field(default_factory=Counter)
    unscored: Counter[str] = field(default_factory=Counter)

    def takes(self, columns: Mapping[str, Any], round: object = None) -> bool:
        """Whether a row with these columns is kept; counts it if it is left out, or not scored."""
        ranges = [each for each in self.ranges if each.of_seeds or round != 0]
        for each in ranges:
            value = columns.get(each.column)
            if value is not None and not each.low <= value <= each.high:
                self.outside[each.flag] += 1
                return False
        missing = [each.flag for each in ranges if columns.get(each.column) is None]
        self.unscored.update(missing[:1])
        return self.keep_unscored or not missing

    @property
    def dropped(self) -> int:
        """The number of rows left out."""
        return self.outside.total() + (0 if self.keep_unscored else self.unscored.total())

    def notes(self) -> list[str]:
        """What was left out and why, one line per option."""
        told = []
        for one in self.ranges:
            outside, missing = self.outside[one.flag], self.unscored[one.flag]
            told.append(f"{one.flag}: {outside} rows left out")
            if missing:
                kept = "kept" if self.keep_unscored else "left out too (--keep-unscored keeps them)"
                told[-1] += f"; {missing} without {_named(one.column)} {kept}"
        return told

    def why_none(self) -> str:
        """Why nothing is left, and what to do."""
        if self.ranges and not self.outside:
            first = next((one for one in self.ranges if self.unscored[one.flag]), self.ranges[0])
            asks = "--predictors local/smollm2" if first.column == "ifd" else "--judge-model MODEL"
            missing = f"{first.flag}: no row has {_named(first.column)}"
            return f"{missing}; run `autoevol quality` on it with {asks} first"
        return "; ".join(self.notes())


def _named(column: str) -> str:
    return f"{'an' if column[0] in 'aei' else 'a'} {column.replace('_', '-')}"
