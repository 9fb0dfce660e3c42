"""Words that the reports of several commands share."""

from __future__ import annotations

from collections.abc import Mapping

from autoevol.reports.rates import FAILURE_RATE, Ledger, RateReport

TableRows = list[tuple[str, str]]
"""(label, value) rows, as they are printed."""


def reached(rate: RateReport | None, objective: str = FAILURE_RATE) -> str:
    """A rate in the words of its objective; one that a run did not get to is said to be missing."""
    return "not reached" if rate is None else rate.told(objective)


def counts(numbers: Mapping[str, int]) -> str:
    """`passed 20, lost 2`."""
    return ", ".join(f"{name} {count}" for name, count in numbers.items())


def cost_rows(ledger: Ledger, kept: int | None = None) -> TableRows:
    """What was paid, for how many tokens, and for each of so many kept rows."""
    rows = [("LM calls paid", str(ledger)), ("tokens", ledger.tokens)]
    if not kept or not ledger.total.calls:
        return rows
    total = ledger.total
    money = f", ${total.usd / kept:.6f}" if total.usd else ""
    tokens = (total.input_tokens + total.output_tokens) / kept
    return [*rows, ("per kept row", f"{total.calls / kept:.1f} calls, {tokens:,.0f} tokens{money}")]
