"""When to give up on an endpoint, as opposed to on single rows that it cannot answer."""

from __future__ import annotations

from bisect import insort

from dspy import lm15

from autoevol.core.errors import EndpointDown
from autoevol.lm.retry import RetryPolicy, first_line, is_answer
from autoevol.lm.transport import FILTERED

_LAST = 100  # size of the sliding window of calls whose share of failures counts
_KEPT = 1000  # failures remembered; more than a window, since calls end out of order


class Breaker:
    """Ends the run when too many calls fail for good: several in a row, or a share of a hundred.

    - Calls are ordered by when they began, not by when they failed. Rows that always fail take longest,
      because they are retried: at the end of a run, and in a `retry`, only they are left, and say
      nothing about an endpoint that answered everything else in the meantime.
    - A failure in a row counts only if no reply has come since its call began. One reply closes the breaker.
    - A refused request (400, a content filter) was answered, so the endpoint is alive. If it has never
      answered anything else, the fault is in something that all requests share.
    - Before giving up on an endpoint that has answered this run, it is asked a short question (see
      `Sender`). If it answers, the fault is in the rows.

    Threads of DSPy's optimizers keep calling for a while after the run has ended. While the breaker is
    open, their calls are sent once and not retried.

    Args:
        policy: The limits.
        answered_before: Whether this run got replies in an earlier process.

    Attributes:
        silent: Whether the endpoint failed to answer the short question.
    """

    def __init__(self, policy: RetryPolicy, *, answered_before: bool = False) -> None:
        self._policy = policy
        self._answered_before = answered_before
        self._refused = 0
        self._begun = 0
        self._replies = 0
        self._in_a_row = 0
        self._failures: list[int] = []  # sorted numbers of the calls that failed
        self._crowded = False  # whether the share of failures in some window is too high
        self.silent = False

    @property
    def doubtful(self) -> bool:
        """Whether the short question is worthwhile: the endpoint has answered, and not ignored one yet."""
        return (self.proven or self._answered_before) and not self.silent

    @property
    def proven(self) -> bool:
        """Whether the endpoint has ever replied."""
        return self._replies > 0

    @property
    def open(self) -> bool:
        """Whether a limit is reached."""
        policy = self._policy
        limit = policy.breaker if self.proven else min(policy.breaker, policy.breaker_unproven)
        return self._in_a_row >= limit or self._crowded

    def begin(self) -> tuple[int, int]:
        """Count a call that is sent for the first time; pass the result to `failed`."""
        self._begun += 1
        return self._begun, self._replies

    def succeeded(self) -> None:
        """Count a reply."""
        self._replies += 1
        self._in_a_row = 0
        self._crowded = False
        self.silent = False

    def still_there(self) -> None:
        """The endpoint answered the short question: earlier failures were the rows' fault."""
        self.succeeded()
        self._failures.clear()

    def failed(self, call: tuple[int, int], error: lm15.LM15Error, model: str) -> None:
        """Count a call that failed for good.

        Args:
            call: The result of `begin`.
            error: The last failure.
            model: For the message.

        Raises:
            EndpointDown: If the breaker is open now.
        """
        if is_answer(error):
            self._in_a_row = 0
            self._refuse(error, model)
            return
        number, replies = call
        if replies == self._replies:
            self._in_a_row += 1
        insort(self._failures, number)
        del self._failures[:-_KEPT]
        self._crowded = self._is_crowded(number)
        if self.open:
            many = f"{max(1, round(self._policy.breaker_share * _LAST))} of {_LAST} calls"
            if not self._crowded:
                many = f"the last {self._in_a_row} calls all" if self._in_a_row > 1 else "the last call"
            raise EndpointDown(f"{model}: {many} failed, the last with: {first_line(error)}") from error

    def _refuse(self, error: lm15.LM15Error, model: str) -> None:
        if self.proven or self._answered_before or error.provider_code == FILTERED:
            return
        self._refused += 1
        if self._refused >= min(self._policy.breaker, self._policy.breaker_unproven):
            many = f"the first {self._refused} calls were all refused"
            raise EndpointDown(f"{model}: {many}, the last with: {first_line(error)}") from error

    def _is_crowded(self, number: int) -> bool:
        """Whether too many of some hundred consecutive calls, `number` among them, have failed."""
        limit = max(1, round(self._policy.breaker_share * _LAST))
        if self._begun < _LAST or len(self._failures) < limit:
            return False
        # The first and last of `limit` failures in order: too many if they lie within one window.
        spans = zip(self._failures, self._failures[limit - 1 :], strict=False)
        return any(first <= number <= last < first + _LAST for first, last in spans)
