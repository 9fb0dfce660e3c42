"""Splits of a handful of rows: what they cannot show, said in one sentence before anything is paid."""

from __future__ import annotations

from collections.abc import Mapping

from autoevol.core.errors import InputError
from autoevol.core.wording import many

FEWEST = 6
"""Rows with which the exact paired test can reach 5 %, if all of them differ: 2 / 2^6 = 3 %."""
START_AT_ONCE = "evolve with the starting method (--optimize never)"
AS_IT_IS = "evolve them with a method as it is (autoevol evolve)"


def few_rows(sizes: Mapping[str, int], instead: str = AS_IT_IS) -> str:
    """Why the sets of a split can show no difference; "" if none of them is that small.

    Args:
        sizes: Rows by the name of the set.
        instead: What a user may do instead of giving more seeds.
    """
    if min(sizes.values(), default=FEWEST) >= FEWEST:
        return ""
    told = " and ".join(f"{count} {name}" for name, count in sizes.items())
    rows = "row" if list(sizes.values()) == [1] else "rows"
    return f"{told} {rows}: so few can show no difference; give more seeds, or {instead}"


def check_enough(rows: int, sets: int) -> None:
    """Raises InputError if there is not one row for each set of a split."""
    if rows < sets:
        raise InputError(
            f"{many(rows, 'row')} cannot be split into train, dev and holdout: give {sets} or more, "
            f"or {AS_IT_IS}"
        )
