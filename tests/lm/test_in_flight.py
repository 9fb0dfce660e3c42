"""What was on its way when a process was killed is booked by the next, as an estimate, and caps count it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from dspy import lm15
from dspy.lm15 import Request

from asking import ask, ask_all, request
from autoevol.core.errors import BudgetReached
from autoevol.lm.budget import Caps, Price
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.transport import BrokenReply, NobodyThere, Reply
from autoevol.store.calls import CallRecord, CallStore, Flight, Spent
from autoevol.testing import ScriptedTransport
from call_stores import opened, python

ANSWERED, HANGING = 20, 16

_KILLED = f"""
import asyncio, os, signal, sys
from dspy.lm15 import Config, Message, Request
from autoevol.core import aio
from autoevol.lm.budget import Price
from autoevol.lm.recorder import Recorder
from autoevol.lm.transport import Reply
from autoevol.store.calls import CallStore, Spent

class Transport:
    identity, seeded, sent = "t", False, 0
    async def send(self, request):
        self.sent += 1
        if self.sent <= {ANSWERED}:
            return Reply("text", "stop", 10, 5)
        if self.sent == {ANSWERED + HANGING}:
            # What is booked is in order: all that went before is on disk then.
            await asyncio.wrap_future(store.book("other", Spent()))
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.Event().wait()

store = CallStore(sys.argv[1])
recorder, transport = Recorder(store, concurrency={HANGING}), Transport()
async def every():
    config = Config(temperature=0.0, max_tokens=50)
    asked = [Request("m", (Message.user(str(n)),), config=config) for n in range(99)]
    await asyncio.gather(*(recorder.complete(one, transport, "evol", Price(1e6, 1e6)) for one in asked))
aio.run_and_wait(every())
"""


_KILLED_AT_ONCE = f"""
import asyncio, os, signal, sys
from dspy.lm15 import Config, Message, Request
from autoevol.core import aio
from autoevol.lm.recorder import Recorder
from autoevol.lm.transport import Reply
from autoevol.store.calls import CallStore

class Transport:
    identity, seeded, sent = "t", False, 0
    async def send(self, request):
        self.sent += 1
        if self.sent == {ANSWERED + HANGING}:
            os.kill(os.getpid(), signal.SIGKILL)
        return Reply("text", "stop", 10, 5)

recorder, transport, numbers = Recorder(CallStore(sys.argv[1])), Transport(), iter(range(99))
async def row():
    config = Config(temperature=0.0, max_tokens=50)
    for n in numbers:
        await recorder.complete(Request("m", (Message.user(str(n)),), config=config), transport, "evol")
async def every():
    await asyncio.gather(*(row() for _ in range({HANGING})))
aio.run_and_wait(every())
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    path = tmp_path / "calls.sqlite"
    assert python(_KILLED, path).returncode == -9
    return path


def test_what_a_kill_left_on_its_way_is_booked_once(killed: Path) -> None:
    for _ in range(2):
        with opened(killed) as store:
            (line,) = [line for line in Recorder(store).ledger() if line.role == "evol"]
            assert (line.paid.calls, line.paid.estimated) == (ANSWERED + HANGING, HANGING)
            assert line.paid.output_tokens > 5 * ANSWERED
            assert line.paid.usd > 15 * ANSWERED


def test_a_ledger_after_a_kill_is_too_low_by_what_was_in_flight_at_most(tmp_path: Path) -> None:
    """Nobody waits for the disk before a request departs, so what was sent last may not be noted."""
    sent = ANSWERED + HANGING
    assert python(_KILLED_AT_ONCE, tmp_path / "calls.sqlite").returncode == -9
    with opened(tmp_path / "calls.sqlite") as store:
        calls = sum(line.paid.calls for line in Recorder(store).ledger())
    assert sent - HANGING <= calls <= sent


def test_caps_count_it(killed: Path) -> None:
    with opened(killed) as store:
        transport = ScriptedTransport(lambda _: "fine")
        recorder = Recorder(store, Caps(calls=ANSWERED + HANGING + 1))
        ask(recorder, transport, request("one"))
        with pytest.raises(BudgetReached):
            ask(recorder, transport, request("two"))


def test_a_reader_of_the_ledger_books_nothing(killed: Path) -> None:
    with opened(killed) as store:
        assert store.spent()["evol"].calls == ANSWERED


def serve(asked: Request) -> Any:
    text = asked.messages[-1].text or ""
    if "broken" in text:
        return BrokenReply("cut", Reply("text", "error", 3, 2))
    errors = {"fails": lm15.ServerError, "late": lm15.TimeoutError, "lost": lm15.TransportError}
    errors["nobody"] = NobodyThere
    return errors[text]("later") if text in errors else Reply("text", "stop", 3, 2)


@pytest.mark.parametrize(
    ("text", "calls"), [("fine", 1), ("fails", 0), ("broken", 2), ("late", 1), ("lost", 2), ("nobody", 0)]
)
def test_what_has_ended_is_not_booked_again(store: CallStore, text: str, calls: int) -> None:
    recorder = Recorder(store, retry=RetryPolicy(attempts=2, base=0.0))
    ask_all(recorder, ScriptedTransport(serve), [request(text)], price=Price(1, 1))
    before = recorder.ledger()
    assert sum(line.paid.calls for line in before) == calls
    store.forget("nothing").result(120)  # changes are made in order: all of them are on disk now
    assert [line.paid for line in Recorder(store).ledger()] == [line.paid for line in before]


@pytest.mark.parametrize("text", ["late", "lost"])
def test_what_may_have_been_billed_is_booked_as_an_estimate_and_caps_count_it(
    text: str, store: CallStore
) -> None:
    recorder = Recorder(store, Caps(calls=3), RetryPolicy(attempts=9, base=0.0))
    ask(recorder, ScriptedTransport(serve), request("fine"))
    transport = ScriptedTransport(serve)
    with pytest.raises(BudgetReached, match="3 of 3 calls paid"):
        ask(recorder, transport, request(text), price=Price(1e6, 1e6))
    assert len(transport.requests) == 2
    (line,) = recorder.ledger()
    assert (line.paid.calls, line.paid.estimated) == (3, 2)
    assert line.paid.usd > 2


def test_the_reply_and_the_end_of_its_flight_are_one_transaction(store: CallStore) -> None:
    record = CallRecord("k", 0, "evol", "m", "{}", "text", "stop", 1, 1, None, 1, 0.5)
    store.track(Flight("k", 0, "evol", Spent(1, 9, 9, 0.0, 0, 1)))
    asyncio.run(store.aput(record))
    store.book_flights()
    assert store.spent() == {"evol": Spent(1, 1, 1)}
