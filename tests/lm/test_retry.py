"""Which failures are tried again, and for how long, by a clock that does not wait."""

from __future__ import annotations

import pytest
from dspy import lm15
from hypothesis import given
from hypothesis import strategies as st

from asking import LATER, ask, ask_all, limited, request, timed
from autoevol.core import aio
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.store.calls import CallRecord, CallStore
from autoevol.testing import ScriptedTransport


def test_429s_do_not_count_as_attempts(store: CallStore) -> None:
    transport = ScriptedTransport([limited(3.0)] * 6 + [LATER] + [limited(3.0)] * 6 + ["fine"])
    recorder, time = timed(store, RetryPolicy(attempts=2))
    record = ask(recorder, transport)
    assert (record.text, record.attempts) == ("fine", 14)
    assert sum(time.slept) == pytest.approx(12 * 3.0, abs=1.3), "and the back-off of one fault"


def test_a_429_holds_back_every_call_to_its_endpoint_and_no_other(store: CallStore) -> None:
    sent: list[tuple[str, float]] = []
    recorder, time = timed(store, RetryPolicy(), concurrency=2)

    def noted(name: str, first: Exception | str) -> ScriptedTransport:
        answers: list[Exception | str] = [first]

        def serve(_: object) -> Exception | str:
            sent.append((name, time.now))
            return answers.pop() if answers else "fine"

        return ScriptedTransport(serve, identity=name)

    busy, free = noted("busy", limited(30.0)), noted("free", "fine")

    async def scene() -> None:
        asked = [recorder.complete(request(str(n)), busy, "evol") for n in range(10)]
        await aio.gather([*asked, *(recorder.complete(request(str(n)), free, "evol") for n in range(4))])

    aio.run_and_wait(scene())
    # One slot's worth of calls had been sent when the 429 came in.
    assert sum(at < 1030.0 for name, at in sent if name == "busy") <= 2
    assert sum(name == "busy" for name, _ in sent) == 11
    assert next(at for name, at in sent if name == "free") < 1030.0


def test_a_short_wait_does_not_cut_a_longer_one(store: CallStore) -> None:
    waits = {"a": 50.0, "b": 1.0}
    sent: list[tuple[str, float]] = []

    def serve(asked: lm15.Request) -> Exception | str:
        text = asked.messages[-1].text or ""
        sent.append((text, time.now))
        return limited(waits.pop(text)) if text in waits else "fine"

    recorder, time = timed(store, RetryPolicy())
    ask_all(recorder, ScriptedTransport(serve), [request("a"), request("b"), request("c")])
    assert all(at >= 1050.0 for text, at in sent[3:])


def test_patience_with_429s_has_an_end_and_fails_the_row_only(store: CallStore) -> None:
    transport = ScriptedTransport(lambda asked: "fine" if asked.messages[-1].text == "ok" else limited(20.0))
    recorder, time = timed(store, RetryPolicy(patience=100.0))
    with pytest.raises(lm15.RateLimitError):
        ask(recorder, transport)
    assert 1080.0 <= time.now <= 1100.0
    assert ask(recorder, transport, request("ok")).text == "fine"


@pytest.mark.parametrize("asked_for", [0.0, None, 1e9])
def test_patience_ends_whatever_the_server_asks_for(store: CallStore, asked_for: float | None) -> None:
    transport = ScriptedTransport(lambda _: limited(asked_for))
    recorder, time = timed(store, RetryPolicy(patience=100.0))
    with pytest.raises(lm15.RateLimitError):
        ask(recorder, transport)
    assert time.now <= 1100.0
    assert len(transport.requests) < 20, "and the server is not asked at full speed"


def test_a_5xx_waits_as_long_as_the_server_asks(store: CallStore) -> None:
    transport = ScriptedTransport([lm15.ServerError("busy", status=503, retry_after=42.0), "fine"])
    recorder, time = timed(store, RetryPolicy())
    ask(recorder, transport)
    assert time.slept == [42.0]


def test_back_off_doubles(store: CallStore) -> None:
    transport = ScriptedTransport([LATER] * 4 + ["fine"])
    recorder, time = timed(store, RetryPolicy(attempts=5, base=1.0))
    ask(recorder, transport)
    assert all(0.75 * 2**n <= slept <= 1.25 * 2**n for n, slept in enumerate(time.slept))
    assert len(time.slept) == 4


@given(fault=st.integers(1, 5000), base=st.floats(0, 10), ceiling=st.floats(0, 100))
def test_a_wait_is_never_over_the_ceiling(fault: int, base: float, ceiling: float) -> None:
    assert 0 <= RetryPolicy(base=base, ceiling=ceiling).wait(fault) <= ceiling


def test_failures_among_64_calls_at_once_hurt_nobody_else(store: CallStore) -> None:
    def serve(asked: lm15.Request) -> Exception | str:
        number = int(asked.messages[-1].text or 0)
        if number % 3 == 0:
            return lm15.InvalidRequestError("no")
        return LATER if number % 7 == 0 else f"reply {number}"

    recorder = Recorder(store, retry=RetryPolicy(attempts=2, base=0.0, breaker=1000), concurrency=64)
    results = ask_all(recorder, ScriptedTransport(serve, latency=0.002), [request(str(n)) for n in range(64)])
    for number, result in enumerate(results):
        if number % 3 == 0:
            assert isinstance(result, lm15.InvalidRequestError)
        elif number % 7 == 0:
            assert isinstance(result, lm15.ServerError)
        else:
            assert isinstance(result, CallRecord)
            assert result.text == f"reply {number}"


def test_a_fault_never_makes_a_call_wait_for_ever(store: CallStore) -> None:
    transport = ScriptedTransport([lm15.ServerError("busy", status=503, retry_after=1e9), "fine"])
    recorder, time = timed(store, RetryPolicy(longest=300.0))
    ask(recorder, transport)
    assert time.slept == [300.0]
