"""Watchers of a session: the cost of every call, whether paid now or found in the store."""

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
    """Attribute the calls made inside to `unit`."""
    token = _unit.set(unit)
    try:
        yield
    finally:
        _unit.reset(token)


@dataclass(frozen=True, slots=True)
class Use:
    """One call: what it belongs to, and its cost if it is paid.

    Attributes:
        unit: As given to `metered_as`.
        usd: At the current price; None if no price is known.
        seconds: From the first attempt to the reply, at the time it was paid.
    """

    unit: str
    role: Role
    input_tokens: int
    output_tokens: int
    usd: float | None
    seconds: float


class Uses(list[Use]):
    """A watcher that keeps a `Use` for every reply, in memory: for samples only."""

    def __call__(self, record: CallRecord, role: Role, price: Price | None) -> None:
        """See `Watcher`."""
        tokens = (record.input_tokens, record.output_tokens)
        self.append(Use(_unit.get(), role, *tokens, price.of(*tokens) if price else None, record.seconds))


class DistinctCalls:
    """A watcher that counts distinct calls and their cost.

    This is what the same work would cost with an empty store. If the store belongs to one run, it also shows
    progress while the run replays calls that an interrupted process paid, when the ledger stands still.

    Attributes:
        tokens: Input and output tokens of these calls.
        usd: Dollars at current prices; None once a call had no price.
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
