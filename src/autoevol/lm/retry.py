"""Which failures are worth another try, how long to wait, and when to give up on an endpoint."""

from __future__ import annotations

import random
from dataclasses import dataclass

from dspy import lm15

from autoevol.core.errors import AccessDenied
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
"""Why a call failed that would fail again: the model refuses just this request."""

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
        attempts: Sends per call before a transient fault is final, >= 1. A 429 is not a
            fault of the call and does not count.
        attempts_unproven: The same where nobody is there and nothing has ever been answered: a wrong
            port is told in seconds. One that takes the call and never replies is not asked twice.
        base: Seconds before the second attempt; doubled each time, with jitter.
        ceiling: Longest single wait in seconds, except where the server asks for more.
        longest: Longest single wait in seconds that a server's Retry-After on a fault can ask for.
        patience: Seconds that one call may spend on 429 answers, from the first one on.
        breaker: Calls that may fail for good in a row, none succeeding, before the run ends.
        breaker_unproven: The same for an endpoint that has never answered.
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
        if retry_after:  # a server that asks for 0 seconds is not to be asked at full speed
            return min(self.longest, max(0.0, retry_after))
        return min(self.ceiling, self.base * 2 ** min(fault - 1, 60) * random.uniform(0.75, 1.25))

    def attempts_for(self, error: Exception, *, proven: bool, most: int | None = None) -> int:
        """How often a call is sent that fails with `error`.

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
    """Whether every further call must fail the same way: key, account or model."""
    return isinstance(error, _POINTLESS)


def is_transient(error: Exception) -> bool:
    """Whether the same request may succeed later (429 apart)."""
    return isinstance(error, _TRANSIENT)


def is_answer(error: lm15.LM15Error) -> bool:
    """Whether a failure is the answer of a living endpoint to one request that it does not like."""
    return isinstance(error, (lm15.InvalidRequestError, lm15.CapabilityError)) and not is_pointless(error)


def may_be_billed(error: BaseException) -> bool:
    """Whether a request has left and nobody knows what became of it: no answer, or one that broke off."""
    return isinstance(error, (lm15.TimeoutError, lm15.TransportError)) and not isinstance(error, NobodyThere)


def is_refusal(error: BaseException) -> bool:
    """Whether the endpoint says that it is sent too much: 429, or overloaded."""
    return isinstance(error, lm15.RateLimitError) or (
        isinstance(error, lm15.ServerError) and error.status in _OVERLOADED
    )


def reason_of(error: BaseException) -> str:
    """Why a call failed for good, as one stable word to count by and to write into files.

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
    """The one line that a user with a bad key, no credit or a wrong model name sees."""
    hints = (
        (lm15.AuthError, "check the API key"),
        (lm15.UnsupportedModelError, "check the model name and the URL"),
    )
    hint = next((words for kind, words in hints if isinstance(error, kind)), None)
    hint = {402: "the account has no credit", 403: "check what the key may use, and from where"}.get(
        getattr(error, "status", None) or 0, hint
    )
    tail = f" ({hint})" if hint else ""
    return AccessDenied(f"{model}: {first_line(error)}{tail}")


def first_line(error: BaseException) -> str:
    """What `error` says, without the advice to programmers that lm15 appends."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def refusal_of(slot: tuple[str, int], error: lm15.LM15Error) -> RefusedCall:
    """An error that is an answer (`is_answer`), as it is stored."""
    return RefusedCall(*slot, type(error).__name__, error.message, error.status, error.provider_code or "")


def error_of(refusal: RefusedCall) -> lm15.LM15Error:
    """The same again."""
    kinds = {kind.__name__: kind for kind in _ANSWERS}
    kind = kinds.get(refusal.kind, lm15.InvalidRequestError)
    return kind(refusal.message, status=refusal.status, provider_code=refusal.code or None)
