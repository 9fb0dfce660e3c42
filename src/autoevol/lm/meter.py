"""Watchers of a session: what every call was worth, whether it was paid now or found in the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from autoevol.core.context import Role
from autoevol.lm.budget import Price
from autoevol.store.calls import CallRecord

_unit: ContextVar[str] = ContextVar("autoevol_unit", default="")


@contextmanager
def metered_as(unit: str) -> Iterator[None]:
    """Book the calls made inside under `unit`."""
    token = _unit.set(unit)
    try:
        yield
    finally:
        _unit.reset(token)


@dataclass(frozen=True, slots=True)
class Use:
    """One call: what it belongs to, and what it takes when it is paid.

    Attributes:
        unit: As given to `metered_as`.
        usd: At today's price, None where no price is known.
        seconds: From the first attempt to the reply, when it was paid.
    """

    unit: str
    role: Role
    input_tokens: int
    output_tokens: int
    usd: float | None
    seconds: float


class Uses(list[Use]):
    """A watcher that keeps a `Use` of every reply; for samples, as it keeps them all in memory."""

    def __call__(self, record: CallRecord, role: Role, price: Price | None) -> None:
        """See `Watcher`."""
        tokens = (record.input_tokens, record.output_tokens)
        self.append(Use(_unit.get(), role, *tokens, price.of(*tokens) if price else None, record.seconds))


class DistinctCalls:
    """A watcher that counts the different calls that were answered, and what they take.

    That is what the same work would pay with an empty store. In a store that belongs to one run,
    it is how far the run has come, also while it replays what an interrupted one has paid and
    its ledger stands still.

    Attributes:
        tokens: Input and output tokens of these calls.
        usd: Dollars, at today's prices; None once one had none.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str, int]] = set()
        self.tokens = 0
        self.usd: float | None = 0.0

    def __call__(self, record: CallRecord, role: Role, price: Price | None) -> None:
        """See `Watcher`."""
        slot = (record.key, record.sample)
        if slot in self._seen:
            return
        self._seen.add(slot)
        self.tokens += record.input_tokens + record.output_tokens
        cost = price.of(record.input_tokens, record.output_tokens) if price else None
        self.usd = None if cost is None or self.usd is None else self.usd + cost

    def __len__(self) -> int:
        return len(self._seen)
