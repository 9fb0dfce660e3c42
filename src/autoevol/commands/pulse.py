"""A sign of life: while a session is open, its listener is told every second how the calls stand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from autoevol.core import aio
from autoevol.lm.backoff import Waiting
from autoevol.lm.budget import Caps
from autoevol.lm.session import Session
from autoevol.store.calls import Spent


class Alive(Protocol):
    """The part of a `Listener` that is told of time passing."""

    def pulse(self, status: Callable[[], str]) -> None:
        """A second has passed; `status` says how the calls stand, and is cheap to leave alone."""
        ...


class Pulse:
    """Tells a listener of every second until it is closed. Whether a line is due is the listener's to say.

    Args:
        session: Whose calls are told of.
        listener: Is told, from a thread of its own.
        every: Seconds in between.
    """

    def __init__(self, session: Session, listener: Alive, every: float = 1.0) -> None:
        self._session = session
        self._listener = listener
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="autoevol-pulse", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Tell nothing any more."""
        self._over.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self._listener.pulse(self._status)

    def _status(self) -> str:
        return aio.run_and_wait(_status(self._session))  # what is counted changes on that loop only


async def _status(session: Session) -> str:
    waits = [wait_line(waiting) for waiting in session.waits()]
    paid = sum((line.paid for line in session.ledger()), Spent())
    return "; ".join([*waits, f"{session.under_way} calls under way, {paid_line(paid, session.caps)}"])


def paid_line(paid: Spent, caps: Caps) -> str:
    """`340 of 2,000 calls paid, 1,204,000 tokens, $0.42 of 2.00`; money where there is a price or a cap."""
    told = [f"{_against(paid.calls, caps.calls, ',')} calls paid"]
    told.append(f"{_against(paid.tokens, caps.tokens, ',')} tokens")
    if paid.usd or caps.usd is not None:
        told.append(f"${_against(paid.usd, caps.usd, ',.2f')}")
    return ", ".join(told)


def _against(used: float, cap: float | None, form: str) -> str:
    return f"{used:{form}}" if cap is None else f"{used:{form}} of {cap:{form}}"


def wait_line(waiting: Waiting) -> str:
    """`12 calls wait until 14:03:20, because http://... says 429`."""
    many = "1 call waits" if waiting.calls == 1 else f"{waiting.calls} calls wait"
    until = time.strftime("%H:%M:%S", time.localtime(waiting.until))
    return f"{many} until {until}, because {waiting.endpoint.partition('|')[0]} says 429 (too many requests)"
