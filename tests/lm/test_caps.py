"""Caps hold whatever the server reports: at most what the calls under way had set aside goes beyond."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from dspy.lm15 import Request

from asking import ask_all, request
from autoevol.core.errors import BudgetReached
from autoevol.lm.budget import Caps, Price
from autoevol.lm.forecast import TokenForecast
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.transport import BrokenReply, Reply
from autoevol.lm.usage import estimate_tokens, with_usage
from autoevol.store.calls import CallRecord, CallStore, Spent
from autoevol.testing import ScriptedTransport

PRICE = Price(input=100.0, output=300.0)
LIMIT = 100
TEXT = "word " * 50
PROMPT = "Rewrite this instruction, please. " * 4


def server(kind: str) -> ScriptedTransport:
    """Replies of about 85 tokens: reported truly or not at all, beyond the limit, every second broken."""
    numbers = count()

    def serve(_: Request) -> Reply | Exception:
        if kind == "truly":
            return Reply(TEXT, "stop", 60, 85)
        if kind == "hidden reasoning":
            return Reply(TEXT, "stop", 60, 20 * LIMIT, reasoning_tokens=19 * LIMIT)
        if kind == "every second broken" and next(numbers) % 2:
            return BrokenReply("unreadable", Reply(TEXT, "error"))
        return Reply(TEXT)

    return ScriptedTransport(serve, latency=0.002)


def spend(store: CallStore, caps: Caps, kind: str, concurrency: int) -> tuple[Spent, ScriptedTransport]:
    transport = server(kind)
    policy = RetryPolicy(base=0.0, breaker=1000, breaker_unproven=1000)
    recorder = Recorder(store, caps, policy, concurrency)
    asked = [request(f"{PROMPT} {n}", max_tokens=LIMIT) for n in range(200)]
    results = ask_all(recorder, transport, asked, price=PRICE)
    assert any(isinstance(result, BudgetReached) for result in results), "the cap was never reached"
    assert any(isinstance(result, CallRecord) for result in results), "and something was done before"
    (line,) = recorder.ledger()
    store.book("evol", Spent()).result(10)  # all that was booked before is on disk now
    on_disk = store.spent()["evol"]
    assert on_disk.usd == pytest.approx(line.paid.usd)
    assert replace(on_disk, usd=line.paid.usd) == line.paid, "what is capped is what is booked"
    return line.paid, transport


KINDS = ["truly", "nothing", "hidden reasoning", "every second broken"]
everywhere = pytest.mark.parametrize("concurrency", [1, 16, 64])
whatever = pytest.mark.parametrize("kind", KINDS)


@everywhere
@whatever
def test_calls(store: CallStore, kind: str, concurrency: int) -> None:
    paid, transport = spend(store, Caps(calls=60), kind, concurrency)
    assert paid.calls == len(transport.requests) == 60


@everywhere
@whatever
def test_tokens(store: CallStore, kind: str, concurrency: int) -> None:
    cap = 20_000
    paid, _ = spend(store, Caps(tokens=cap), kind, concurrency)
    reserved = 2 * estimate_tokens(PROMPT) + LIMIT
    once = 20 * LIMIT if kind == "hidden reasoning" else 0
    assert cap * 0.75 - once <= paid.tokens <= cap + once
    assert paid.tokens <= cap + concurrency * reserved + once
    assert paid.estimated == (0 if kind in ("truly", "hidden reasoning") else paid.calls)


@everywhere
@whatever
def test_money(store: CallStore, kind: str, concurrency: int) -> None:
    cap = 4.0
    paid, _ = spend(store, Caps(usd=cap), kind, concurrency)
    assert cap * 0.6 <= paid.usd <= cap


def test_the_first_call_goes_alone_where_tokens_are_capped(store: CallStore) -> None:
    """Or as many as may be under way would be paid before anybody knows what a reply costs."""
    transport = server("hidden reasoning")
    recorder = Recorder(store, Caps(tokens=5_000), concurrency=64)
    ask_all(recorder, transport, [request(str(n), max_tokens=LIMIT) for n in range(64)])
    assert recorder.ledger()[0].paid.tokens <= 5_000
    assert transport.most_under_way <= 2


def test_all_others_go_at_once_when_the_first_has_come(store: CallStore) -> None:
    transport = server("truly")
    recorder = Recorder(store, Caps(tokens=100_000), concurrency=16)
    ask_all(recorder, transport, [request(str(n), max_tokens=LIMIT) for n in range(64)])
    assert transport.most_under_way > 8


def test_without_a_limit_the_longest_reply_so_far_is_expected() -> None:
    forecast = TokenForecast()
    assert forecast.expect("x" * 30, None) == (10, 0)
    forecast.learn("x" * 30, None, Reply("", "stop", 10, 700))
    forecast.learn("x" * 30, None, Reply("", "stop", 10, 300))
    assert forecast.expect("x" * 30, None) == (10, 700)


def test_a_template_that_makes_prompts_longer_is_expected_again() -> None:
    forecast = TokenForecast()
    forecast.learn("x" * 30, 5, Reply("", "stop", 30, 5))
    assert forecast.expect("x" * 60, 5) == (40, 5)


def test_an_estimate_is_kept_and_says_so(store: CallStore) -> None:
    transport = ScriptedTransport([Reply(TEXT, thinking="Hm. " * 9)])
    (record,) = ask_all(Recorder(store), transport, [request()])
    assert isinstance(record, CallRecord)
    kept = store.get(record.key, record.sample)
    assert kept is not None
    assert kept == record
    assert kept.estimated
    assert kept.thinking == "Hm. " * 9
    assert kept.reasoning_tokens == 12
    assert with_usage(Reply(TEXT, thinking="Hm. " * 9), kept.request).output_tokens == kept.output_tokens
