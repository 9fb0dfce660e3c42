"""A sign of life: while a session is open, its listener is told every second how the calls stand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from autoevol.core.status import CallStatus
from autoevol.lm.session import Session


class Alive(Protocol):
    """The part of a `Listener` that is told of time passing."""

    def pulse(self, status: Callable[[], CallStatus]) -> None:
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
            self._listener.pulse(self._session.status)
