"""Hard caps on calls, tokens and money, enforced by a reservation before each call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from autoevol.core.errors import BudgetReached
from autoevol.store.calls import Spent


@dataclass(frozen=True)
class Caps:
    """Limits over a whole run, resumes included; None means no limit.

    Attributes:
        calls: Paid calls; calls answered from the store are free.
        tokens: Input and output tokens of paid calls.
        usd: Money, for models whose price is given.
    """

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None


@dataclass(frozen=True)
class StageCaps:
    """The share of the run's caps that an early stage may use, so that later stages have something left.

    Attributes:
        caps: Limits on everything the run has paid by the end of the stage.
        keep: Calls to hold back for the end of the stage itself, each at the average cost of a call so far;
            at most half of each cap.
    """

    caps: Caps
    keep: int = 0

    def limits(self, spent: Spent) -> Caps:
        """`caps` minus what is held back, given the average cost in `spent`."""
        calls, tokens, usd = self.caps.calls, self.caps.tokens, self.caps.usd
        each = self.keep / spent.calls if spent.calls else 0.0
        return Caps(
            None if calls is None else calls - min(calls // 2, self.keep),
            None if tokens is None else tokens - min(tokens // 2, round(each * spent.tokens)),
            None if usd is None else usd - min(usd / 2, each * spent.usd),
        )


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """Dollars for one call."""
        return (self.input * input_tokens + self.output * output_tokens) / 1e6

    def less(self, discount: float) -> Price:
        """The price after a discount of 0..1."""
        return Price(self.input * (1 - discount), self.output * (1 - discount))


class Budget:
    """Counts costs paid and in flight against `caps`. To be used on one event loop.

    A call is admitted only if it fits in addition to all calls in flight at their estimated cost. The number
    of calls can therefore never exceed its cap; tokens and money can, by as much as calls in flight cost
    beyond their estimates (see `TokenForecast`).

    Attributes:
        part: The limits of the current stage, in addition to those of the run; None for none.
    """

    def __init__(self, caps: Caps, spent: Spent = Spent()) -> None:  # noqa: B008 (frozen)
        self.caps = caps
        self.spent = spent
        self.part: StageCaps | None = None
        self._reserved = Spent()
        self._settled = asyncio.Condition()

    @property
    def counts_tokens(self) -> bool:
        """Whether tokens or money are capped, not only the number of calls."""
        return self.caps.tokens is not None or self.caps.usd is not None

    async def reserve(self, estimate: Spent) -> None:
        """Wait until `estimate` fits, and reserve it.

        Raises:
            BudgetReached: If it does not fit even when nothing is in flight.
        """
        async with self._settled:
            while (broken := self._broken_by(estimate)) is not None:
                if self._reserved.calls == 0:
                    raise BudgetReached(f"budget reached: {broken}")
                await self._settled.wait()
            self._reserved += estimate

    async def settle(self, estimate: Spent, paid: Spent) -> None:
        """Replace a reservation by the actual cost (`Spent()` for a failed call)."""
        async with self._settled:
            self._reserved -= estimate
            self.spent += paid
            self._settled.notify_all()

    def _broken_by(self, estimate: Spent) -> str | None:
        after = self.spent + self._reserved + estimate
        limits = (self.caps, self.part.limits(self.spent)) if self.part else (self.caps,)
        return next(filter(None, (self._beyond(caps, after, estimate) for caps in limits)), None)

    def _beyond(self, caps: Caps, after: Spent, estimate: Spent) -> str | None:
        if caps.calls is not None and after.calls > caps.calls:
            return f"{self.spent.calls} of {caps.calls} calls paid"
        if caps.tokens is not None and after.tokens > caps.tokens:
            used = f"{self.spent.tokens} of {caps.tokens} tokens used"
            return f"{used}, and the next call may take {estimate.tokens}"
        if caps.usd is not None and after.usd > caps.usd:
            return f"${self.spent.usd:.4f} of ${caps.usd:.4f} spent"
        return None
