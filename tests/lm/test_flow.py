"""Flow control in front of real sockets, and the order in which it lets calls through."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
from dspy import lm15

from asking import ask_all, request, texts, timed
from autoevol.core import aio
from autoevol.experiments.bench.server import Behaviour, counts, serving
from autoevol.lm.budget import Caps
from autoevol.lm.flow import Flow, Limits
from autoevol.lm.http import HTTPTransport
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.transport import Reply
from autoevol.store.calls import CallRecord, CallStore
from autoevol.testing import ScriptedTransport

ROWS = 1000


@pytest.mark.slow
@pytest.mark.parametrize("ceiling", [64, 256])
@pytest.mark.parametrize("wait", ["", "0.3"], ids=["429", "429 with Retry-After"])
def test_a_server_that_takes_20_at_once_answers_every_row_and_each_is_paid_once(
    store: CallStore, ceiling: int, wait: str
) -> None:
    with serving(Behaviour(latency=0.03, most=20, retry_after=wait, text="fine")) as url:
        transport = HTTPTransport("m", base_url=url)
        recorder = Recorder(store, retry=RetryPolicy(base=0.2), concurrency=ceiling)
        results = ask_all(recorder, transport, [request(f"row {n}") for n in range(ROWS)])
        aio.run_and_wait(transport.aclose())
        seen = counts(url)
    assert texts(results) == ["fine"] * ROWS
    # How many are refused depends on the machine as well: `make bench` prints it.
    assert seen.requests - seen.refused == store.spent()["evol"].calls == ROWS


def test_a_rate_limit_that_empties_is_waited_out_without_a_flood(store: CallStore) -> None:
    """60 requests, then 429 without a word for a second, and so on."""
    seen: list[float] = []
    recorder, clock = timed(store, RetryPolicy(base=0.2), concurrency=100)
    left, refilled = 60, clock.now

    def serve(asked: lm15.Request) -> str | Exception:
        nonlocal left, refilled
        seen.append(clock.now)
        if clock.now - refilled >= 1.0:
            left, refilled = 60, clock.now
        left -= 1
        return "fine" if left >= 0 else lm15.RateLimitError("slow down", status=429)

    results = ask_all(recorder, ScriptedTransport(serve), [request(str(n)) for n in range(200)])
    assert texts(results) == ["fine"] * 200
    assert len(seen) <= 200 + 150, "three times at most a window of refusals, and a few probes"


def test_a_rate_limit_that_comes_without_a_status_closes_the_endpoint_as_well(store: CallStore) -> None:
    """DSPy's own clients, and transports of users, may know how long to wait and no number."""
    recorder, clock = timed(store)
    transport = ScriptedTransport([lm15.RateLimitError("slow down", retry_after=30.0), "fine"])
    assert texts(ask_all(recorder, transport, [request()])) == ["fine"]
    assert clock.now >= 1030.0


def test_refusals_never_use_up_attempts_whatever_their_number(store: CallStore) -> None:
    refused: Counter[str] = Counter()

    def serve(asked: lm15.Request) -> str | Exception:
        text = asked.messages[-1].text or ""
        refused[text] += 1
        return "fine" if refused[text] > 4 else lm15.RateLimitError("slow down", status=429)

    recorder = Recorder(store, retry=RetryPolicy(attempts=1, base=0.01, ceiling=0.02), concurrency=8)
    results = ask_all(recorder, ScriptedTransport(serve), [request(str(n)) for n in range(20)])
    assert texts(results) == ["fine"] * 20
    assert {result.attempts for result in results if isinstance(result, CallRecord)} == {5}


def test_an_overloaded_server_is_sent_less(store: CallStore) -> None:
    served = 0

    def serve(asked: lm15.Request) -> str | Exception:
        nonlocal served
        served += 1
        return lm15.ServerError("overloaded", status=529) if served <= 40 else "fine"

    transport = ScriptedTransport(serve, latency=0.01)
    recorder = Recorder(store, retry=RetryPolicy(base=0.02, ceiling=0.05, attempts=20), concurrency=16)
    texts(ask_all(recorder, transport, [request(str(n)) for n in range(30)]))
    transport.most_under_way = 0
    texts(ask_all(recorder, transport, [request(f"later {n}") for n in range(6)]))
    assert transport.most_under_way < 6


def test_waiting_for_a_cap_and_for_a_place_do_not_block_each_other(store: CallStore) -> None:
    """A call holds its reservation while it waits for a closed endpoint."""
    refused = 0

    def serve(asked: lm15.Request) -> str | Exception:
        nonlocal refused
        refused += 1
        return lm15.RateLimitError("wait", status=429, retry_after=0.05) if refused % 3 == 0 else "fine"

    recorder = Recorder(store, Caps(calls=40), RetryPolicy(base=0.01), concurrency=4)
    results = ask_all(recorder, ScriptedTransport(serve, latency=0.001), [request(str(n)) for n in range(60)])
    assert sum(isinstance(result, CallRecord) for result in results) == 40


def test_calls_of_one_endpoint_are_let_through_in_the_order_of_their_coming() -> None:
    order: list[int] = []

    async def scene() -> None:
        flow = Flow(3)

        async def one(number: int) -> None:
            async with flow.turn("a", 0):
                order.append(number)
                await asyncio.sleep(0.001)

        await aio.gather(one(number) for number in range(30))

    asyncio.run(scene())
    assert order == list(range(30))


def test_a_closed_endpoint_takes_no_places_from_another() -> None:
    async def scene() -> None:
        flow = Flow(2)
        with pytest.raises(lm15.RateLimitError):
            async with flow.turn("closed", 0):
                raise lm15.RateLimitError("wait", status=429, retry_after=600.0)
        waiting = [asyncio.ensure_future(one(flow, "closed")) for _ in range(10)]
        await aio.gather(one(flow, "open") for _ in range(50))
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert flow._lanes["closed"].waiting == type(flow._lanes["closed"].waiting)()

    async def one(flow: Flow, endpoint: str) -> None:
        async with flow.turn(endpoint, 0):
            await asyncio.sleep(0.001)

    asyncio.run(scene())


def test_who_goes_away_gives_its_place_to_the_next() -> None:
    async def scene() -> None:
        flow = Flow(1)
        held = flow.turn("a", 0)
        await held.__aenter__()
        gone, next_one = (asyncio.ensure_future(flow.turn("a", 0).__aenter__()) for _ in range(2))
        await asyncio.sleep(0)
        await held.__aexit__(None, None, None)  # `gone` is let in
        gone.cancel()  # before it could run
        await asyncio.wait_for(next_one, 120)

    asyncio.run(scene())


def test_requests_per_minute_are_kept(store: CallStore) -> None:
    sent: list[float] = []

    def serve(asked: lm15.Request) -> str:
        sent.append(time.monotonic())
        return "fine"

    recorder = Recorder(store, concurrency=50, limits=Limits(rpm=3000))  # 50 a second
    texts(ask_all(recorder, ScriptedTransport(serve), [request(str(n)) for n in range(60)]))
    assert sent[-1] - sent[0] >= 0.95 * (60 - 1 - 6) / 50


def test_tokens_per_minute_are_kept_by_what_was_used(store: CallStore) -> None:
    transport = ScriptedTransport(lambda _: Reply("x", "stop", 50, 50))
    recorder, clock = timed(store, concurrency=50, limits=Limits(tpm=600_000))  # 100 calls a second
    started = clock.now
    texts(ask_all(recorder, transport, [request(str(n), max_tokens=1000) for n in range(40)]))
    took = clock.now - started
    assert took >= 0.2, "40 calls of 100 tokens, with a little credit"
    assert took < 3.0, "not 40 times the 1000 tokens that were feared"


@pytest.mark.parametrize("flag", [None, 30_000.0])
def test_a_provider_s_own_limits_are_kept_where_no_flag_says_otherwise(
    store: CallStore, flag: float | None
) -> None:
    sent: list[float] = []
    recorder, clock = timed(store, concurrency=5, limits=Limits(rpm=flag))

    def serve(asked: lm15.Request) -> Reply:
        sent.append(clock.now)
        return Reply("x", rpm=3000)  # 50 a second

    texts(ask_all(recorder, ScriptedTransport(serve), [request(str(n)) for n in range(60)]))
    slow = 0.95 * (60 - 1 - 12) / 50  # with a little credit, and what was under way before the first reply
    assert (sent[-1] - sent[0] >= slow) is (flag is None)


def test_a_provider_s_own_limit_on_tokens_is_kept(store: CallStore) -> None:
    reply = Reply("x", "stop", 50, 50, tpm=600_000)  # 100 calls a second
    recorder, started = Recorder(store, concurrency=2), time.monotonic()
    texts(ask_all(recorder, ScriptedTransport(lambda _: reply), [request(str(n)) for n in range(60)]))
    assert time.monotonic() - started >= 0.4


def test_a_provider_that_says_its_limit_is_used_up_is_left_alone_until_it_resets(store: CallStore) -> None:
    sent: list[float] = []
    recorder, clock = timed(store, concurrency=1)

    def serve(asked: lm15.Request) -> Reply:
        sent.append(clock.now)
        return Reply("x", reset=0.3 if len(sent) == 1 else None)

    texts(ask_all(recorder, ScriptedTransport(serve), [request(str(n)) for n in range(3)]))
    assert sent[1] - sent[0] >= 0.29
    assert sent[2] - sent[1] < 0.29


def test_the_seconds_of_a_call_do_not_count_its_waiting(store: CallStore) -> None:
    recorder, started = Recorder(store, concurrency=1), time.monotonic()
    results = ask_all(
        recorder, ScriptedTransport(lambda _: "x", latency=0.05), [request(str(n)) for n in range(8)]
    )
    took = time.monotonic() - started
    seconds = [result.seconds for result in results if isinstance(result, CallRecord)]
    assert len(seconds) == 8
    assert 8 * 0.05 <= sum(seconds) <= took, "one after the other; with their waits they would overlap"
