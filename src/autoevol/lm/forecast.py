"""What a call may cost before it is sent: the caps hold by this, whatever the server reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autoevol.lm.transport import Reply
from autoevol.lm.usage import estimate_tokens


class TokenForecast:
    """Of one endpoint: the prompt by its length, the reply by its limit, both as far as it keeps to them.

    Some endpoints count the reasoning outside of the limit, or the prompt by a template of their own.
    What a reply took beyond its forecast is expected of all that come after it.

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
            patience: Seconds after which the others go as well. A refusal comes at once and a reply takes
                its time, so a little is enough to be told of a wrong key or model by one call.
        """
        try:
            await asyncio.wait_for(self._first.acquire(), patience)
        except TimeoutError:
            yield  # the first call is still out, so it was not refused
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
        """The most tokens, in and out, that are to be reserved.

        Args:
            request: What is sent, as JSON.
            limit: The longest reply asked for; None for no limit, where the longest so far counts.
        """
        asked = estimate_tokens(request) + self._more_asked
        return asked, self._longest if limit is None else limit + self._more_said

    def learn(self, request: str, limit: int | None, reply: Reply) -> None:
        """What it came to."""
        self.known = True
        self._more_asked = max(self._more_asked, reply.input_tokens - estimate_tokens(request))
        self._longest = max(self._longest, reply.output_tokens)
        if limit is not None:
            self._more_said = max(self._more_said, reply.output_tokens - limit)
