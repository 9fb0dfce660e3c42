"""Every call goes through the recorder: asked once, counted once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from dspy import lm15
from dspy.lm15 import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from asking import LATER, ask, ask_all, numbered, request, texts
from autoevol.core.context import Role
from autoevol.lm.budget import Price
from autoevol.lm.recorder import LedgerLine, Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.transport import Reply
from autoevol.store.calls import CallStore, Spent
from autoevol.testing import ScriptedTransport

FAST = RetryPolicy(base=0.0, attempts=2)


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
    assert recorder.ledger() == [LedgerLine("evol", Spent(1, 1, 1), reused=19)]


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
    transport = ScriptedTransport([LATER, "fine"], latency=0.05)
    recorder = Recorder(store, retry=RetryPolicy(attempts=1))
    failed = ask_all(recorder, transport, [request()] * 3)
    assert [type(result) for result in failed] == [lm15.ServerError] * 3
    assert ask(recorder, transport).text == "fine"


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
        [LedgerLine("evol", Spent(2, 2, 2), reused=0)],
        [LedgerLine("evol", Spent(), reused=2)],
    ]
    for shared in stores:
        shared.close()


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
    recorder = Recorder(shared, retry=RetryPolicy(base=0.0, attempts=2, breaker=1000, breaker_unproven=1000))
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


def test_concurrency_is_a_limit_over_all_endpoints(store: CallStore) -> None:
    transport = numbered(latency=0.01)
    recorder = Recorder(store, concurrency=3)
    texts(ask_all(recorder, transport, [request(str(n)) for n in range(12)]))
    assert transport.most_under_way == 3


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
