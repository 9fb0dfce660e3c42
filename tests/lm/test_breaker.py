"""What ends the run: an endpoint that is gone, and one that denies access."""

from __future__ import annotations

from contextlib import suppress

import pytest
from dspy import lm15

from asking import LATER, ask, ask_all, limited, request
from autoevol.core.errors import AccessDenied, EndpointDown
from autoevol.lm.breaker import Breaker
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.sending import PROBE
from autoevol.lm.transport import FILTERED
from autoevol.store.calls import CallStore, Spent
from autoevol.testing import ScriptedTransport


def test_the_breaker_opens_after_its_number_of_final_failures_in_a_row(store: CallStore) -> None:
    transport = ScriptedTransport(lambda _: LATER)
    recorder = Recorder(store, retry=RetryPolicy(attempts=2, base=0.0, breaker=3))
    for n in range(2):
        with pytest.raises(lm15.ServerError):
            ask(recorder, transport, request(str(n)))
    with pytest.raises(EndpointDown, match="the last 3 calls all failed, the last with: later"):
        ask(recorder, transport, request("2"))
    assert len(transport.requests) == 6
    with pytest.raises(EndpointDown):
        ask(recorder, transport, request("3"))
    assert len(transport.requests) == 7, "an open breaker does not retry"


def test_one_success_closes_the_breaker(store: CallStore) -> None:
    recorder = Recorder(store, retry=RetryPolicy(attempts=1, breaker=3))
    # The seventh answers whether the endpoint is still there.
    script: list[Exception | str] = [LATER, LATER, "fine", LATER, LATER, LATER, LATER, "fine", LATER]
    transport = ScriptedTransport(script)
    ends: list[str] = []
    for n in range(len(script) - 1):
        try:
            ends.append(ask(recorder, transport, request(str(n))).text)
        except (lm15.ServerError, EndpointDown) as error:
            ends.append(type(error).__name__)
    twice = ["ServerError", "ServerError"]
    assert ends == [*twice, "fine", *twice, "EndpointDown", "fine", "ServerError"]


def test_each_endpoint_has_a_breaker_of_its_own(store: CallStore) -> None:
    recorder = Recorder(store, retry=RetryPolicy(attempts=1, breaker=2))
    down = ScriptedTransport(lambda _: LATER, identity="down")
    up = ScriptedTransport(lambda _: "fine", identity="up")
    with pytest.raises(lm15.ServerError):
        ask(recorder, down, request("0"))
    ask(recorder, up)
    with pytest.raises(EndpointDown):
        ask(recorder, down, request("1"))


def test_an_answer_from_the_store_does_not_close_the_breaker(store: CallStore) -> None:
    recorder = Recorder(store, retry=RetryPolicy(attempts=1, breaker=2))
    transport = ScriptedTransport(["fine", LATER, LATER, LATER])
    ask(recorder, transport)
    with pytest.raises(lm15.ServerError):
        ask(recorder, transport, request("0"))
    ask(recorder, transport)
    with pytest.raises(EndpointDown):
        ask(recorder, transport, request("1"))


def test_calls_that_wait_when_access_is_denied_are_never_sent(store: CallStore) -> None:
    def serve(asked: lm15.Request) -> str | Exception:
        first = asked.messages[-1].text == "first"
        return "fine" if first else lm15.AuthError("bad key", status=401)

    transport = ScriptedTransport(serve, latency=0.01)
    recorder = Recorder(store, concurrency=4)
    ask(recorder, transport, request("first"))
    results = ask_all(recorder, transport, [request(str(n)) for n in range(50)])
    assert {type(result) for result in results} == {AccessDenied}
    assert len(transport.requests) == 1 + 4
    with pytest.raises(AccessDenied, match="bad key"):
        ask(recorder, transport, request("later"))
    assert len(transport.requests) == 1 + 4


def test_a_wrong_key_is_told_after_one_call(store: CallStore) -> None:
    transport = ScriptedTransport(lambda _: lm15.AuthError("bad key", status=401), latency=0.01)
    results = ask_all(Recorder(store, concurrency=16), transport, [request(str(n)) for n in range(50)])
    assert {type(result) for result in results} == {AccessDenied}
    assert len(transport.requests) == 1


def test_an_endpoint_that_refuses_the_first_three_requests_is_told_what_it_says(store: CallStore) -> None:
    transport = ScriptedTransport(lambda _: lm15.InvalidRequestError("no such template", status=400))
    results = ask_all(Recorder(store, concurrency=16), transport, [request(str(n)) for n in range(50)])
    assert {type(result) for result in results[2:]} == {EndpointDown}
    assert type(results[0]) is type(results[1]) is lm15.InvalidRequestError
    assert "the first 3 calls were all refused, the last with: no such template" in str(results[2])


def test_a_filter_says_nothing_of_the_endpoint(store: CallStore) -> None:
    filtered = lm15.InvalidRequestError("filtered", status=400, provider_code=FILTERED)
    transport = ScriptedTransport(lambda _: filtered)
    results = ask_all(Recorder(store), transport, [request(str(n)) for n in range(30)])
    assert {type(result) for result in results} == {lm15.InvalidRequestError}


def test_a_denied_endpoint_still_answers_from_the_store_and_leaves_others_alone(store: CallStore) -> None:
    denied = ScriptedTransport(["kept", lm15.AuthError("bad key", status=401)], identity="denied")
    other = ScriptedTransport(["fine"], identity="other")
    recorder = Recorder(store)
    ask(recorder, denied)
    with pytest.raises(AccessDenied):
        ask(recorder, denied, request("new"))
    assert ask(recorder, denied).text == "kept"
    assert ask(recorder, other).text == "fine"


def test_a_breaker_says_what_the_last_error_said_on_one_line() -> None:
    breaker = Breaker(RetryPolicy(breaker=1))
    with pytest.raises(EndpointDown) as stopped:
        breaker.failed(breaker.begin(), limited(3.0), "openai/m")
    assert "\n" not in str(stopped.value)
    assert "slow down" in str(stopped.value)


def is_probe(asked: lm15.Request) -> bool:
    return asked.messages[-1].text == PROBE


@pytest.mark.parametrize("resumed", [False, True])
def test_rows_that_always_fail_do_not_end_a_run_whose_endpoint_answers(
    resumed: bool, store: CallStore
) -> None:
    """All that is left at the end, and in a resume, is rows that meet a 500 for ever."""

    def serve(asked: lm15.Request) -> str | Exception:
        return LATER if (asked.messages[-1].text or "").isdecimal() else "fine"

    transport = ScriptedTransport(serve)
    recorder = Recorder(store, retry=RetryPolicy(attempts=1))
    ask(recorder, transport, request("a task"))
    if resumed:
        recorder = Recorder(store, retry=RetryPolicy(attempts=1))
    results = [result for n in range(60) for result in ask_all(recorder, transport, [request(str(n))])]
    assert {type(result) for result in results} == {lm15.ServerError}
    probes = sum(map(is_probe, transport.requests))
    assert probes == 3
    store.book("evol", Spent()).result(10)  # all that was booked before is on disk now
    assert sum(spent.calls for spent in store.spent().values()) == 1 + probes, "they are in the ledger"


def test_an_endpoint_that_is_gone_is_asked_once_whether_it_is(store: CallStore) -> None:
    transport = ScriptedTransport(lambda asked: "fine" if asked.messages[-1].text == "a task" else LATER)
    recorder = Recorder(store, retry=RetryPolicy(attempts=1), concurrency=16)
    ask(recorder, transport, request("a task"))
    results = ask_all(recorder, transport, [request(str(n)) for n in range(40)])
    assert sum(isinstance(result, EndpointDown) for result in results) == 21
    assert sum(map(is_probe, transport.requests)) == 1


def breaks_at(breaker: Breaker, outcomes: str) -> int | None:
    """After how many outcomes (`.` a reply, `x` a failure, `f` filtered) the breaker opens."""
    breaker.succeeded()  # proven: an endpoint that has never replied is given up sooner
    filtered = lm15.InvalidRequestError("filtered", provider_code="content_filter")
    for number, outcome in enumerate(outcomes, 1):
        call = breaker.begin()
        if outcome == ".":
            breaker.succeeded()
            continue
        try:
            breaker.failed(call, filtered if outcome == "f" else LATER, "m")
        except EndpointDown:
            return number
    return None


@pytest.mark.parametrize(
    ("outcomes", "opens"),
    [
        ("x." * 200, 101),
        ("." * 1000 + "x." * 100, 1099),
        ("x.." * 200, None),
        ("x" * 19 + "." * 81 + "x" * 19, None),
        ("x" * 20, 20),
        ("f" * 500, None),
        ("xf" * 200, 101),
    ],
)
def test_a_breaker_opens_when_half_of_the_last_hundred_calls_failed(outcomes: str, opens: int | None) -> None:
    assert breaks_at(Breaker(RetryPolicy()), outcomes) == opens


def test_the_error_rate_is_named(store: CallStore) -> None:
    numbers = iter(range(1000))
    transport = ScriptedTransport(
        lambda asked: LATER if is_probe(asked) or next(numbers) % 2 == 0 else "fine"
    )
    recorder = Recorder(store, retry=RetryPolicy(attempts=1))
    for n in range(100):
        with suppress(lm15.ServerError):
            ask(recorder, transport, request(str(n)))
    with pytest.raises(EndpointDown, match="50 of 100 calls failed, the last with: later"):
        ask(recorder, transport, request("one more"))
    assert store.spent()["evol"].calls == 50, "and what was paid is kept"
