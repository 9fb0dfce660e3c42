"""Nothing from outside is unbounded: not the size of an answer, and not the time it takes."""

from __future__ import annotations

import gzip
import json
import socket
from pathlib import Path

import pytest
from dspy import lm15

from asking import Time, ask, ask_all, request, timed
from autoevol.core import aio
from autoevol.core.errors import EndpointDown
from autoevol.lm.breaker import Breaker
from autoevol.lm.http import HTTPTransport
from autoevol.lm.openai_client import OpenAITransport
from autoevol.lm.openai_compatible import ChatEndpoint
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from autoevol.lm.transport import BrokenReply, NobodyThere
from autoevol.store.calls import CallStore
from autoevol.testing import ScriptedTransport
from servers import Answer, Endpoint, refuses, says

CLIENTS = [HTTPTransport, OpenAITransport]
each_client = pytest.mark.parametrize("client", CLIENTS)


def long_answer(size: int) -> Answer:
    return says("x" * size)


def zipped(answer: Answer) -> Answer:
    return Answer(gzip.compress(answer.body), 200, {"Content-Encoding": "gzip"})


@each_client
@pytest.mark.parametrize("compressed", [False, True])
def test_an_answer_is_read_up_to_what_the_reply_can_be(client: type[ChatEndpoint], compressed: bool) -> None:
    answers = [long_answer(6 << 20), long_answer(1 << 20)]
    answers = [zipped(answer) for answer in answers] if compressed else answers
    with Endpoint(answers) as endpoint:
        transport = client("m", base_url=endpoint.url)
        with pytest.raises(BrokenReply, match="longer than 3 MiB"):
            aio.run_and_wait(transport.send(request(max_tokens=1024)))
        assert len(aio.run_and_wait(transport.send(request(max_tokens=1024))).text) == 1 << 20
        aio.run_and_wait(transport.aclose())


@each_client
def test_a_long_refusal_is_bounded_too(client: type[ChatEndpoint]) -> None:
    with Endpoint([refuses(500, "x" * (6 << 20))]) as endpoint:
        transport = client("m", base_url=endpoint.url)
        with pytest.raises(lm15.ServerError) as raised:
            aio.run_and_wait(transport.send(request(max_tokens=1024)))
        aio.run_and_wait(transport.aclose())
    assert len(str(raised.value)) < 600


def test_odd_numbers_do_not_get_into_the_store(store: CallStore) -> None:
    usage = {"prompt_tokens": 2**64 - 1, "completion_tokens": float("nan")}
    choice = {"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice], "usage": usage}).encode()
    with Endpoint([Answer(body)]) as endpoint:
        transport = HTTPTransport("m", base_url=endpoint.url)
        record = ask(Recorder(store), transport)
        aio.run_and_wait(transport.aclose())
    assert record.estimated
    assert store.spent()["evol"].tokens < 100


@each_client
def test_nobody_there_is_told_in_two_attempts(client: type[ChatEndpoint], store: CallStore) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        transport = client("m", base_url=f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        recorder, clock = timed(store, RetryPolicy())
        with pytest.raises(NobodyThere, match="cannot reach http://127"):
            ask(recorder, transport)
        aio.run_and_wait(transport.aclose())
    assert sum(clock.slept) < 2


def test_a_wrong_port_ends_the_run_at_the_third_row(store: CallStore) -> None:
    transport = HTTPTransport("m", base_url="http://127.0.0.1:9/v1")
    recorder, clock = timed(store, RetryPolicy())
    ends: list[type[BaseException]] = []
    for number in range(3):
        try:
            ask(recorder, transport, request(str(number)))
        except (lm15.LM15Error, EndpointDown) as error:
            ends.append(type(error))
    aio.run_and_wait(transport.aclose())
    assert ends == [NobodyThere, NobodyThere, EndpointDown]
    assert sum(clock.slept) < 5


def test_an_endpoint_that_never_answers_fails_after_one_time_limit(store: CallStore) -> None:
    with Endpoint([says("never seen").after(9.0)]) as endpoint:
        transport = HTTPTransport("m", base_url=endpoint.url, timeout=0.2)
        recorder, clock = timed(store, RetryPolicy())
        with pytest.raises(lm15.TimeoutError, match=r"0\.2 seconds \(--timeout\)"):
            ask(recorder, transport)
        assert len(endpoint.seen) == 1
        aio.run_and_wait(transport.aclose())
    assert clock.slept == []


def test_timeout_and_retries_are_those_of_the_role(tmp_path: Path) -> None:
    slow = [says("Hi"), says("late").after(9.0)]
    with (
        Endpoint(slow) as endpoint,
        Session(tmp_path / "c.sqlite", retry=RetryPolicy(base=0.0)) as session,
    ):
        lm = session.lm("m", api_base=endpoint.url, timeout=0.5, retries=1)
        lm("a")
        with pytest.raises(Exception, match=r"within 0\.5 seconds"):
            lm("b")
        assert len(endpoint.seen) == 1 + 2


# The breaker judges the endpoint, not the rows.


def test_refused_requests_never_open_the_breaker(store: CallStore) -> None:
    recorder = Recorder(store)
    ask_all(recorder, ScriptedTransport(["fine"]), [request("first")])
    transport = ScriptedTransport(lambda _: lm15.InvalidRequestError("too long", status=400))
    results = ask_all(recorder, transport, [request(str(n)) for n in range(200)])
    assert {type(result) for result in results} == {lm15.InvalidRequestError}


def test_rows_that_always_fail_do_not_stop_a_run_that_makes_progress(store: CallStore) -> None:
    """They are tried again while all others pass, so that at the end nothing else is left."""
    bad = {str(n) for n in range(0, 1000, 16)}
    transport = ScriptedTransport(
        lambda asked: lm15.ServerError("no") if asked.messages[-1].text in bad else "fine"
    )
    clock = Time()
    recorder = Recorder(store, None, RetryPolicy(), 64, sleep=clock.sleep, clock=clock.clock)
    results = ask_all(recorder, transport, [request(str(n)) for n in range(1000)])
    failed = [result for result in results if isinstance(result, BaseException)]
    assert {type(error) for error in failed} == {lm15.ServerError}
    assert len(failed) == len(bad)


def test_an_endpoint_that_goes_away_ends_the_run(store: CallStore) -> None:
    answers = iter(["fine"] * 100)
    transport = ScriptedTransport(lambda _: next(answers, lm15.ServerError("gone")))
    clock = Time()
    recorder = Recorder(store, None, RetryPolicy(), 16, sleep=clock.sleep, clock=clock.clock)
    results = ask_all(recorder, transport, [request(str(n)) for n in range(300)])
    assert any(isinstance(result, EndpointDown) for result in results)


def test_an_endpoint_that_never_replied_is_given_up_at_the_third() -> None:
    breaker = Breaker(RetryPolicy())
    for _ in range(2):
        breaker.failed(breaker.begin(), lm15.ServerError("no"), "m")
    with pytest.raises(EndpointDown, match="the last 3 calls"):
        breaker.failed(breaker.begin(), lm15.ServerError("no"), "m")
