"""When an endpoint is given up: not for the rows that it cannot answer, but for itself."""

from __future__ import annotations

from bisect import insort

from dspy import lm15

from autoevol.core.errors import EndpointDown
from autoevol.lm.retry import RetryPolicy, first_line, is_answer
from autoevol.lm.transport import FILTERED

_LAST = 100
_KEPT = 1000


class Breaker:
    """Ends the run when too many calls fail for good: some in a row, or a share of a hundred.

    - Calls are judged in the order in which they began. Rows that always fail take longest, for
      they are tried again: at the end of a run, and in a `retry`, they are all that is left, and
      say nothing of an endpoint that answered everything else meanwhile.
    - A row's failures count while no reply has come since it began. One reply closes the breaker.
    - A request that was refused (400, a content filter) was answered: the endpoint is there. Where
      that is all that it has ever said, the fault is in what all requests share.
    - Before an endpoint that has answered this run is given up, it is asked something short (see
      `Sender`). If it answers, the fault is in the rows.

    Threads of foreign optimizers go on asking for a while after the run has ended. While the
    breaker is open their calls are sent once, not retried.
    """

    def __init__(self, policy: RetryPolicy, *, answered_before: bool = False) -> None:
        """`answered_before`: this run has had replies in an earlier process.

        `silent` is set where the endpoint did not answer when it was asked whether it is there.
        """
        self._policy = policy
        self._answered_before = answered_before
        self._refused = 0
        self._begun = 0
        self._replies = 0
        self._row = 0
        self._failures: list[int] = []  # numbers of the calls that failed, sorted
        self._shared = False
        self.silent = False

    @property
    def doubtful(self) -> bool:
        """Whether it is worth asking if the endpoint is still there: it was, and was not asked in vain."""
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
        return self._row >= limit or self._shared

    def begin(self) -> tuple[int, int]:
        """A call is sent for the first time; hand the result to `failed`."""
        self._begun += 1
        return self._begun, self._replies

    def succeeded(self) -> None:
        """Count a reply."""
        self._replies += 1
        self._row = 0
        self._shared = False
        self.silent = False

    def still_there(self) -> None:
        """The endpoint has answered what any endpoint answers: earlier failures were the rows'."""
        self.succeeded()
        self._failures.clear()

    def failed(self, call: tuple[int, int], error: lm15.LM15Error, model: str) -> None:
        """Count a call that failed for good.

        Args:
            call: What `begin` gave for it.
            error: The last failure.
            model: For the message.

        Raises:
            EndpointDown: If that opens the breaker, or finds it open.
        """
        if is_answer(error):
            self._row = 0
            self._refuse(error, model)
            return
        number, replies = call
        if replies == self._replies:
            self._row += 1
        insort(self._failures, number)
        del self._failures[:-_KEPT]
        self._shared = self._crowded(number)
        if self.open:
            many = f"{max(1, round(self._policy.breaker_share * _LAST))} of {_LAST} calls"
            if not self._shared:
                many = f"the last {self._row} calls all" if self._row > 1 else "the last call"
            raise _down(f"{model}: {many} failed", error) from error

    def _refuse(self, error: lm15.LM15Error, model: str) -> None:
        if self.proven or self._answered_before or error.provider_code == FILTERED:
            return
        self._refused += 1
        if self._refused >= min(self._policy.breaker, self._policy.breaker_unproven):
            many = f"the first {self._refused} calls were all refused"
            raise _down(f"{model}: {many}", error) from error

    def _crowded(self, number: int) -> bool:
        """Whether the share of some hundred calls, begun one after the other, `number` among them, failed."""
        most = max(1, round(self._policy.breaker_share * _LAST))
        if self._begun < _LAST or len(self._failures) < most:
            return False
        pairs = zip(self._failures, self._failures[most - 1 :], strict=False)
        return any(first <= number <= last < first + _LAST for first, last in pairs)


def _down(told: str, error: lm15.LM15Error) -> EndpointDown:
    last = first_line(error)
    return EndpointDown(f"{told}, the last with: {last} (`autoevol doctor` tells what the endpoint does)")
