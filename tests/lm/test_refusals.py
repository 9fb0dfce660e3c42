"""What a recorder does with each answer of a real socket."""

from __future__ import annotations

from pathlib import Path

import pytest
from dspy import lm15

from asking import ask, request
from autoevol.core import aio
from autoevol.core.errors import AccessDenied, StopRun
from autoevol.lm.http import HTTPTransport
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.store.calls import CallStore
from servers import Answer, Endpoint, html, refuses, resets, says

FAST = RetryPolicy(attempts=3, base=0.0)


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
        aio.run_and_wait(transport.aclose())
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
        pytest.param(says("x").after(3600.0), id="timeout", marks=pytest.mark.slow),
        pytest.param(Answer(b'{"id": "c", "choi'), id="truncated JSON"),
        pytest.param(Answer(b'{"id": "c", "choices": []}'), id="no choices"),
        pytest.param(Answer(b""), id="nothing"),
    ],
)
def test_a_transient_fault_is_tried_again_up_to_the_limit(store: CallStore, fault: Answer) -> None:
    with Endpoint([says("there"), fault, fault, says("at last"), fault]) as endpoint:
        recorder = Recorder(store, retry=FAST)
        patient = HTTPTransport("m", base_url=endpoint.url)
        ask(recorder, patient, request("are you there?"))
        aio.run_and_wait(patient.aclose())
        late = fault.delay > 0
        transport = HTTPTransport("m", base_url=endpoint.url, timeout=0.5 if late else 30.0)
        assert (record := ask(recorder, transport)).text == "at last"
        assert record.attempts == 3
        with pytest.raises(lm15.LM15Error):
            ask(recorder, transport, request("another"))
        aio.run_and_wait(transport.aclose())
        assert len(endpoint.seen) == 1 + 3 + 3


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_bad_request_is_a_fault_of_its_row_only(store: CallStore, status: int) -> None:
    with Endpoint([refuses(status, "too long"), says("fine")]) as endpoint:
        transport = HTTPTransport("m", base_url=endpoint.url)
        recorder = Recorder(store, retry=FAST)
        with pytest.raises(lm15.InvalidRequestError, match="too long"):
            ask(recorder, transport)
        assert ask(recorder, transport, request("another")).text == "fine"
        aio.run_and_wait(transport.aclose())
        assert len(endpoint.seen) == 2, "one request each"


@pytest.mark.parametrize("finish", ["content_filter", "length"])
def test_a_reply_cut_short_is_a_reply_and_not_asked_again(store: CallStore, finish: str) -> None:
    with Endpoint([says("half", finish)]) as endpoint:
        transport = HTTPTransport("m", base_url=endpoint.url)
        assert ask(Recorder(store, retry=FAST), transport).finish_reason == finish
        aio.run_and_wait(transport.aclose())
        assert len(endpoint.seen) == 1


@pytest.mark.parametrize("headers", [{"Retry_After": "0.2"}, {"Retry_After_Ms": "200"}])
def test_a_429_is_waited_out_and_is_no_attempt(store: CallStore, headers: dict[str, str]) -> None:
    with Endpoint([refuses(429, **headers), says("fine")]) as endpoint:
        transport = HTTPTransport("m", base_url=endpoint.url)
        record = ask(Recorder(store, retry=RetryPolicy(attempts=1)), transport)
        aio.run_and_wait(transport.aclose())
        first, second = endpoint.seen
    assert record.text == "fine"
    assert second.at - first.at >= 0.19


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
        aio.run_and_wait(transport.aclose())
        shared.close()
        assert all(seen.headers["Authorization"] == f"Bearer {KEY}" for seen in endpoint.seen)
    assert len(shown) == 7
    assert KEY not in f"{shown} {transport!r} {recorder!r} {caplog.text}"
    assert all(KEY.encode() not in file.read_bytes() for file in tmp_path.iterdir())
