"""Which failures are worth retrying, how long to wait, and when to give up on an endpoint."""

from __future__ import annotations

import random
from dataclasses import dataclass

from dspy import lm15

from autoevol.core.errors import AccessDenied
from autoevol.core.text import storable
from autoevol.lm.transport import FILTERED, UNREADABLE, NobodyThere
from autoevol.store.calls import RefusedCall

_POINTLESS = (lm15.AuthError, lm15.BillingError, lm15.UnsupportedModelError, lm15.ConfigurationError)
_ANSWERS = (
    lm15.InvalidRequestError,
    lm15.ContextLengthError,
    lm15.CapabilityError,
    lm15.UnsupportedFeatureError,
)
_TRANSIENT = (lm15.ServerError, lm15.TimeoutError, lm15.TransportError)
_OVERLOADED = (503, 529)
BAD_REQUEST = "bad_request"
"""The reason for a call that would fail again: the endpoint refuses this particular request."""

# Subclasses before their parents.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (lm15.AuthError, "access_denied"),
    (lm15.BillingError, "no_credit"),
    (lm15.UnsupportedModelError, "unknown_model"),
    (lm15.RateLimitError, "rate_limited"),
    (lm15.InvalidRequestError, BAD_REQUEST),
    (lm15.CapabilityError, BAD_REQUEST),
    (lm15.TimeoutError, "timeout"),
    (lm15.ServerError, "server_error"),
    (lm15.TransportError, "unreachable"),
    (lm15.ConfigurationError, "misconfigured"),
)


@dataclass(frozen=True)
class RetryPolicy:
    """How persistent to be.

    Attributes:
        attempts: Attempts per call before a transient fault is final, >= 1. A 429 is not the call's fault
            and does not count.
        attempts_unproven: The same if there is no connection and the endpoint has never replied, so that a
            wrong port is reported within seconds. An endpoint that connects and never replies gets one.
        base: Seconds before the second attempt; doubled each time, with jitter.
        ceiling: Maximum seconds of a single wait, unless the server asks for more.
        longest: Maximum seconds that a server's Retry-After on a fault can ask for.
        patience: Seconds that one call may spend on 429s, counted from the first.
        breaker: Calls that may fail for good in a row before the run ends.
        breaker_unproven: The same for an endpoint that has never replied.
        breaker_share: Share of the last 100 calls that may fail for good before the run ends.
    """

    attempts: int = 5
    attempts_unproven: int = 2
    base: float = 1.0
    ceiling: float = 60.0
    longest: float = 300.0
    patience: float = 900.0
    breaker: int = 20
    breaker_unproven: int = 3
    breaker_share: float = 0.5

    def wait(self, fault: int, retry_after: float | None = None) -> float:
        """Seconds to wait after the `fault`-th fault (from 1)."""
        if retry_after:  # a Retry-After of 0 counts as none: retrying at full speed would help nobody
            return min(self.longest, max(0.0, retry_after))
        return min(self.ceiling, self.base * 2 ** min(fault - 1, 60) * random.uniform(0.75, 1.25))

    def attempts_for(self, error: Exception, *, proven: bool, most: int | None = None) -> int:
        """The maximum number of attempts for a call that fails with `error`.

        Args:
            error: A transient fault.
            proven: Whether the endpoint has ever replied.
            most: Instead of `attempts`.
        """
        most = self.attempts if most is None else most
        if proven or not isinstance(error, (NobodyThere, lm15.TimeoutError)):
            return most
        return min(most, self.attempts_unproven if isinstance(error, NobodyThere) else 1)


def is_pointless(error: Exception) -> bool:
    """Whether every further call would fail the same way: key, account or model."""
    return isinstance(error, _POINTLESS)


def is_transient(error: Exception) -> bool:
    """Whether the same request may succeed later (429s aside)."""
    return isinstance(error, _TRANSIENT)


def is_answer(error: lm15.LM15Error) -> bool:
    """Whether a failure is a live endpoint's refusal of one particular request."""
    return isinstance(error, (lm15.InvalidRequestError, lm15.CapabilityError)) and not is_pointless(error)


def may_be_billed(error: BaseException) -> bool:
    """Whether a request was sent and its fate is unknown: no answer came, or it broke off."""
    return isinstance(error, (lm15.TimeoutError, lm15.TransportError)) and not isinstance(error, NobodyThere)


def is_refusal(error: BaseException) -> bool:
    """Whether the endpoint says that it gets too many requests: 429, or overloaded."""
    return isinstance(error, lm15.RateLimitError) or (
        isinstance(error, lm15.ServerError) and error.status in _OVERLOADED
    )


def reason_of(error: BaseException) -> str:
    """Why a call failed for good, as a stable identifier for counting and for files.

    rate_limited, server_error, timeout, unreachable, unreadable_reply (a reply that is no
    completion), content_filter (the provider refused the request for its content),
    bad_request, access_denied, no_credit, unknown_model, misconfigured; unexpected for
    anything else.

    Args:
        error: An lm15 error, or the DSPy error that was made of one.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, lm15.LM15Error):
        cause = cause.__cause__
    if cause is None:
        return "unexpected"
    if cause.provider_code in (FILTERED, UNREADABLE):
        return cause.provider_code
    return next((reason for kind, reason in _REASONS if isinstance(cause, kind)), "unexpected")


def access_denied(error: Exception, model: str) -> AccessDenied:
    """The error that a user with a bad key, no credit or a wrong model name sees, in one line."""
    hints = (
        (lm15.AuthError, "check the API key"),
        (lm15.UnsupportedModelError, "check the model name and the URL"),
    )
    hint = next((words for kind, words in hints if isinstance(error, kind)), None)
    if getattr(error, "status", None) == 402:
        hint = "the account has no credit"
    tail = f" ({hint})" if hint else ""
    return AccessDenied(f"{model}: {first_line(error)}{tail}")


def first_line(error: BaseException) -> str:
    """The first line of `error`, without the advice to programmers that lm15 appends."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def refusal_of(slot: tuple[str, int], error: lm15.LM15Error) -> RefusedCall:
    """The record to store for an error that `is_answer`."""
    message, code = storable(error.message), storable(error.provider_code or "")
    return RefusedCall(*slot, type(error).__name__, message, error.status, code)


def error_of(refusal: RefusedCall) -> lm15.LM15Error:
    """The inverse of `refusal_of`."""
    kinds = {kind.__name__: kind for kind in _ANSWERS}
    kind = kinds.get(refusal.kind, lm15.InvalidRequestError)
    return kind(refusal.message, status=refusal.status, provider_code=refusal.code or None)
