"""What the recorder needs from a provider: send one request, bring one reply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from dspy.lm15 import Request


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply. Token counts are 0 where the provider reports none.

    Attributes:
        finish_reason: stop, length, content_filter, tool_call or error.
        reset: Seconds after which the provider takes the next request, where it says that its
            rate limit is used up by this one; else None.
        rpm: Requests that the provider says it takes per minute, None where it does not say.
        tpm: The same for tokens.
    """

    text: str
    finish_reason: str = "stop"
    input_tokens: int = 0
    output_tokens: int = 0
    reset: float | None = field(default=None, compare=False)
    rpm: float | None = field(default=None, compare=False)
    tpm: float | None = field(default=None, compare=False)


class Transport(Protocol):
    """One endpoint. `send` makes one attempt and keeps no state between requests.

    Attributes:
        identity: Names the endpoint in call keys. Equal identities must give equal answers
            to equal requests (up to sampling), so it holds the URL or the weights' hash, and
            every server-side setting that `Request` does not carry.
        seeded: Whether each sample is to be sent with a seed of its own. Where the server
            honours seeds, two fresh runs then draw the same samples.

    `send` raises `dspy.lm15` errors: AuthError, BillingError, UnsupportedModelError (the run
    is pointless), RateLimitError with `retry_after`, ServerError, TimeoutError,
    TransportError (worth another try), anything else (a fault of this one request).
    """

    identity: str
    seeded: bool

    async def send(self, request: Request) -> Reply:
        """Send one request, once."""
        ...

    async def aclose(self) -> None:
        """Release connections; the transport is not used afterwards."""
        ...
