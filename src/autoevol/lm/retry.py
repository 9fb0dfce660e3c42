"""Which failures are worth another try, how long to wait, and when to give up on an endpoint."""

from __future__ import annotations

import random
from dataclasses import dataclass

from dspy import lm15

from autoevol.errors import AccessDenied, EndpointDown

_POINTLESS = (lm15.AuthError, lm15.BillingError, lm15.UnsupportedModelError, lm15.ConfigurationError)
_TRANSIENT = (lm15.ServerError, lm15.TimeoutError, lm15.TransportError)


@dataclass(frozen=True)
class RetryPolicy:
    """How stubborn to be.

    Attributes:
        attempts: Sends per call before a transient fault is final, >= 1. A 429 is not a
            fault of the call and does not count.
        base: Seconds before the second attempt; doubled each time, with jitter.
        ceiling: Longest single wait in seconds, except where the server asks for more.
        patience: Seconds that one call may spend on 429 answers, from the first one on.
        breaker: Calls that may fail for good in a row, none succeeding, before the run ends.
    """

    attempts: int = 5
    base: float = 1.0
    ceiling: float = 60.0
    patience: float = 900.0
    breaker: int = 20

    def wait(self, fault: int, retry_after: float | None = None) -> float:
        """Seconds to wait after the `fault`-th fault (from 1)."""
        if retry_after:  # a server that asks for 0 seconds is not to be asked at full speed
            return max(0.0, retry_after)
        return min(self.ceiling, self.base * 2 ** min(fault - 1, 60) * random.uniform(0.75, 1.25))


def is_pointless(error: Exception) -> bool:
    """Whether every further call must fail the same way: key, account or model."""
    return isinstance(error, _POINTLESS)


def is_transient(error: Exception) -> bool:
    """Whether the same request may succeed later (429 apart)."""
    return isinstance(error, _TRANSIENT)


def access_denied(error: Exception, model: str) -> AccessDenied:
    """The one line that a user with a bad key, no credit or a wrong model name sees."""
    status = getattr(error, "status", None)
    hint = {
        401: "check the API key",
        402: "the account has no credit",
        404: "check the model name and the URL",
    }
    tail = f" ({hint[status]})" if status in hint else ""
    return AccessDenied(f"{model}: {first_line(error)}{tail}")


def first_line(error: Exception) -> str:
    """What `error` says, without the advice to programmers that lm15 appends."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


class Breaker:
    """Ends the run after `limit` final failures in a row. One success closes it again.

    Threads of foreign optimizers go on asking for a while after the run has ended. While the
    breaker is open their calls are sent once, not retried.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._row = 0

    @property
    def open(self) -> bool:
        """Whether the limit is reached."""
        return self._row >= self.limit

    def succeeded(self) -> None:
        """Count a reply."""
        self._row = 0

    def failed(self, error: Exception, model: str) -> None:
        """Count a call that failed for good.

        Raises:
            EndpointDown: At the `limit`-th in a row.
        """
        self._row += 1
        if self.open:
            raise EndpointDown(
                f"{model}: the last {self._row} calls all failed, the last with: {first_line(error)}"
            ) from error
