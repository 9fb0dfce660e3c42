"""What a usable row costs with a method: the figure by which two methods of one failure rate still differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoevol.core.records import Outcome, Score
from autoevol.core.schema import Record
from autoevol.lm.meter import Use


@dataclass(frozen=True, slots=True)
class RowCost(Record):
    """Means over the usable rows of a score, what was spent on the others included.

    Every call counts at what it takes by itself, whether it was paid now or found in a store that others
    had filled.

    Attributes:
        calls: LM calls for each usable row.
        tokens: Input and output tokens.
        usd: Dollars; None where some model has no price.
    """

    calls: float
    tokens: float
    usd: float | None = None

    @classmethod
    def of(cls, uses: Sequence[Use], score: Score) -> RowCost | None:
        """From all calls that `score` took; None where there was none, or no row was usable."""
        usable = score.count(Outcome.PASSED)
        if not usable or not uses:
            return None
        prices = [use.usd for use in uses]
        usd = sum(price for price in prices if price is not None)
        tokens = sum(use.input_tokens + use.output_tokens for use in uses)
        return cls(len(uses) / usable, tokens / usable, None if None in prices else usd / usable)

    @classmethod
    def mean(cls, costs: Sequence[RowCost | None]) -> RowCost | None:
        """The mean of several, None if one is missing."""
        known = [cost for cost in costs if cost is not None]
        if len(known) < len(costs) or not known:
            return None
        prices = [cost.usd for cost in known if cost.usd is not None]
        count = len(known)
        return cls(
            sum(cost.calls for cost in known) / count,
            sum(cost.tokens for cost in known) / count,
            sum(prices) / count if len(prices) == count else None,
        )

    def __str__(self) -> str:
        """`2.7 calls, 1,204 tokens, $0.000310 a usable row`."""
        money = f", ${self.usd:.6f}" if self.usd else ""
        return f"{self.calls:.1f} calls, {self.tokens:,.0f} tokens{money} a usable row"
