"""The budget of a rehearsal: limits of the run that is rehearsed, and what is held against them.

`commands.shares` has the limits. Rows and chains are paid one by one; where the next does not fit, the
rehearsal ends as the run would: with `BudgetReached`, what was paid before it being paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from autoevol.core.errors import BudgetReached
from autoevol.lm.budget import StageCaps
from autoevol.store.calls import Spent


class Purse(Protocol):
    """The limits of a run's budget before its bulk stage."""

    @property
    def loop(self) -> StageCaps:
        """Of look and steps."""
        ...

    @property
    def end(self) -> StageCaps:
        """Of the confirmation."""
        ...

    @property
    def whole(self) -> StageCaps:
        """Of the holdout, and so of all that comes before the bulk stage."""
        ...

    def look(self, rows: int, dev: int, row_calls: int) -> int:
        """Rows of the first look, of `rows`."""
        ...

    def why_too_small(self, spent: Spent = ...) -> str | None:
        """Why no full step fits, now that `spent` tells what a call costs; None if one does."""
        ...


@dataclass(frozen=True)
class Budgeted:
    """A budget, and what is held against it.

    Attributes:
        purse: Its limits.
        row: What one row costs under one method. Without tokens or dollars their limits are never reached.
        chain: What an analysis with its rewrite costs.
    """

    purse: Purse
    row: Spent
    chain: Spent


class Account:
    """What a rehearsal has paid so far, and what its limits leave; without a budget, all that is asked.

    Args:
        budget: Its limits and costs; `enter` says which limits hold.
    """

    def __init__(self, budget: Budgeted | None) -> None:
        self._budget = budget
        self._limits = budget.purse.loop if budget else None
        self.spent = Spent()

    @property
    def is_too_small(self) -> bool:
        """Whether no full step fits, as far as what was paid tells."""
        return self._budget is not None and self._budget.purse.why_too_small(self.spent) is not None

    def look(self, rows: int, dev: int) -> int:
        """Rows of the first look, of `rows`."""
        return self._budget.purse.look(rows, dev, self._budget.row.calls) if self._budget else rows

    def confirm(self) -> None:
        """The steps are done."""
        self._limits = self._budget and self._budget.purse.end

    def hold_out(self) -> None:
        """So is the confirmation."""
        self._limits = self._budget and self._budget.purse.whole

    def rows(self, count: int) -> int:
        """Pay for rows: how many of `count` fit."""
        return self._pay(count, self._budget.row) if self._budget else count

    def chains(self, count: int) -> int:
        """Pay for analyses with their rewrites: how many of `count` fit."""
        return self._pay(count, self._budget.chain) if self._budget else count

    def _pay(self, count: int, each: Spent) -> int:
        assert self._limits is not None, "a budget has limits"
        limits, spent = self._limits.limits(self.spent), self.spent
        parts = (
            (limits.calls, spent.calls, each.calls),
            (limits.tokens, spent.tokens, each.tokens),
            (limits.usd, spent.usd, each.usd),
        )
        # Sums of dollars are not exact.
        left = [int((cap - used) / cost + 1e-9) for cap, used, cost in parts if cap is not None and cost]
        count = max(0, min([count, *left]))
        self.spent += Spent(
            count * each.calls, count * each.input_tokens, count * each.output_tokens, count * each.usd
        )
        return count


def whole(paid: int, asked: int) -> None:
    """Go on if all that was asked for was paid. Raises BudgetReached if not."""
    if paid < asked:
        raise BudgetReached(f"a rehearsal's budget paid for {paid} of {asked}")
