"""What watchers of a session are told, and what they make of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from asking import ask, ask_all, request
from autoevol.core.errors import BudgetReached
from autoevol.lm.budget import Caps, Price
from autoevol.lm.meter import DistinctCalls, Use, Uses, metered_as
from autoevol.lm.session import Session
from autoevol.store.calls import CallStore
from autoevol.testing import ScriptedTransport


def test_a_call_is_watched_whether_it_is_paid_or_known(store: CallStore) -> None:
    session, transport = Session(store), ScriptedTransport(lambda _: "fine")
    first, again, uses = DistinctCalls(), DistinctCalls(), Uses()
    with session.watched(first), session.watched(uses):
        ask_all(session.recorder, transport, [request("a"), request("a"), request("b")])
    ask(session.recorder, transport, request("c"))
    with session.watched(again):
        ask(session.recorder, transport, request("a"))
        ask(session.recorder, transport, request("a", temperature=1.0))
    assert (len(first), len(uses), len(again)) == (2, 3, 2)
    assert len(transport.requests) == 4


def test_uses_are_booked_under_the_unit_at_the_price_of_the_day(store: CallStore) -> None:
    session, transport, uses = Session(store), ScriptedTransport(lambda _: "fine"), Uses()
    with session.watched(uses):
        with metered_as("row-1"):
            paid = ask(session.recorder, transport)
        ask(session.recorder, transport, role="judge", price=Price(2e6, 3e6))
    free, priced = uses
    assert free == Use("row-1", "evol", paid.input_tokens, paid.output_tokens, None, paid.seconds)
    assert (priced.unit, priced.role) == ("", "judge")
    assert priced.usd == pytest.approx(2 * paid.input_tokens + 3 * paid.output_tokens)


def test_refused_requests_are_counted_and_not_watched(tmp_path: Path) -> None:
    transport, seen = ScriptedTransport(lambda _: "fine"), DistinctCalls()
    with Session(tmp_path / "calls.sqlite", caps=Caps(calls=1)) as session, session.watched(seen):
        ask(session.recorder, transport, request("a"))
        for text in ("b", "c"):
            with pytest.raises(BudgetReached):
                ask(session.recorder, transport, request(text))
        assert (len(seen), session.recorder.refused) == (1, 2)
