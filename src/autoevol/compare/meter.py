"""A session that knows how far its run has come in calls, also while it replays an interrupted run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dspy.lm15 import Request

from autoevol.context import Role
from autoevol.errors import BudgetReached
from autoevol.lm.budget import Caps
from autoevol.lm.flow import Limits
from autoevol.lm.recorder import Price, Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from autoevol.lm.transport import Transport
from autoevol.store.calls import CallRecord, CallStore


class EntryRecorder(Recorder):
    """Counts the distinct calls that were answered, and the requests that the budget refused.

    In a store of its own, the distinct calls answered so far are the calls paid so far. While
    an interrupted run is replayed, its ledger stands still and this count does not.

    Arguments are those of `Recorder`.

    Attributes:
        refused: Requests refused because the budget was reached.
    """

    def __init__(
        self,
        store: CallStore,
        caps: Caps | None,
        retry: RetryPolicy | None,
        concurrency: int,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(store, caps, retry, concurrency, limits=limits)
        self.refused = 0
        self._answered: set[tuple[str, int]] = set()

    @property
    def reached(self) -> int:
        """Distinct calls answered so far."""
        return len(self._answered)

    async def complete(
        self, request: Request, transport: Transport, role: Role, price: Price | None = None
    ) -> CallRecord:
        """See `Recorder`."""
        try:
            record = await super().complete(request, transport, role, price)
        except BudgetReached:
            self.refused += 1
            raise
        self._answered.add((record.key, record.sample))
        return record


class EntrySession(Session):
    """A `Session` over a `EntryRecorder`; its store must belong to one run alone."""

    def __init__(
        self,
        store: CallStore | str | Path,
        *,
        caps: Caps | None = None,
        retry: RetryPolicy | None = None,
        concurrency: int = 16,
        prices: Mapping[str, Price] | None = None,
        client: str = "aiohttp",
        limits: Limits | None = None,
    ) -> None:
        super().__init__(
            store,
            caps=caps,
            retry=retry,
            concurrency=concurrency,
            prices=prices,
            client=client,
            limits=limits,
        )
        self.meter = EntryRecorder(self.store, caps, retry, concurrency, limits)
        self.recorder = self.meter
