"""Waiting out 429s, and telling listeners about it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable

from autoevol.core.status import Pause
from autoevol.lm.flow import Flow


class BackOff:
    """Waits as long as rate limits demand. Lives on the shared loop.

    Args:
        flow: Knows which calls queue behind a closed endpoint.
        sleep: Waits.
        clock: Seconds, in step with `sleep`.

    Attributes:
        listeners: Called whenever calls start to wait on a 429.
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
        """Wait out a 429.

        Where the server says how long, `Flow` has `closed` the endpoint for every call: this one then waits
        for its next slot there instead of sleeping here.
        """
        until = self._clock() + seconds
        held = self._held.setdefault(endpoint, Counter())
        held[until] += 1
        if (pause := self._waiting(endpoint)) is not None:
            for listener in self.listeners:
                listener(pause)
        try:
            if not closed:
                await self._sleep(seconds)
        finally:
            held[until] -= 1
            held += Counter()  # drops what is 0

    def waits(self) -> list[Pause]:
        """The endpoints that calls currently wait for after a 429."""
        pauses = (self._waiting(endpoint) for endpoint in self._held)
        return [pause for pause in pauses if pause is not None]

    def _waiting(self, endpoint: str) -> Pause | None:
        now = self._clock()
        queued, closed_until = self._flow.queue(endpoint)
        held = self._held[endpoint]
        until = max([closed_until, *held], default=now)
        calls = queued + sum(held.values())
        if calls == 0 or until <= now:
            return None
        return Pause(endpoint.partition("|")[0], calls, time.time() + until - now)
