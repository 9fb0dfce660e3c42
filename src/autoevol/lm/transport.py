"""What the recorder needs from a provider: send one request, return one reply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from dspy import lm15
from dspy.lm15 import Request

# `provider_code` of errors that have no class of their own in lm15 (see `retry.reason_of`).
FILTERED = "content_filter"
UNREADABLE = "unreadable_reply"


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply. Token counts are 0 where the provider reports none; the recorder then estimates.

    Attributes:
        text: What programs read; never holds thinking.
        finish_reason: stop, length, content_filter, tool_call or error.
        reset: Seconds until the provider takes the next request, if it says that this one used up its
            rate limit; else None.
        rpm: The provider's limit on requests per minute; None if it does not say.
        tpm: The provider's limit on tokens per minute; None if it does not say.
        thinking: The model's thinking, "" if it is not shown.
        reasoning_tokens: The part of `output_tokens` that was thinking; 0 if not reported.
        estimated: Whether a token count was estimated from the text instead of reported.
    """

    text: str
    finish_reason: str = "stop"
    input_tokens: int = 0
    output_tokens: int = 0
    reset: float | None = field(default=None, compare=False)
    rpm: float | None = field(default=None, compare=False)
    tpm: float | None = field(default=None, compare=False)
    thinking: str = ""
    reasoning_tokens: int = 0
    estimated: bool = False


class BrokenReply(lm15.ServerError):
    """Something came back that was paid for but is not a complete reply; worth retrying.

    Attributes:
        reply: As much as arrived, so that it can be booked.
    """

    def __init__(self, message: str, reply: Reply | None = None) -> None:
        super().__init__(message, provider_code=UNREADABLE)
        self.reply = reply or Reply("", "error")


class NobodyThere(lm15.TransportError):
    """No connection: a wrong host or port, or a server that is not running."""


class Transport(Protocol):
    """One endpoint. `send` makes one attempt and keeps no state between requests.

    Attributes:
        identity: Names the endpoint in call keys. Equal identities must give equal answers to equal
            requests (up to sampling), so it contains the URL or the weights' hash, and every server-side
            setting that `Request` does not carry.
        seeded: Whether to send each sample with its own seed. If the server honours seeds, two fresh
            runs then draw the same samples.

    A transport with a true attribute `queued` lets thousands of requests wait for its provider's batch.

    `send` raises `dspy.lm15` errors: AuthError, BillingError, UnsupportedModelError (the run is pointless),
    RateLimitError with `retry_after`, ServerError, TimeoutError, TransportError (worth retrying), anything
    else (this one request is at fault). A `BrokenReply` is a ServerError that counts as a paid call.
    """

    identity: str
    seeded: bool

    async def send(self, request: Request) -> Reply:
        """Send one request, once."""
        ...

    async def aclose(self) -> None:
        """Release connections; the transport is not used afterwards."""
        ...


def is_queued(transport: Transport) -> bool:
    """Whether requests wait at the provider, so that pacing and the order of replies do not matter."""
    return getattr(transport, "queued", False)
