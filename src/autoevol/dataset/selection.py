"""Which rows stay by what was measured of them, and how many do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Range:
    """Where a column has to lie.

    Attributes:
        column: Of `figures.COLUMNS`.
        flag: Option that asked for it.
        low: Least value that stays.
        high: Largest value that stays.
        of_seeds: Whether it is asked of answered seeds (round 0) as well.
    """

    column: str
    flag: str
    low: float = float("-inf")
    high: float = float("inf")
    of_seeds: bool = True


@dataclass
class RowSelection:
    """Takes rows by their columns.

    A row that has no figure where one is asked for has not shown that it belongs to the data: it goes, unless
    `keep_unscored` says otherwise. An answered seed was not rewritten, so that no gain is asked of it.

    Attributes:
        ranges: All of them must hold.
        keep_unscored: Whether a row without a figure stays.
        outside: Rows left out because their figure lies outside, by flag; the first flag counts.
        unscored: Rows without a figure, by flag, whether they stay or not.
    """

    ranges: tuple[Range, ...] = ()
    keep_unscored: bool = False
    outside: Counter[str] = field(default_factory=Counter)
    unscored: Counter[str] = field(default_factory=Counter)

    def takes(self, columns: Mapping[str, Any], round: object = None) -> bool:
        """Whether a row with these columns stays; it is counted if it is not taken, or not scored."""
        asked = [one for one in self.ranges if one.of_seeds or round != 0]
        for one in asked:
            value = columns.get(one.column)
            if value is not None and not one.low <= value <= one.high:
                self.outside[one.flag] += 1
                return False
        missing = [one.flag for one in asked if columns.get(one.column) is None]
        self.unscored.update(missing[:1])
        return self.keep_unscored or not missing

    @property
    def dropped(self) -> int:
        """Rows left out."""
        return self.outside.total() + (0 if self.keep_unscored else self.unscored.total())

    def notes(self) -> list[str]:
        """What was left out and why, a line for each option."""
        told = []
        for one in self.ranges:
            outside, missing = self.outside[one.flag], self.unscored[one.flag]
            told.append(f"{one.flag}: {outside} rows left out")
            if missing:
                kept = "kept" if self.keep_unscored else "left out too (--keep-unscored keeps them)"
                told[-1] += f"; {missing} without {_named(one.column)} {kept}"
        return told

    def why_none(self) -> str:
        """Why nothing is left, with the way out."""
        if self.ranges and not self.outside:
            first = next((one for one in self.ranges if self.unscored[one.flag]), self.ranges[0])
            asks = "--predictors local/smollm2" if first.column == "ifd" else "--judge-model MODEL"
            missing = f"{first.flag}: no row has {_named(first.column)}"
            return f"{missing}; run `autoevol quality` on it with {asks} first"
        return "; ".join(self.notes())


def _named(column: str) -> str:
    return f"{'an' if column[0] in 'aei' else 'a'} {column.replace('_', '-')}"
