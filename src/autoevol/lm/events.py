"""What happens to calls on their way: logged as it happens, and retries counted.

The logger is `autoevol.lm`. Its records carry a `CallEvent` as their message, so a handler may take
the fields instead of the sentence; both are masked and hold nothing that a terminal would obey.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from dspy import lm15

from autoevol.core.errors import StopRun
from autoevol.core.masking import Mask
from autoevol.core.text import excerpt
from autoevol.lm.outgoing import Call
from autoevol.lm.retry import first_line, reason_of
from autoevol.lm.transport import Transport

LOGGER = logging.getLogger("autoevol.lm")
# A library is silent where nobody listens. Not on `autoevol` itself, whose progress is said on
# standard error then (see `core.progress`).
LOGGER.addHandler(logging.NullHandler())

CallEventName = Literal["retry", "pause", "failed", "denied", "probe", "down", "budget"]

_LEVELS: dict[CallEventName, int] = {
    "retry": logging.INFO,
    "pause": logging.INFO,
    "failed": logging.WARNING,
    "denied": logging.ERROR,
    "probe": logging.INFO,
    "down": logging.ERROR,
    "budget": logging.WARNING,
}
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class CallEvent:
    """Something other than a reply.

    Attributes:
        event: `retry` (a fault, sent again), `pause` (429, waits), `failed` (given up on this call),
            `denied` (key, account or model refused), `probe` (asked whether it is there), `down` (the
            endpoint is given up), `budget` (the next call would break a cap).
        role: Whose call it was.
        model: As it was asked for.
        host: Of the endpoint, with its port.
        reason: One stable word (see `retry.reason_of`); of a probe `answered` or `silent`.
        error: The first line of what came back, masked; '' for none.
        attempt: Requests sent for this call so far.
        seconds: What the last of them took.
        wait: Seconds until it is sent again; 0 where it is not.
    """

    event: CallEventName
    role: str
    model: str
    host: str
    reason: str
    error: str = ""
    attempt: int = 0
    seconds: float = 0.0
    wait: float = 0.0

    def __str__(self) -> str:
        """`retry: evol model m at host:8000: timeout in 30.0 s at attempt 2, again in 4.0 s: ...`."""
        at = f" in {self.seconds:.1f} s at attempt {self.attempt}" if self.attempt else ""
        again = f", again in {self.wait:.1f} s" if self.wait else ""
        reason = self.reason.replace("_", " ")
        told = f": {self.error.removeprefix(f'{reason}: ')}" if self.error else ""
        return f"{self.event}: {self.role} model {self.model} at {self.host}: {reason}{at}{again}{told}"


class CallAttempt(NamedTuple):
    """One sending of a call: the how many-th, and how long it took, in seconds."""

    number: int = 0
    seconds: float = 0.0


_NEVER = CallAttempt()


class CallEvents:
    """Logs what happens to calls. Lives on the shared loop.

    Attributes:
        retries: Requests that were, or will be, sent again, by reason.
    """

    def __init__(self) -> None:
        self.retries: Counter[str] = Counter()
        self._ended: set[tuple[str, ...]] = set()

    def again(self, call: Call, error: lm15.LM15Error, attempt: CallAttempt, wait: float) -> None:
        """A call is sent again after `wait` seconds."""
        self.retries[reason_of(error)] += 1
        limited = isinstance(error, lm15.RateLimitError)
        _log(call, "pause" if limited else "retry", reason_of(error), error, attempt, wait)

    def failed(self, call: Call, error: lm15.LM15Error, attempt: CallAttempt) -> None:
        """A call has failed for good."""
        _log(call, "failed", reason_of(error), error, attempt)

    def probed(self, call: Call, *, answered: bool) -> None:
        """An endpoint was asked whether it is there."""
        _log(call, "probe", "answered" if answered else "silent")

    def ended(self, call: Call, event: CallEventName, stop: StopRun, reason: str) -> None:
        """Nothing more is sent; logged once, however many calls are told."""
        key = (event, call.transport.identity if event != "budget" else "")
        if key not in self._ended:
            self._ended.add(key)
            _log(call, event, reason, stop)


def _log(
    call: Call,
    name: CallEventName,
    reason: str,
    error: BaseException | None = None,
    attempt: CallAttempt = _NEVER,
    wait: float = 0.0,
) -> None:
    if not LOGGER.isEnabledFor(_LEVELS[name]):
        return
    mask = getattr(call.transport, "mask", None) or Mask()
    told = excerpt(mask(first_line(error)), _LONGEST) if error is not None else ""
    model, host = excerpt(call.request.model, 100), excerpt(host_of(call.transport), 100)
    numbers = (attempt.number, round(attempt.seconds, 3), round(wait, 3))
    LOGGER.log(_LEVELS[name], CallEvent(name, call.role, model, host, reason, told, *numbers))


def host_of(transport: Transport) -> str:
    """The host, and port, of an endpoint; of a model without one what names it."""
    url = getattr(getattr(transport, "base", None), "url", None)
    named = str(url) if url is not None else transport.identity.partition("|")[0]
    return urlsplit(named).netloc.rpartition("@")[2] or named
