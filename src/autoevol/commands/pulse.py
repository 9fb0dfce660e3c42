"""A heartbeat: while a session is open, its listener gets the status of the calls every second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from autoevol.core.status import CallStatus
from autoevol.lm.session import Session


class Alive(Protocol):
    """The part of a `Listener` that receives the heartbeat."""

    def pulse(self, status: Callable[[], CallStatus]) -> None:
        """A second has passed; `status` computes the status of the calls, and need not be called."""
        ...


class Pulse:
    """Calls a listener every second until it is closed; the listener decides whether a line is due.

    Args:
        session: The session whose status is passed.
        listener: Called from a separate thread.
        every: Seconds between calls.
    """

    def __init__(self, session: Session, listener: Alive, every: float = 1.0) -> None:
        self._session = session
        self._listener = listener
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="autoevol-pulse", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._over.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self._listener.pulse(self._session.status)
