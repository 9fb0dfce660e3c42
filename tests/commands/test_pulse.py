"""A command says that it lives, and what it waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from autoevol.commands.pulse import Pulse
from autoevol.core import aio
from autoevol.core.status import CallStatus
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from servers import Endpoint, refuses, says


class Ear:
    """Keeps what it hears until it has heard what it waits for."""

    def __init__(self, wanted: Callable[[CallStatus], bool]) -> None:
        self._wanted = wanted
        self.heard: list[CallStatus] = []
        self.enough = threading.Event()

    def pulse(self, status: Callable[[], CallStatus]) -> None:
        self.heard.append(status())
        if self._wanted(self.heard[-1]):
            self.enough.set()


def test_requests_in_flight_are_counted(tmp_path: Path) -> None:
    answered = threading.Event()
    with Endpoint([says("yes").once(answered.is_set)]) as endpoint, Session(tmp_path / "c.sqlite") as session:
        ear = Ear(lambda status: (status.in_flight, status.calls, status.window) == (1, 0, 16))
        session.attendants.callback(Pulse(session, ear, every=0.01).close)
        call = aio.submit(session.lm("m", api_base=endpoint.url).acall("Hello"))
        assert ear.enough.wait(60)
        answered.set()
        call.result(60)
        assert (session.status().calls, session.status().in_flight) == (1, 0)


def test_what_waits_for_a_place_is_counted_apart(tmp_path: Path) -> None:
    answered = threading.Event()
    with (
        Endpoint([says("yes").once(answered.is_set)]) as endpoint,
        Session(tmp_path / "c.sqlite", concurrency=1) as session,
    ):
        ear = Ear(lambda status: (status.in_flight, status.queued, status.window) == (1, 2, 1))
        session.attendants.callback(Pulse(session, ear, every=0.01).close)
        lm = session.lm("m", api_base=endpoint.url)
        calls = [aio.submit(lm.acall(f"Hello {n}")) for n in range(3)]
        assert ear.enough.wait(60)
        answered.set()
        for call in calls:
            call.result(60)


def test_a_wait_for_429_is_told_with_its_end(tmp_path: Path) -> None:
    down = threading.Event()

    def serve(_: object) -> object:
        return says("yes") if down.is_set() else refuses(429, "slow", Retry_After="0.5")

    with Endpoint(serve) as endpoint, Session(tmp_path / "c.sqlite", retry=RetryPolicy(base=0.1)) as session:  # type: ignore[arg-type]
        ear = Ear(lambda status: bool(status.pauses))
        session.attendants.callback(Pulse(session, ear, every=0.01).close)
        call = aio.submit(session.lm("m", api_base=endpoint.url).acall("Hello"))
        assert ear.enough.wait(60)
        down.set()
        call.result(60)
        (pause,) = next(status.pauses for status in ear.heard if status.pauses)
        assert (pause.endpoint, pause.calls) == (endpoint.url, 1)
        assert session.status().retries["rate_limited"] >= 1


def test_nothing_is_told_of_a_session_that_is_closed(tmp_path: Path) -> None:
    ear = Ear(lambda status: status.in_flight == 0)
    with Session(tmp_path / "c.sqlite") as session:
        session.attendants.callback(Pulse(session, ear, every=0.01).close)
        assert ear.enough.wait(60)
    heard = len(ear.heard)
    assert not any(thread.name == "autoevol-pulse" for thread in threading.enumerate())
    assert len(ear.heard) == heard
