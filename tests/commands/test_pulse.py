"""A command says that it lives, and what it waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from autoevol.commands.pulse import Pulse, paid_line, wait_line
from autoevol.core import aio
from autoevol.lm.backoff import Waiting
from autoevol.lm.budget import Caps
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from autoevol.store.calls import Spent
from servers import Endpoint, refuses, says


class Ear:
    """Keeps what it hears until it has heard `wanted`."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self.heard: list[str] = []
        self.enough = threading.Event()

    def pulse(self, status: Callable[[], str]) -> None:
        self.heard.append(status())
        if self._wanted in self.heard[-1]:
            self.enough.set()


def test_calls_under_way_are_counted(tmp_path: Path) -> None:
    answered = threading.Event()
    with Endpoint([says("yes").once(answered.is_set)]) as endpoint, Session(tmp_path / "c.sqlite") as session:
        ear = Ear("1 calls under way, 0 calls paid, 0 tokens")
        session.attendants.callback(Pulse(session, ear, every=0.01).close)
        call = aio.submit(session.lm("m", api_base=endpoint.url).acall("Hello"))
        assert ear.enough.wait(60)
        answered.set()
        call.result(60)


def test_a_wait_for_429_is_told_with_its_end(tmp_path: Path) -> None:
    down = threading.Event()

    def serve(_: object) -> object:
        return says("yes") if down.is_set() else refuses(429, "slow", Retry_After="0.5")

    with Endpoint(serve) as endpoint, Session(tmp_path / "c.sqlite", retry=RetryPolicy(base=0.1)) as session:  # type: ignore[arg-type]
        ear = Ear("says 429")
        session.attendants.callback(Pulse(session, ear, every=0.01).close)
        call = aio.submit(session.lm("m", api_base=endpoint.url).acall("Hello"))
        assert ear.enough.wait(60)
        down.set()
        call.result(60)
        assert "1 call waits until " in ear.heard[-1] or "says 429" in "".join(ear.heard)
        assert endpoint.url in "".join(ear.heard)


def test_nothing_is_told_of_a_session_that_is_closed(tmp_path: Path) -> None:
    ear = Ear("0 calls under way")
    with Session(tmp_path / "c.sqlite") as session:
        session.attendants.callback(Pulse(session, ear, every=0.01).close)
        assert ear.enough.wait(60)
    heard = len(ear.heard)
    assert not any(thread.name == "autoevol-pulse" for thread in threading.enumerate())
    assert len(ear.heard) == heard


def test_the_end_of_a_wait_is_a_time_of_day() -> None:
    said = wait_line(Waiting("http://host/v1|m|", 12, 0.0))
    assert said.startswith("12 calls wait until ")
    assert said.endswith("because http://host/v1 says 429 (too many requests)")


def test_what_is_paid_stands_against_its_caps() -> None:
    paid = Spent(calls=1340, input_tokens=900, output_tokens=300, usd=0.416)
    assert paid_line(paid, Caps()) == "1,340 calls paid, 1,200 tokens, $0.42"
    capped = paid_line(paid, Caps(2000, 5000, 2))
    assert capped == "1,340 of 2,000 calls paid, 1,200 of 5,000 tokens, $0.42 of 2.00"
    assert paid_line(Spent(), Caps()) == "0 calls paid, 0 tokens", "no price, no money"
