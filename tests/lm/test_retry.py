"""Which failures are tried again, for how long, and what ends the run."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from dspy import lm15
from dspy.clients.errors import error_boundary
from dspy.utils.exceptions import LMError
from hypothesis import given
from hypothesis import strategies as st

from asking import ask, ask_all, request
from autoevol import aio
from autoevol.errors import AccessDenied, EndpointDown, StopRun
from autoevol.lm.http import HTTPTransport
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import Breaker, RetryPolicy, reason_of
from autoevol.store.calls import CallRecord, CallStore
from autoevol.testing import ScriptedTransport
from servers import Answer, Endpoint, html, refuses, resets, says

FAST = RetryPolicy(attempts=3, base=0.0)
LATER = lm15.ServerError("later")


class Time:
    """Sleeps without waiting, and knows how long it would have been."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        end = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, end)


def timed(store: CallStore, retry: RetryPolicy, concurrency: int = 16) -> tuple[Recorder, Time]:
    time = Time()
    return Recorder(store, None, retry, concurrency, sleep=time.sleep, clock=time.clock), time


def limited(seconds: float | None = None) -> lm15.RateLimitError:
    return lm15.RateLimitError("slow down", status=429, retry_after=seconds)


# Against a real socket.


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (refuses(401, "Incorrect API key"), "m: Incorrect API key (HTTP 401) (check the API key)"),
        (refuses(402, "Pay first"), "m: Pay first (HTTP 402) (the account has no credit)"),
        (refuses(404, "No such model"), "m: No such model (HTTP 404) (check the model name and the URL)"),
        (refuses(429, "Quota\nexceeded", "insufficient_quota"), "m: Quota exceeded (HTTP 429)"),
    ],
)
def test_a_useless_key_account_or_model_stops_after_one_request_with_one_line(
    store: CallStore, answer: Answer, line: str
) -> None:
    with Endpoint([answer]) as endpoint:
        transport = HTTPTransport("m", base_url=endpoint.url)
        with pytest.raises(AccessDenied) as stopped:
            ask(Recorder(store), transport)
        aio.run(transport.aclose())
        assert len(endpoint.seen) == 1
    assert str(stopped.value) == line


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(refuses(500), id="500"),
        pytest.param(refuses(503), id="503"),
        pytest.param(refuses(408), id="408"),
        pytest.param(html(), id="200 with a page"),
        pytest.param(html(502), id="502 with a page"),
        pytest.param(resets(), id="reset"),
        pytest.param(resets(after=15), id="reset midway"),
        pytest.param(says("x").after(5.0), id="timeout"),
        pytest.param(Answer(b'{"id": "c", "choi'), id="truncated JSON"),
        pytest.param(Answer(b'{"id": "c", "choices": []}'), id="no choices"),
        pytest.param(Answer(b""), id="nothing"),
    ],
)
def test_a_transient_fault_is_tried_again_up_to_the_limit(store: CallStore, fault: Answer) -> None:
    with Endpoint([fault, fault, says("at last"), fault]) as endpoint:
        transport = HTTPTransport("m", base_url=endpoint.url, timeout=0.15)
        recorder = Recorder(store, retry=FAST)
        assert (record := ask(recorder, transport)).text == "at last"
        assert record.attempts == 3
        with pytest.raises(lm15.LM15Error):
            ask(recorder, transport, request("another"))
        aio.run(transport.aclose())
        assert len(endpoint.seen) == 3 + 3


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_bad_request_is_a_fault_of_its_row_only(store: CallStore, status: int) -> None:
    with Endpoint([refuses(status, "too long"), says("fine")]) as endpoint:
        transport = HTTPTransport("m", base_url=endpoint.url)
        recorder = Recorder(store, retry=FAST)
        with pytest.raises(lm15.InvalidRequestError, match="too long"):
            ask(recorder, transport)
        assert ask(recorder, transport, request("another")).text == "fine"
        aio.run(transport.aclose())
        assert len(endpoint.seen) == 2, "one request each"


@pytest.mark.parametrize("finish", ["content_filter", "length"])
def test_a_reply_cut_short_is_a_reply_and_not_asked_again(store: CallStore, finish: str) -> None:
    with Endpoint([says("half", finish)]) as endpoint:
        transport = HTTPTransport("m", base_url=endpoint.url)
        assert ask(Recorder(store, retry=FAST), transport).finish_reason == finish
        aio.run(transport.aclose())
        assert len(endpoint.seen) == 1


@pytest.mark.parametrize("headers", [{"Retry_After": "0.2"}, {"Retry_After_Ms": "200"}])
def test_a_429_is_waited_out_and_is_no_attempt(store: CallStore, headers: dict[str, str]) -> None:
    with Endpoint([refuses(429, **headers), says("fine")]) as endpoint:
        transport = HTTPTransport("m", base_url=endpoint.url)
        record = ask(Recorder(store, retry=RetryPolicy(attempts=1)), transport)
        aio.run(transport.aclose())
        first, second = endpoint.seen
    assert record.text == "fine"
    assert 0.19 <= second.at - first.at < 2.0


KEY = "sk-very-secret-0123456789"


def test_the_key_is_nowhere_on_disk_or_on_screen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = f"key {KEY} is bad"
    shown: list[str] = []
    with Endpoint([says("hello"), refuses(400, said), refuses(500, said), refuses(401, said)]) as endpoint:
        shared = CallStore(tmp_path / "calls.sqlite", power_safe=False)
        transport = HTTPTransport("m", base_url=endpoint.url, api_key=KEY)
        recorder = Recorder(shared, retry=RetryPolicy(attempts=1, base=0.0))
        for n in range(4):
            try:
                shown.append(repr(ask(recorder, transport, request(str(n)))))
            except (lm15.LM15Error, StopRun) as error:
                shown += [str(error), repr(error)]
        aio.run(transport.aclose())
        shared.close()
        assert all(seen.headers["Authorization"] == f"Bearer {KEY}" for seen in endpoint.seen)
    assert len(shown) == 7
    assert KEY not in f"{shown} {transport!r} {recorder!r} {caplog.text}"
    assert all(KEY.encode() not in file.read_bytes() for file in tmp_path.iterdir())


# By the clock, without waiting.


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

    aio.run(scene())
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


# The breaker, and calls that were waiting when the run ended.


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
    script: list[Exception | str] = [LATER, LATER, "fine", LATER, LATER, LATER, "fine", LATER]
    transport = ScriptedTransport(script)
    ends: list[str] = []
    for n in range(len(script)):
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
    transport = ScriptedTransport(["fine", LATER, LATER])
    ask(recorder, transport)
    with pytest.raises(lm15.ServerError):
        ask(recorder, transport, request("0"))
    ask(recorder, transport)
    with pytest.raises(EndpointDown):
        ask(recorder, transport, request("1"))


def test_calls_that_wait_when_access_is_denied_are_never_sent(store: CallStore) -> None:
    transport = ScriptedTransport(lambda _: lm15.AuthError("bad key", status=401), latency=0.01)
    recorder = Recorder(store, concurrency=4)
    results = ask_all(recorder, transport, [request(str(n)) for n in range(50)])
    assert {type(result) for result in results} == {AccessDenied}
    assert len(transport.requests) == 4
    with pytest.raises(AccessDenied, match="bad key"):
        ask(recorder, transport, request("later"))
    assert len(transport.requests) == 4


def test_a_denied_endpoint_still_answers_from_the_store_and_leaves_others_alone(store: CallStore) -> None:
    denied = ScriptedTransport(["kept", lm15.AuthError("bad key", status=401)], identity="denied")
    other = ScriptedTransport(["fine"], identity="other")
    recorder = Recorder(store)
    ask(recorder, denied)
    with pytest.raises(AccessDenied):
        ask(recorder, denied, request("new"))
    assert ask(recorder, denied).text == "kept"
    assert ask(recorder, other).text == "fine"


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


def test_a_breaker_says_what_the_last_error_said_on_one_line() -> None:
    breaker = Breaker(1)
    with pytest.raises(EndpointDown) as stopped:
        breaker.failed(limited(3.0), "openai/m")
    assert "\n" not in str(stopped.value)
    assert "slow down" in str(stopped.value)


def test_a_fault_never_makes_a_call_wait_for_ever(store: CallStore) -> None:
    transport = ScriptedTransport([lm15.ServerError("busy", status=503, retry_after=1e9), "fine"])
    recorder, time = timed(store, RetryPolicy(longest=300.0))
    ask(recorder, transport)
    assert time.slept == [300.0]


# The rate at which calls fail for good.


def breaks_at(breaker: Breaker, outcomes: str) -> int | None:
    """After how many outcomes (`.` a reply, `x` a failure, `f` filtered) the breaker opens."""
    filtered = lm15.InvalidRequestError("filtered", provider_code="content_filter")
    for number, outcome in enumerate(outcomes, 1):
        if outcome == ".":
            breaker.succeeded()
            continue
        try:
            breaker.failed(filtered if outcome == "f" else LATER, "m")
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
    assert breaks_at(Breaker(20), outcomes) == opens


def test_the_error_rate_is_named(store: CallStore) -> None:
    numbers = iter(range(1000))
    transport = ScriptedTransport(lambda _: "fine" if next(numbers) % 2 else LATER)
    recorder = Recorder(store, retry=RetryPolicy(attempts=1))
    for n in range(100):
        with suppress(lm15.ServerError):
            ask(recorder, transport, request(str(n)))
    with pytest.raises(EndpointDown, match="50 of the last 100 calls failed, the last with: later"):
        ask(recorder, transport, request("one more"))
    assert store.spent()["evol"].calls == 50, "and what was paid is kept"


# One word for why a call failed.


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (limited(1.0), "rate_limited"),
        (lm15.ServerError("x"), "server_error"),
        (lm15.ServerError("x", provider_code="unreadable_reply"), "unreadable_reply"),
        (lm15.TimeoutError("x"), "timeout"),
        (lm15.TransportError("x"), "unreachable"),
        (lm15.InvalidRequestError("x"), "bad_request"),
        (lm15.InvalidRequestError("x", provider_code="content_filter"), "content_filter"),
        (lm15.ContextLengthError("x"), "bad_request"),
        (lm15.UnsupportedFeatureError("x"), "bad_request"),
        (lm15.AuthError("x"), "access_denied"),
        (lm15.BillingError("x"), "no_credit"),
        (lm15.UnsupportedModelError("x"), "unknown_model"),
        (lm15.ConfigurationError("x"), "misconfigured"),
        (ValueError("x"), "unexpected"),
    ],
)
def test_the_reason_of_a_failure_is_one_word_also_after_dspy_has_wrapped_it(
    error: Exception, reason: str
) -> None:
    assert reason_of(error) == reason
    with pytest.raises(LMError) as wrapped, error_boundary("m", unexpected=True):
        raise error
    assert reason_of(wrapped.value) == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refuses(400, "no", "content_filter"), "content_filter"),
        (refuses(400), "bad_request"),
        (refuses(500), "server_error"),
        (html(), "unreadable_reply"),
        (resets(), "unreachable"),
        (says("x").after(5.0), "timeout"),
    ],
)
def test_the_reason_of_a_failure_over_the_wire(store: CallStore, answer: Answer, reason: str) -> None:
    with Endpoint([answer]) as endpoint:
        transport = HTTPTransport("m", base_url=endpoint.url, timeout=0.15)
        with pytest.raises(lm15.LM15Error) as failed:
            ask(Recorder(store, retry=RetryPolicy(attempts=1)), transport)
        aio.run(transport.aclose())
    assert reason_of(failed.value) == reason
