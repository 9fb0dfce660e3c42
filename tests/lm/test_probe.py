"""What it costs to ask an endpoint whether it is still there, for every way to reach one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ConnectionTimeoutError
from dspy import lm15

import asking
from asking import LATER, ask, ask_all
from autoevol.core import aio
from autoevol.core.errors import EndpointDown
from autoevol.lm.http import HTTPTransport
from autoevol.lm.native import NativeTransport
from autoevol.lm.openai_client import OpenAITransport
from autoevol.lm.openai_compatible import ChatEndpoint
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.sending import PROBE
from autoevol.lm.transport import NobodyThere, Transport
from autoevol.store.calls import CallStore, Spent
from autoevol.testing import ScriptedTransport
from servers import Answer, Endpoint, refuses, says

POLICY = RetryPolicy(attempts=1, breaker=5)
TASK = "a task"


def azure(url: str) -> NativeTransport:
    return NativeTransport("azure/m", api_key="a-key-of-twenty-chars")


KINDS: dict[str, Callable[[str], Any]] = {
    "http": lambda url: HTTPTransport("m", base_url=url),
    "openai": lambda url: OpenAITransport("m", base_url=url),
    "native": azure,
}


def text_of(body: dict[str, Any]) -> str:
    said = body["messages"][-1]["content"]
    return said if isinstance(said, str) else said[0]["text"]


def dies(body: dict[str, Any]) -> Answer:
    """Answers the first task, and nothing else ever again."""
    return says("fine") if text_of(body) == TASK else refuses(500)


def request(text: str, **config: Any) -> lm15.Request:
    """A request as DSPy's own client must have it; the others go by the name that they were given."""
    return replace(asking.request(text, **config), model="azure/m")


def tasks(count: int) -> list[lm15.Request]:
    return [request(str(number), max_tokens=4000) for number in range(count)]


def paid(recorder: Recorder) -> Spent:
    return sum((line.paid for line in recorder.ledger()), Spent())


@pytest.fixture(params=KINDS)
def reached(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Endpoint], Any]:
    def transport(endpoint: Endpoint) -> Any:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", endpoint.address)
        return KINDS[request.param](endpoint.url)

    return transport


def gives_up(recorder: Recorder, transport: Transport) -> None:
    ends = ask_all(recorder, transport, tasks(30))
    assert any(isinstance(end, EndpointDown) for end in ends)


def test_an_endpoint_that_fails_is_asked_once_and_little(
    reached: Callable[[Endpoint], Any], store: CallStore
) -> None:
    with Endpoint(dies) as endpoint:
        transport, recorder = reached(endpoint), Recorder(store, retry=POLICY, concurrency=4)
        ask(recorder, transport, request(TASK))
        gives_up(recorder, transport)
        aio.run_and_wait(transport.aclose())
    probes = [seen.body for seen in endpoint.seen if text_of(seen.body) == PROBE]
    assert len(probes) == 1
    assert probes[0].get("max_tokens", probes[0].get("max_completion_tokens")) == 64
    assert paid(recorder).calls == 1


def test_where_nobody_is_any_more_nothing_is_booked(
    reached: Callable[[Endpoint], Any], store: CallStore
) -> None:
    recorder = Recorder(store, retry=POLICY, concurrency=4)
    with Endpoint(dies) as endpoint:
        transport = reached(endpoint)
        ask(recorder, transport, request(TASK))
        aio.run_and_wait(transport.aclose())
    transport = reached(endpoint)
    with pytest.raises(NobodyThere):
        ask(recorder, transport, request("one"))
    gives_up(recorder, transport)
    aio.run_and_wait(transport.aclose())
    assert paid(recorder).calls == 1


def test_an_endpoint_that_is_silent_is_asked_once_which_is_booked(store: CallStore) -> None:
    def serve(asked: lm15.Request) -> str | Exception:
        return "fine" if asked.messages[-1].text == TASK else lm15.TimeoutError("no reply")

    transport, recorder = ScriptedTransport(serve), Recorder(store, retry=POLICY, concurrency=4)
    ask(recorder, transport, request(TASK))
    gives_up(recorder, transport)
    assert sum(asked.messages[-1].text == PROBE for asked in transport.requests) == 1
    assert (paid(recorder).calls, paid(recorder).estimated) == (
        len(transport.requests),
        len(transport.requests) - 1,
    )


def test_who_refuses_the_question_has_read_it(store: CallStore) -> None:
    answers = {TASK: "fine", PROBE: lm15.InvalidRequestError("ask something sensible", status=400)}
    transport = ScriptedTransport(lambda asked: answers.get(asked.messages[-1].text or "", LATER))
    recorder = Recorder(store, retry=POLICY)
    ask(recorder, transport, request(TASK))
    assert {type(end) for one in tasks(20) for end in ask_all(recorder, transport, [one])} == {
        lm15.ServerError
    }
    assert paid(recorder).calls == 1


@pytest.mark.parametrize("kind", [HTTPTransport, OpenAITransport])
def test_a_connection_that_never_came_about_sent_nothing(kind: type[ChatEndpoint]) -> None:
    transport = kind("m", base_url="http://127.0.0.1:9/v1")
    error = transport._unreached(ConnectionTimeoutError("connect"))
    if isinstance(transport, OpenAITransport):
        outer = RuntimeError("a timeout")
        outer.__cause__ = ConnectionTimeoutError("connect")
        error = transport._without_answer(outer)
    assert isinstance(error, NobodyThere)
