"""Calls that wait out a 429, and who is told that they do."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable

from autoevol.core.status import Pause
from autoevol.lm.flow import Flow


class BackOff:
    """Waits out what rate limits ask for. Lives on the shared loop.

    Args:
        flow: Knows which calls queue behind a closed endpoint.
        sleep: Waits.
        clock: Seconds, in step with `sleep`.

    Attributes:
        listeners: Told whenever calls begin to wait on a 429.
    """

    def __init__(
        self, flow: Flow, sleep: Callable[[float], Awaitable[None]], clock: Callable[[], float]
    ) -> None:
        self.listeners: list[Callable[[Pause], None]] = []
        self._flow = flow
        self._sleep = sleep
        self._clock = clock
        self._held: dict[str, Counter[float]] = {}

    async def wait(self, endpoint: str, seconds: float, *, closed: bool) -> None:
        """Wait out a 429; where the server says how long, the endpoint is `closed` for everybody.

        A closed endpoint lets nobody pass, so the call waits for its next place instead of here.
        """
        until = self._clock() + seconds
        held = self._held.setdefault(endpoint, Counter())
        held[until] += 1
        if (waiting := self._waiting(endpoint)) is not None:
            for listener in self.listeners:
                listener(waiting)
        try:
            if not closed:
                await self._sleep(seconds)
        finally:
            held[until] -= 1
            held += Counter()  # drops what is 0

    def waits(self) -> list[Pause]:
        """What waits on a 429 now, by endpoint."""
        every = (self._waiting(endpoint) for endpoint in self._held)
        return [waiting for waiting in every if waiting is not None]

    def _waiting(self, endpoint: str) -> Pause | None:
        now = self._clock()
        queued, closed_until = self._flow.queue(endpoint)
        held = self._held[endpoint]
        until = max([closed_until, *held], default=now)
        calls = queued + sum(held.values())
        if calls == 0 or until <= now:
            return None
        return Pause(endpoint.partition("|")[0], calls, time.time() + until - now)
