"""Above temperature 0 the n-th identical request within a scope is the n-th sample."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest
from dspy import lm15
from dspy.lm15 import Request

from asking import LATER, ask, ask_all, numbered, request, texts
from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.lm.recorder import LedgerLine, Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.store.calls import CallStore, Spent
from autoevol.testing import ScriptedTransport

ONCE = RetryPolicy(attempts=1)


@pytest.mark.parametrize("temperature", [0.6, 1.0, None])
def test_above_0_the_nth_identical_request_is_the_nth_sample(
    store: CallStore, temperature: float | None
) -> None:
    transport = numbered()
    asked = request(temperature=temperature)
    first = Recorder(store)
    assert [ask(first, transport, asked).text for _ in range(3)] == ["r0", "r1", "r2"]
    again = Recorder(store)
    assert [ask(again, transport, asked).text for _ in range(4)] == ["r0", "r1", "r2", "r3"]
    assert len(transport.requests) == 4
    assert again.ledger() == [LedgerLine("evol", Spent(4, 4, 4), reused=3)]


def test_above_0_identical_requests_under_way_are_different_samples(store: CallStore) -> None:
    transport = numbered(latency=0.02)
    drawn = texts(ask_all(Recorder(store), transport, [request(temperature=1.0)] * 8))
    assert sorted(drawn) == sorted(f"r{n}" for n in range(8))
    replayed = texts(ask_all(Recorder(store), transport, [request(temperature=1.0)] * 8))
    assert replayed == drawn, "the same samples in the same order"


def drawn_in(scope: str, recorder: Recorder, transport: ScriptedTransport, asked: list[Request]) -> list[str]:
    """Replies to `asked`, one after another within one entry into `scope`."""

    async def work() -> list[str]:
        with in_scope(scope):
            return [(await recorder.complete(each, transport, "evol")).text for each in asked]

    return aio.run_and_wait(work())


def test_each_scope_draws_from_a_sequence_of_its_own(store: CallStore) -> None:
    transport = numbered()
    sampled = request(temperature=1.0)

    def step(recorder: Recorder, number: int) -> list[str]:
        return drawn_in(f"step {number}", recorder, transport, [sampled] * 2)

    whole = Recorder(store)
    uninterrupted = [step(whole, number) for number in range(4)]
    resumed = Recorder(store)
    assert [step(resumed, number) for number in (2, 3)] == uninterrupted[2:]
    assert len(transport.requests) == 8


def test_a_resumed_run_draws_what_the_interrupted_one_would_have(tmp_path: Path) -> None:
    sampled = request(temperature=1.0)

    def drawn(path: Path, stops_after: int | None) -> list[str]:
        # A seeded server: the reply is decided by the seed that the recorder sends.
        transport = ScriptedTransport(lambda asked: f"seed {asked.config.seed}")
        transport.seeded = True
        with_store = CallStore(path, power_safe=False)
        recorder = Recorder(with_store)
        replies: list[str] = []
        for step in range(3):
            asked = [sampled] * min(3, (stops_after or 9) - len(replies))
            replies += drawn_in(f"step {step}", recorder, transport, asked)
        with_store.close()
        return replies

    whole = drawn(tmp_path / "a.sqlite", None)
    assert len(set(whole)) == 9, "every sample has a seed of its own"
    for stop in (1, 4, 5):
        path = tmp_path / f"{stop}.sqlite"
        drawn(path, stop)
        assert drawn(path, None) == whole


def test_a_scope_that_is_entered_again_begins_again(store: CallStore) -> None:
    """What was lost to the network is asked again; what was paid for is given again."""
    sampled = request(temperature=1.0)
    transport = ScriptedTransport(["first", LATER, "second", "third"])
    recorder = Recorder(store, retry=ONCE)
    with pytest.raises(lm15.ServerError):
        drawn_in("row", recorder, transport, [sampled] * 2)
    assert drawn_in("row", recorder, transport, [sampled] * 3) == ["first", "second", "third"]
    assert recorder.ledger() == [LedgerLine("evol", Spent(3, 3, 3), reused=1)]


def test_scopes_within_a_scope_and_its_own_draws_do_not_disturb_each_other(store: CallStore) -> None:
    transport, sampled = numbered(), request(temperature=1.0)

    async def nested(recorder: Recorder) -> list[str]:
        async def draw() -> str:
            return (await recorder.complete(sampled, transport, "evol")).text

        with in_scope("outer"):
            drawn = [await draw()]
            with in_scope("inner"):
                drawn += [await draw(), await draw()]
            return [*drawn, await draw()]

    assert aio.run_and_wait(nested(Recorder(store))) == ["r0", "r1", "r2", "r3"]
    assert aio.run_and_wait(nested(Recorder(store))) == ["r0", "r1", "r2", "r3"], "from the store"


def test_what_a_scope_has_drawn_is_forgotten_with_it(store: CallStore) -> None:
    recorder, transport = Recorder(store), numbered()
    for row in range(50):
        drawn_in(f"row {row}", recorder, transport, [request(temperature=1.0)] * 2)
    gc.collect()
    assert len(recorder._drawn) <= 1


def test_calls_are_filed_under_the_innermost_tag(store: CallStore) -> None:
    recorder, transport = Recorder(store), numbered()

    async def tag_of(text: str) -> str:
        return (await recorder.complete(request(text, 1.0), transport, "evol")).tag

    async def scene() -> list[str]:
        with in_scope("bulk", tag="part 7"):
            with in_scope("row"):
                inner = await tag_of("a")
            with in_scope("row", tag="other"):
                other = await tag_of("b")
            return [inner, other, await tag_of("c")]

    assert aio.run_and_wait(scene()) == ["part 7", "other", "part 7"]
    assert ask(recorder, transport).tag == ""
    before = recorder.ledger()
    store.forget("part 7").result(120)
    assert recorder.ledger() == Recorder(store).ledger() == before


def test_a_seed_that_the_caller_sets_is_kept(store: CallStore) -> None:
    transport = numbered()
    transport.seeded = True
    recorder = Recorder(store)
    ask(recorder, transport, request(temperature=1.0, seed=11))
    ask(recorder, transport, request())
    assert [sent.config.seed for sent in transport.requests] == [11, None]


def test_a_failed_sample_is_asked_for_again_by_the_next_run(store: CallStore) -> None:
    transport = ScriptedTransport([LATER, "second", "first"])
    recorder = Recorder(store, retry=ONCE)
    sampled = request(temperature=1.0)
    with pytest.raises(lm15.ServerError):
        ask(recorder, transport, sampled)
    assert ask(recorder, transport, sampled).text == "second"
    resumed = Recorder(store)
    assert [ask(resumed, transport, sampled).text for _ in range(2)] == ["first", "second"]


def test_a_scope_reaches_the_shared_loop_from_any_thread(store: CallStore) -> None:
    transport = numbered()
    recorder = Recorder(store)
    sampled = request(temperature=1.0)

    async def elsewhere() -> str:
        with in_scope("b"):
            return (await aio.join(recorder.complete(sampled, transport, "evol"))).text

    assert ask(recorder, transport, sampled, scope="a").text == "r0"
    assert asyncio.run(elsewhere()) == "r1"
    again = Recorder(store)
    assert ask(again, transport, sampled, scope="b").text == "r1"
