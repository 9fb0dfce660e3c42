"""Words that the reports of several commands share."""

from __future__ import annotations

from collections.abc import Mapping

from autoevol.reports.rates import Ledger, RateReport

TableRows = list[tuple[str, str]]
"""(label, value) rows, as they are printed."""


def reached(rate: RateReport | None) -> str:
    """A rate in words; a rate that a run did not get to is said to be missing."""
    return "not reached" if rate is None else str(rate)


def counts(numbers: Mapping[str, int]) -> str:
    """`passed 20, lost 2`."""
    return ", ".join(f"{name} {count}" for name, count in numbers.items())


def cost_rows(ledger: Ledger) -> TableRows:
    """What was paid, and for how many tokens."""
    return [("LM calls paid", str(ledger)), ("tokens", ledger.tokens)]
