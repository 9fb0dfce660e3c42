"""Every call goes through the recorder: asked once, counted once, replayed in order."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from dspy import lm15
from dspy.lm15 import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from asking import ask, ask_all, request, texts
from autoevol import aio
from autoevol.context import Role, in_scope
from autoevol.errors import StoreLost
from autoevol.lm.recorder import LedgerLine, Price, Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.transport import Reply
from autoevol.store.calls import CallStore, Spent
from autoevol.testing import ScriptedTransport

FAST = RetryPolicy(base=0.0, attempts=2)


def numbered(latency: float = 0.0, identity: str = "scripted") -> ScriptedTransport:
    """Replies r0, r1, r2, ... in the order of requests."""
    numbers = count()
    return ScriptedTransport(lambda _: f"r{next(numbers)}", latency=latency, identity=identity)


# Temperature 0: one question, one answer.


def test_at_temperature_0_a_repeated_request_is_answered_from_the_store(store: CallStore) -> None:
    transport = numbered()
    recorder = Recorder(store)
    assert [ask(recorder, transport).text for _ in range(3)] == ["r0", "r0", "r0"]
    assert ask(Recorder(store), transport).text == "r0", "in a new process as well"
    assert len(transport.requests) == 1


def test_at_temperature_0_identical_requests_under_way_share_one_call(store: CallStore) -> None:
    transport = numbered(latency=0.05)
    recorder = Recorder(store)
    assert texts(ask_all(recorder, transport, [request()] * 20)) == ["r0"] * 20
    assert len(transport.requests) == 1
    assert recorder.ledger() == [LedgerLine("evol", Spent(1, 1, 0), reused=19)]


def test_at_temperature_0_the_scope_changes_nothing(store: CallStore) -> None:
    transport = numbered()
    recorder = Recorder(store)
    assert {ask(recorder, transport, scope=scope).text for scope in ("", "a", "b")} == {"r0"}


@pytest.mark.parametrize(
    "other",
    [
        request("Bye"),
        request(max_tokens=5),
        request(top_p=0.5),
        request(seed=1),
        request(stop=("x",)),
        request(extensions={"min_p": 0.1}),
        Request("other", request().messages, config=request().config),
        Request("m", request().messages, system="Be brief.", config=request().config),
    ],
)
def test_a_request_that_differs_in_anything_is_another_request(store: CallStore, other: Request) -> None:
    transport = numbered()
    recorder = Recorder(store)
    assert [ask(recorder, transport, asked).text for asked in (request(), other, request())] == [
        "r0",
        "r1",
        "r0",
    ]


def test_another_endpoint_is_another_request(store: CallStore) -> None:
    recorder = Recorder(store)
    one, two = numbered(identity="one"), numbered(identity="two")
    ask(recorder, one)
    ask(recorder, two)
    assert len(one.requests) == len(two.requests) == 1


def test_a_failure_that_was_shared_is_told_to_everyone_and_asked_again_afterwards(store: CallStore) -> None:
    transport = ScriptedTransport([lm15.InvalidRequestError("no"), "fine"], latency=0.05)
    recorder = Recorder(store)
    failed = ask_all(recorder, transport, [request()] * 3)
    assert [type(result) for result in failed] == [lm15.InvalidRequestError] * 3
    assert ask(recorder, transport).text == "fine"


# Above 0: the n-th identical request is the n-th sample.


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
    assert again.ledger() == [LedgerLine("evol", Spent(4, 4, 0), reused=3)]


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

    return aio.run(work())


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
    transport = ScriptedTransport(["first", lm15.InvalidRequestError("no"), "second", "third"])
    recorder = Recorder(store)
    with pytest.raises(lm15.InvalidRequestError):
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

    assert aio.run(nested(Recorder(store))) == ["r0", "r1", "r2", "r3"]
    assert aio.run(nested(Recorder(store))) == ["r0", "r1", "r2", "r3"], "from the store"


def test_what_a_scope_has_drawn_is_forgotten_with_it(store: CallStore) -> None:
    recorder, transport = Recorder(store), numbered()
    for row in range(50):
        drawn_in(f"row {row}", recorder, transport, [request(temperature=1.0)] * 2)
    gc.collect()
    assert len(recorder._drawn) <= 1


def test_calls_are_filed_under_the_innermost_tag(store: CallStore) -> None:
    recorder, transport = Recorder(store), numbered()

    async def tag_of(text: str) -> str:
        return (await recorder.complete(request(text), transport, "evol")).tag

    async def scene() -> list[str]:
        with in_scope("bulk", tag="part 7"):
            with in_scope("row"):
                inner = await tag_of("a")
            with in_scope("row", tag="other"):
                other = await tag_of("b")
            return [inner, other, await tag_of("c")]

    assert aio.run(scene()) == ["part 7", "other", "part 7"]
    assert ask(recorder, transport).tag == ""
    before = recorder.ledger()
    store.forget("part 7").result(10)
    assert recorder.ledger() == Recorder(store).ledger() == before


def test_a_seed_that_the_caller_sets_is_kept(store: CallStore) -> None:
    transport = numbered()
    transport.seeded = True
    recorder = Recorder(store)
    ask(recorder, transport, request(temperature=1.0, seed=11))
    ask(recorder, transport, request())
    assert [sent.config.seed for sent in transport.requests] == [11, None]


def test_a_failed_sample_is_asked_for_again_by_the_next_run(store: CallStore) -> None:
    transport = ScriptedTransport([lm15.InvalidRequestError("no"), "second", "first"])
    recorder = Recorder(store)
    sampled = request(temperature=1.0)
    with pytest.raises(lm15.InvalidRequestError):
        ask(recorder, transport, sampled)
    assert ask(recorder, transport, sampled).text == "second"
    resumed = Recorder(store)
    assert [ask(resumed, transport, sampled).text for _ in range(2)] == ["first", "second"]


# Two runs in one file.


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_two_runs_that_share_a_store_pay_once_and_have_their_own_ledgers(
    tmp_path: Path, temperature: float
) -> None:
    transport = numbered()
    stores = [CallStore(tmp_path / "shared.sqlite", run, power_safe=False) for run in ("one", "two")]
    recorders = [Recorder(shared) for shared in stores]
    asked = [request("a", temperature), request("b", temperature)]
    replies = [[ask(recorder, transport, each).text for each in asked] for recorder in recorders]
    assert replies == [["r0", "r1"]] * 2
    assert len(transport.requests) == 2
    assert [recorder.ledger() for recorder in recorders] == [
        [LedgerLine("evol", Spent(2), reused=0)],
        [LedgerLine("evol", Spent(), reused=2)],
    ]
    for shared in stores:
        shared.close()


# The ledger.

_ROLES: list[Role] = ["evol", "respond", "optimizer", "judge"]


@settings(max_examples=30, deadline=None)
@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from(_ROLES),
            st.sampled_from("abc"),
            st.sampled_from([0.0, 1.0]),
            st.sampled_from([None, "400", "500"]),
        ),
        max_size=25,
    )
)
def test_the_ledger_equals_an_independent_count_at_the_transport(
    calls: list[tuple[Role, str, float, str | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    counted: Counter[str] = Counter()

    def serve(asked: Request) -> Reply | Exception:
        role, fault = str(asked.system).split()
        if fault == "400":
            return lm15.InvalidRequestError("no")
        if fault == "500":
            return lm15.ServerError("later")
        counted[role] += 1
        return Reply("x", "stop", 10, 5)

    shared = CallStore(tmp_path_factory.mktemp("ledger") / "calls.sqlite", power_safe=False)
    transport = ScriptedTransport(serve)
    recorder = Recorder(shared, retry=RetryPolicy(base=0.0, attempts=2, breaker=1000))
    for role, text, temperature, fault in calls:
        plain = request(text, temperature)
        # The system prompt tells the fake server whom it bills.
        asked = Request("m", plain.messages, system=f"{role} {fault}", config=plain.config)
        if fault:
            with pytest.raises(lm15.LM15Error):
                ask(recorder, transport, asked, role=role, price=Price(1.0, 2.0))
        else:
            ask(recorder, transport, asked, role=role, price=Price(1.0, 2.0))
    paid = {line.role: line.paid for line in recorder.ledger() if line.paid.calls}
    assert {role: spent.calls for role, spent in paid.items()} == dict(counted)
    assert all(spent.tokens == 15 * spent.calls for spent in paid.values())
    assert all(spent.usd == pytest.approx(20e-6 * spent.calls) for spent in paid.values())
    assert {line.role: line.paid.calls for line in Recorder(shared).ledger()} == dict(counted), "and on disk"
    shared.close()


def test_the_record_says_what_was_asked_and_what_it_took(store: CallStore) -> None:
    transport = ScriptedTransport([lm15.ServerError("later"), Reply("Hi", "length", 4, 2)])
    record = ask(Recorder(store, retry=FAST), transport, role="judge", price=Price(1.0, 10.0))
    assert (record.text, record.finish_reason, record.role, record.model) == ("Hi", "length", "judge", "m")
    assert (record.input_tokens, record.output_tokens, record.usd) == (4, 2, pytest.approx(24e-6))
    assert record.attempts == 2
    assert '"content":"Hello"' in record.request
    assert store.get(record.key, record.sample) == record


# Durable before it is seen.


def test_a_reply_is_on_disk_before_the_caller_sees_it(store: CallStore) -> None:
    recorder, transport = Recorder(store), numbered()
    for number in range(20):
        record = ask(recorder, transport, request(str(number)))
        with sqlite3.connect(store.path) as other:
            assert other.execute("SELECT text FROM calls WHERE key=?", (record.key,)).fetchone() == (
                record.text,
            )
        other.close()


_CALLERS = """
import os, random, signal, sys, time
from asking import request
from autoevol import aio
from autoevol.lm.recorder import Recorder
from autoevol.store.calls import CallStore
from autoevol.testing import ScriptedTransport

async def caller(recorder, transport, name):
    for number in range(100000):
        record = await recorder.complete(request(f"{name} {number}"), transport, "evol")
        os.write(1, f"{record.key}|{record.text}\\n".encode())

async def main():
    recorder = Recorder(CallStore(sys.argv[1]))
    transport = ScriptedTransport(lambda asked: "reply to " + asked.messages[-1].text, latency=0.001)
    await aio.gather(caller(recorder, transport, name) for name in range(8))

random.seed(5)
for _ in range(int(sys.argv[2])):
    child = os.fork()
    if not child:
        aio.run(main())
    time.sleep(random.uniform(0.03, 0.12))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_a_process_killed_at_any_moment_has_lost_no_reply_that_it_had_seen(tmp_path: Path) -> None:
    path, kills = tmp_path / "calls.sqlite", 20
    ended = subprocess.run(
        [sys.executable, "-c", _CALLERS, str(path), str(kills)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    seen = dict(line.split("|", 1) for line in ended.stdout.splitlines())
    assert len(seen) > 5 * kills
    with sqlite3.connect(path) as store:
        stored = dict(store.execute("SELECT key, text FROM calls"))
        assert store.execute("SELECT count(*) FROM calls").fetchone() == (len(stored),), "none paid twice"
    store.close()
    assert {key: stored.get(key) for key in seen} == seen


# Callers that go away.


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def test_a_cancelled_caller_does_not_lose_a_call_that_is_being_paid(store: CallStore) -> None:
    transport = numbered(latency=0.1)
    recorder = Recorder(store)

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(recorder.complete(request(), transport, "evol"), 0.03)

    aio.run(impatient())
    wait_for(lambda: store.spent() == {"evol": Spent(1, 1, 0)})
    assert ask(recorder, transport).text == "r0"
    assert len(transport.requests) == 1


def test_a_cancelled_caller_does_not_cancel_the_one_who_shares_the_call(store: CallStore) -> None:
    transport = numbered(latency=0.1)
    recorder = Recorder(store)

    async def two() -> str:
        impatient = asyncio.ensure_future(recorder.complete(request(), transport, "evol"))
        patient = asyncio.ensure_future(recorder.complete(request(), transport, "evol"))
        await asyncio.sleep(0.02)
        impatient.cancel()
        return (await patient).text

    assert aio.run(two()) == "r0"
    assert len(transport.requests) == 1


def test_concurrency_is_a_limit_over_all_endpoints(store: CallStore) -> None:
    transport = numbered(latency=0.01)
    recorder = Recorder(store, concurrency=3)
    texts(ask_all(recorder, transport, [request(str(n)) for n in range(12)]))
    assert transport.most_under_way == 3


# Odd texts.


def test_a_reply_with_half_a_character_is_stored_and_readable(store: CallStore) -> None:
    """JSON can say \\ud83d alone, Unicode text cannot: no file takes it."""
    transport = ScriptedTransport(["a\ud83dz", "next"])
    recorder = Recorder(store)
    assert ask(recorder, transport).text == "a\ufffdz"
    assert ask(recorder, transport, request("another")).text == "next", "and the store goes on"


def test_an_unsendable_request_is_a_fault_of_its_row_only(store: CallStore) -> None:
    recorder, transport = Recorder(store), numbered()
    with pytest.raises(lm15.InvalidRequestError):
        ask(recorder, transport, request("half \ud83d"))
    assert ask(recorder, transport).text == "r0"


# A store that is gone.


def test_no_call_is_paid_after_the_store_is_lost(store: CallStore) -> None:
    transport = numbered(latency=0.02)
    recorder = Recorder(store, concurrency=4)
    ask(recorder, transport)
    saboteur = sqlite3.connect(store.path, isolation_level=None)
    saboteur.execute("CREATE TRIGGER full BEFORE INSERT ON calls BEGIN SELECT RAISE(ABORT, 'full'); END")
    saboteur.close()
    results = ask_all(recorder, transport, [request(str(n)) for n in range(40)])
    assert {type(result) for result in results} == {StoreLost}
    # The first four, and the four that took their slots while the first were being stored.
    assert len(transport.requests) <= 1 + 4 + 4


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
