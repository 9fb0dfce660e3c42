"""The most a call may cost, before it is sent: the basis of the caps, whatever the server reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autoevol.lm.transport import Reply
from autoevol.lm.usage import estimate_tokens


class TokenForecast:
    """A forecast for one endpoint: the prompt by its length, the reply by its limit.

    Some endpoints count reasoning outside the limit, or wrap the prompt in a template of their own. Whatever
    a reply took beyond its forecast is added to all later forecasts.

    Attributes:
        known: Whether a reply has come yet.
    """

    def __init__(self) -> None:
        self.known = False
        self._first = asyncio.Lock()
        self._more_asked = 0
        self._more_said = 0
        self._longest = 0

    @asynccontextmanager
    async def alone(self, patience: float | None = None) -> AsyncIterator[None]:
        """One call at a time, until a reply has come.

        Args:
            patience: Seconds after which the others may go too. A refusal comes at once while a reply takes
                time, so a short wait is enough to learn of a wrong key or model from a single call.
        """
        try:
            await asyncio.wait_for(self._first.acquire(), patience)
        except TimeoutError:
            yield  # the first call is still in flight, so it was not refused
            return
        if self.known:
            self._first.release()
            yield
            return
        try:
            yield
        finally:
            self._first.release()

    def expect(self, request: str, limit: int | None) -> tuple[int, int]:
        """The input and output tokens to reserve.

        Args:
            request: The request as JSON.
            limit: The requested maximum length of the reply; None for none, then the longest so far counts.
        """
        asked = estimate_tokens(request) + self._more_asked
        return asked, self._longest if limit is None else limit + self._more_said

    def learn(self, request: str, limit: int | None, reply: Reply) -> None:
        """Correct the forecast by an actual reply."""
        self.known = True
        self._more_asked = max(self._more_asked, reply.input_tokens - estimate_tokens(request))
        self._longest = max(self._longest, reply.output_tokens)
        if limit is not None:
            self._more_said = max(self._more_said, reply.output_tokens - limit)
