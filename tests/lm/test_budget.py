"""Caps are hard: whatever the order, the latency and the failures, they hold to the call."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from dspy import lm15
from dspy.lm15 import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from asking import ask, ask_all, request
from autoevol.core import aio
from autoevol.core.errors import BudgetReached
from autoevol.lm.budget import Budget, Caps, Price
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.transport import Reply
from autoevol.store.calls import CallRecord, CallStore, Spent
from autoevol.testing import ScriptedTransport

PRICE = Price(input=100.0, output=300.0)


class Unreliable:
    """A server whose n-th request has the n-th latency, length and fate."""

    identity = "unreliable"
    seeded = False

    def __init__(self, fates: list[tuple[int, int, bool]]) -> None:
        self.fates = fates
        self.sent = count()
        self.paid = Spent()

    async def send(self, request: Request) -> Reply:
        latency, length, fails = self.fates[next(self.sent) % len(self.fates)]
        for _ in range(latency):
            await asyncio.sleep(0)
        if fails:
            raise lm15.InvalidRequestError("no")
        tokens_in = sum(len(message.text or "") for message in request.messages) // 4
        tokens_out = min(length, request.config.max_tokens or length)
        self.paid += Spent(1, tokens_in, tokens_out, PRICE.of(tokens_in, tokens_out))
        return Reply("x", "stop", tokens_in, tokens_out)

    async def aclose(self) -> None:
        """Nothing to release."""


@settings(max_examples=40, deadline=None)
@given(
    caps=st.builds(
        Caps,
        calls=st.none() | st.integers(0, 30),
        tokens=st.none() | st.integers(0, 3000),
        usd=st.none() | st.floats(0.0, 1.0),
    ),
    fates=st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 80), st.sampled_from([False, False, True])),
        min_size=1,
        max_size=10,
    ),
    calls=st.integers(1, 64),
)
def test_no_cap_is_ever_broken_with_64_calls_at_once(
    caps: Caps,
    fates: list[tuple[int, int, bool]],
    calls: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    shared = CallStore(tmp_path_factory.mktemp("caps") / "calls.sqlite", power_safe=False)
    server = Unreliable(fates)
    recorder = Recorder(shared, caps, RetryPolicy(base=0.0, breaker=1000), concurrency=64)
    asked = [request(f"{n} " + "word " * (n % 7), max_tokens=50) for n in range(calls)]
    results = ask_all(recorder, server, asked, price=PRICE)
    assert caps.calls is None or server.paid.calls <= caps.calls
    assert caps.tokens is None or server.paid.tokens <= caps.tokens
    assert caps.usd is None or server.paid.usd <= caps.usd + 1e-9
    kept = sum(isinstance(result, CallRecord) for result in results)
    assert kept == server.paid.calls == shared.spent().get("evol", Spent()).calls
    stopped = [result for result in results if isinstance(result, BudgetReached)]
    if not stopped and caps.calls is not None:
        assert kept <= caps.calls
    if stopped and (caps.tokens, caps.usd) == (None, None):
        assert kept == caps.calls, "the cap on calls is used up to the last one"
    shared.close()


def test_a_cap_on_calls_is_used_up_exactly(store: CallStore) -> None:
    transport = ScriptedTransport(lambda _: "x", latency=0.01)
    recorder = Recorder(store, Caps(calls=10), concurrency=64)
    results = ask_all(recorder, transport, [request(str(n)) for n in range(64)])
    assert sum(isinstance(result, CallRecord) for result in results) == len(transport.requests) == 10
    assert {type(r) for r in results if not isinstance(r, CallRecord)} == {BudgetReached}


def test_the_next_call_waits_for_one_under_way_that_may_free_its_budget(store: CallStore) -> None:
    transport = ScriptedTransport([lm15.InvalidRequestError("no"), "fine"], latency=0.05)
    recorder = Recorder(store, Caps(calls=1))
    first, second = ask_all(recorder, transport, [request("a"), request("b")])
    assert isinstance(first, lm15.InvalidRequestError)
    assert isinstance(second, CallRecord)
    assert transport.most_under_way == 1


def test_replies_shorter_than_feared_make_room_for_more(store: CallStore) -> None:
    transport = ScriptedTransport(lambda _: Reply("x", "stop", 1, 1), latency=0.005)
    recorder = Recorder(store, Caps(tokens=1100))
    results = ask_all(recorder, transport, [request(str(n), max_tokens=1000) for n in range(20)])
    assert all(isinstance(result, CallRecord) for result in results)


def test_a_reply_that_costs_more_than_feared_is_the_last(store: CallStore) -> None:
    transport = ScriptedTransport(lambda _: Reply("x", "stop", 500, 600))
    recorder = Recorder(store, Caps(tokens=1000))
    ask(recorder, transport)
    with pytest.raises(BudgetReached, match="1100 of 1000 tokens used"):
        ask(recorder, transport, request("another"))
    assert len(transport.requests) == 1


def test_answers_from_the_store_are_free(store: CallStore) -> None:
    transport = ScriptedTransport(["x"])
    ask(Recorder(store, Caps(calls=1)), transport)
    spent_up = Recorder(store, Caps(calls=1))
    assert ask(spent_up, transport).text == "x"


def test_a_cap_survives_a_resume(store: CallStore) -> None:
    transport = ScriptedTransport(lambda _: "x")
    first = Recorder(store, Caps(calls=3))
    for n in range(2):
        ask(first, transport, request(str(n)))
    resumed = Recorder(store, Caps(calls=3))
    ask(resumed, transport, request("2"))
    with pytest.raises(BudgetReached, match="3 of 3 calls paid"):
        ask(resumed, transport, request("3"))
    assert ask(Recorder(store, Caps(calls=4)), transport, request("3")).text == "x", "a higher cap goes on"


@pytest.mark.parametrize(
    ("caps", "line"),
    [
        (Caps(calls=0), "0 of 0 calls paid"),
        (Caps(tokens=10), "0 of 10 tokens used, and the next call may take"),
        (Caps(usd=0.0), r"\$0.0000 of \$0.0000 spent"),
    ],
)
def test_the_message_names_the_cap(store: CallStore, caps: Caps, line: str) -> None:
    transport = ScriptedTransport([])
    with pytest.raises(BudgetReached, match=line):
        ask(Recorder(store, caps), transport, request(max_tokens=5), price=PRICE)


def test_attempts_of_one_call_are_one_call_of_the_budget(store: CallStore) -> None:
    transport = ScriptedTransport([lm15.ServerError("later"), lm15.ServerError("later"), "x"])
    recorder = Recorder(store, Caps(calls=1), RetryPolicy(base=0.0))
    assert ask(recorder, transport).attempts == 3


def test_a_cancelled_reservation_is_given_back() -> None:
    async def scene() -> None:
        budget = Budget(Caps(calls=1))
        await budget.reserve(Spent(1))
        waiting = asyncio.ensure_future(budget.reserve(Spent(1)))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await budget.settle(Spent(1), Spent())
        await asyncio.wait_for(budget.reserve(Spent(1)), 120)

    aio.run_and_wait(scene())
