"""Logging of what happens to calls in flight, and counts of retries.

The logger is `autoevol.lm`. The message of each log record is a `CallEvent`, so a handler may use its fields
instead of the sentence; both are masked and safe to print to a terminal.
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
# A library should be silent unless logging is set up. Only for this logger: the progress of `autoevol`
# itself goes to standard error then (see `core.progress`).
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
    """Anything that happens to a call other than a reply.

    Attributes:
        event: `retry` (a fault, sent again), `pause` (429, waits), `failed` (given up on this call),
            `denied` (key, account or model refused), `probe` (asked whether it is alive), `down` (given up
            on the endpoint), `budget` (the next call would break a cap).
        role: Of the call.
        model: As requested.
        host: Of the endpoint, with its port.
        reason: A stable identifier (see `retry.reason_of`); for a probe `answered` or `silent`.
        error: The first line of the error, masked; '' for none.
        attempt: Requests sent for this call so far.
        seconds: Duration of the last of them.
        wait: Seconds until it is sent again; 0 if it is not.
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
    """One attempt at a call: its number, from 1, and its duration in seconds."""

    number: int = 0
    seconds: float = 0.0


_NEVER = CallAttempt()


class CallEvents:
    """Logs what happens to calls. Lives on the shared loop.

    Attributes:
        retries: Number of requests sent again, or about to be, by reason.
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
        """An endpoint was asked whether it is alive."""
        _log(call, "probe", "answered" if answered else "silent")

    def ended(self, call: Call, event: CallEventName, stop: StopRun, reason: str) -> None:
        """Nothing more is sent; logged once, however many calls are affected."""
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
    """Host and port of an endpoint; for a transport without a URL, its identity."""
    url = getattr(getattr(transport, "base", None), "url", None)
    named = str(url) if url is not None else transport.identity.partition("|")[0]
    return urlsplit(named).netloc.rpartition("@")[2] or named
