"""One session: models by name, one store, and an orderly end."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from dspy.lm15 import Request

from autoevol.core import aio
from autoevol.core.errors import BudgetReached, InputError, StoreLost
from autoevol.lm.budget import Caps, Price
from autoevol.lm.flow import Limits
from autoevol.lm.http import HTTPTransport
from autoevol.lm.local import LocalTransport
from autoevol.lm.meter import Uses
from autoevol.lm.native import NativeTransport
from autoevol.lm.openai_client import OpenAITransport
from autoevol.lm.recorder import LedgerLine
from autoevol.lm.session import Session, is_reasoning_model, make_transport
from autoevol.lm.transport import Reply
from autoevol.store.calls import CallStore, Spent
from autoevol.testing import ScriptedTransport
from servers import Endpoint, says

KEYS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "MY_KEY")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


def test_an_unfinished_transport_is_refused_where_it_is_given(tmp_path: Path) -> None:
    class Mine:
        identity = "mine"

        async def send(self, request: Request) -> Reply:
            return Reply("never asked")

    unfinished: Any = Mine()
    with Session(tmp_path / "c.sqlite") as session, pytest.raises(TypeError, match="Mine has no seeded"):
        session.lm("my/model", transport=unfinished)


@pytest.mark.parametrize(
    ("model", "served"),
    [
        ("tiny", "tiny"),
        ("openai/tiny", "openai/tiny"),
        ("hosted_vllm/meta/tiny", "meta/tiny"),
        ("meta/tiny", "meta/tiny"),
        ("local/tiny", "local/tiny"),
    ],
)
def test_any_name_works_behind_an_endpoint(tmp_path: Path, model: str, served: str) -> None:
    with Endpoint([says("hello")]) as endpoint, Session(tmp_path / "c.sqlite") as session:
        assert session.lm(model, api_base=endpoint.url)("hi") == ["hello"]
        assert endpoint.seen[0].body["model"] == served


def test_the_key_comes_from_the_named_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "general")
    monkeypatch.setenv("MY_KEY", "special")
    with Endpoint([says("x")]) as endpoint, Session(tmp_path / "c.sqlite") as session:
        session.lm("m", api_base=endpoint.url, api_key_env="MY_KEY")("a")
        session.lm("m", api_base=endpoint.url)("b")
        sent = [seen.headers["Authorization"] for seen in endpoint.seen]
    assert sent == ["Bearer special", "Bearer general"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"model": "openai/m"}, "set OPENAI_API_KEY"),
        ({"model": "m"}, "set OPENAI_API_KEY"),
        ({"model": "m", "api_key_env": "MY_KEY"}, "MY_KEY .* is not set"),
        ({"model": "anthropic/m", "api_key_env": "MY_KEY"}, "MY_KEY .* is not set"),
        ({"model": "anthropic/m"}, "ANTHROPIC_API_KEY"),
        ({"model": "nowhere/m"}, "nowhere"),
        ({"model": "local/absent.gguf"}, "no such file"),
        ({"model": "local/hf:only-a-name"}, "local/hf:owner/repo/file.gguf"),
    ],
)
def test_a_model_that_cannot_be_used_is_an_input_error_on_one_line(
    tmp_path: Path, options: dict[str, Any], line: str
) -> None:
    with Session(tmp_path / "c.sqlite") as session, pytest.raises(InputError, match=line) as wrong:
        session.lm(**options)
    assert "\n" not in str(wrong.value)


def test_make_transport_by_provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    monkeypatch.setenv("MY_KEY", "k")
    weights = tmp_path / "w.gguf"
    weights.write_bytes(b"GGUF")
    made = [
        make_transport("openai/m", api_key_env="MY_KEY"),
        make_transport("openai/m", api_base="http://127.0.0.1:9/v1"),
        make_transport("anthropic/m", api_key_env="MY_KEY"),
        make_transport(f"local/{weights}"),
    ]
    for transport in made:
        aio.run_and_wait(transport.aclose())
    kinds = [HTTPTransport, HTTPTransport, NativeTransport, LocalTransport]
    assert [type(each) for each in made] == kinds


@pytest.mark.parametrize(
    ("model", "reasoning"),
    [
        ("openai/o3-mini", True),
        ("openai/gpt-5", True),
        ("openai/gpt-5-chat-latest", False),
        ("openai/gpt-4o", False),
        ("openai/meta/o1-like", True),
        ("openrouter/o3", False),
        ("local/o3", False),
    ],
)
def test_reasoning_models(model: str, reasoning: bool) -> None:
    assert is_reasoning_model(model) is reasoning


def test_the_same_endpoint_is_one_pool_of_connections(tmp_path: Path) -> None:
    with Session(tmp_path / "c.sqlite") as session:

        def pool(**options: Any) -> object:
            lm: Any = session.lm("m", **{"api_base": "http://127.0.0.1:9/v1", **options})
            return lm._engine_spec.transport

        assert pool() is pool(temperature=0.5)
        assert pool() is not pool(extra={"top_k": 1})
        assert pool() is not pool(api_base="http://127.0.0.1:10/v1")


def test_prices_make_money_of_tokens(tmp_path: Path) -> None:
    prices = {"openai/m": Price(1.0, 2.0)}
    with Session(tmp_path / "c.sqlite", prices=prices) as session:
        lm = session.lm("openai/m", transport=ScriptedTransport([Reply("x", "stop", 1000, 500)]))
        lm("a")
        assert session.ledger() == [LedgerLine("other", Spent(1, 1000, 500, 0.002), 0)]


def test_a_session_resumes_what_another_has_paid(tmp_path: Path) -> None:
    transport = ScriptedTransport(["x"])
    for _ in range(2):
        with Session(tmp_path / "deep" / "c.sqlite", caps=Caps(calls=1)) as session:
            lm = session.lm("openai/m", transport=transport, temperature=0.0)
            assert lm("a") == ["x"]
            assert session.ledger()[0].paid.calls == 1
    with Session(tmp_path / "deep" / "c.sqlite", caps=Caps(calls=1)) as session:
        lm = session.lm("openai/m", transport=transport)
        with pytest.raises(BudgetReached):
            lm("b")


# The end.


class Held:
    """Answers when told to."""

    identity = "held"
    seeded = False

    def __init__(self) -> None:
        self.sent = 0
        self.arrived = threading.Event()
        self.released = threading.Event()
        self.closed = False

    async def send(self, request: Request) -> Reply:
        self.sent += 1
        self.arrived.set()
        await asyncio.to_thread(self.released.wait, 600)
        return Reply(f"reply to {request.messages[-1].text}", "stop", 1, 1)

    async def aclose(self) -> None:
        self.closed = True


def test_closing_waits_for_the_call_being_paid_and_drops_those_that_wait(tmp_path: Path) -> None:
    path, transport = tmp_path / "c.sqlite", Held()
    session = Session(path, concurrency=1)
    lm = session.lm("openai/m", transport=transport, temperature=0.0)
    callers = [threading.Thread(target=_quietly, args=(lm, str(n)), daemon=True) for n in range(5)]
    for caller in callers:
        caller.start()
    assert transport.arrived.wait(120)
    threading.Timer(0.15, transport.released.set).start()
    session.close()
    for caller in callers:
        caller.join(120)
        assert not caller.is_alive(), "nobody waits for ever"
    assert transport.sent == 1
    with sqlite3.connect(path) as stored:
        assert stored.execute("SELECT count(*) FROM calls").fetchone() == (1,)
    stored.close()


def test_closing_does_not_wait_for_ever(tmp_path: Path) -> None:
    transport = Held()
    session = Session(tmp_path / "c.sqlite")
    lm = session.lm("openai/m", transport=transport, temperature=0.0)
    caller = threading.Thread(target=_quietly, args=(lm, "x"), daemon=True)
    caller.start()
    assert transport.arrived.wait(120)
    aio.run_and_wait(session.recorder.aclose(grace=0.1))
    session.close()
    caller.join(120)
    assert not caller.is_alive()
    transport.released.set()


def _quietly(lm: Any, question: str) -> None:
    with suppress(BaseException):
        lm(question)


def test_closing_twice_is_harmless_and_a_closed_session_says_so(tmp_path: Path) -> None:
    session = Session(tmp_path / "c.sqlite")
    lm = session.lm("openai/m", transport=ScriptedTransport(["x"]))
    lm("a")
    session.close()
    session.close()
    with pytest.raises(StoreLost, match="closed"):
        lm("b")


def test_a_session_on_a_given_store_closes_it(store: CallStore) -> None:
    with Session(store) as session:
        assert session.store is store
    with pytest.raises(StoreLost):
        store.spent()


def test_the_http_client_can_be_chosen(tmp_path: Path) -> None:
    with Endpoint([says("hello")]) as endpoint:
        for client, kind in (("aiohttp", HTTPTransport), ("openai", OpenAITransport)):
            with Session(tmp_path / f"{client}.sqlite", client=client) as session:
                lm: Any = session.lm("m", api_base=endpoint.url)
                assert type(lm.engine.transport) is kind
                assert lm("hi") == ["hello"]
    with (
        Session(tmp_path / "c.sqlite", client="curl") as session,
        pytest.raises(InputError, match="--client"),
    ):
        session.lm("m", api_base="http://127.0.0.1:9/v1")


def test_limits_per_minute_hold_for_every_model_of_a_session(tmp_path: Path) -> None:
    with Session(tmp_path / "c.sqlite", limits=Limits(rpm=600)) as session:
        lm = session.lm("openai/m", transport=ScriptedTransport(lambda _: "x"), temperature=0.0)
        started = time.monotonic()
        for number in range(5):
            lm(str(number))
        assert time.monotonic() - started >= 0.1 * (5 - 1 - 1)


def test_of_two_watchers_that_were_told_the_same_the_inner_one_goes_first(tmp_path: Path) -> None:
    outer, inner = Uses(), Uses()
    with Session(tmp_path / "calls.sqlite") as session:
        lm = session.lm("m", transport=ScriptedTransport(["one", "two", "three"]), temperature=0.0)
        with session.watched(outer):
            with session.watched(inner):
                lm("first")
            lm("second")
        lm("third")
    assert (len(outer), len(inner)) == (2, 1)


def test_the_store_is_closed_even_if_something_else_cannot_be(tmp_path: Path) -> None:
    session = Session(tmp_path / "calls.sqlite")
    session.attendants.callback(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        session.close()
    with pytest.raises(StoreLost, match="closed"):
        session.store.spent()
