"""A hard cap on calls, tokens and money, kept by reserving before each call."""

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
    """What a first stage of a run may use of its caps, so that something is left for those after it.

    Attributes:
        caps: Limits over all that the run has paid when the stage ends.
        keep: Calls within them that are kept back for the stage's own end, each at what a call has cost
            on average; half of each cap at most.
    """

    caps: Caps
    keep: int = 0

    def limits(self, spent: Spent) -> Caps:
        """`caps` less what is kept back, now that `spent` says what a call costs."""
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
        """The price after a discount, a share of 0..1."""
        return Price(self.input * (1 - discount), self.output * (1 - discount))


class Budget:
    """Counts what is spent and what is in flight against `caps`. Use it on one event loop.

    A call is admitted only if it fits beside all calls in flight at their estimated cost.
    Calls can therefore never exceed their cap; tokens and money can by what the calls in
    flight cost beyond their estimates (see `TokenForecast`).

    Attributes:
        part: Where it is set, the limits of the stage under way, beside those of the run.
    """

    def __init__(self, caps: Caps, spent: Spent = Spent()) -> None:  # noqa: B008 (frozen)
        self.caps = caps
        self.spent = spent
        self.part: StageCaps | None = None
        self._reserved = Spent()
        self._settled = asyncio.Condition()

    @property
    def counts_tokens(self) -> bool:
        """Whether what a call costs beyond being one matters."""
        return self.caps.tokens is not None or self.caps.usd is not None

    async def reserve(self, estimate: Spent) -> None:
        """Wait until `estimate` fits, and set it aside.

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
        """Replace a reservation by what was really paid (`Spent()` for a failed call)."""
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
