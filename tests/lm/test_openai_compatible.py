"""One attempt against a real socket: every answer becomes a Reply or one kind of lm15 error."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from dspy import lm15

from asking import request
from autoevol.core import aio
from autoevol.lm.http import HTTPTransport
from autoevol.lm.openai_client import OpenAITransport
from autoevol.lm.openai_compatible import ChatEndpoint
from autoevol.lm.transport import BrokenReply, Reply
from servers import Answer, Endpoint, as_json, html, refuses, resets, says

KEY = "sk-very-secret-0123456789"


Client = type[ChatEndpoint]


@pytest.fixture(params=[HTTPTransport, OpenAITransport])
def client(request: pytest.FixtureRequest) -> Client:
    """Every test runs with both HTTP clients: nothing may depend on which is used."""
    return request.param


@contextmanager
def served(client: Client, answer: Answer, **options: Any) -> Iterator[tuple[Endpoint, ChatEndpoint]]:
    with Endpoint([answer]) as endpoint:
        transport = client("served", base_url=endpoint.url, api_key=KEY, **options)
        try:
            yield endpoint, transport
        finally:
            aio.run_and_wait(transport.aclose())


def outcome(client: Client, answer: Answer, **options: Any) -> Reply | lm15.LM15Error:
    with served(client, answer, **options) as (_, transport):
        try:
            return aio.run_and_wait(transport.send(request()))
        except lm15.LM15Error as error:
            return error


def error_of(client: Client, answer: Answer, **options: Any) -> lm15.LM15Error:
    result = outcome(client, answer, **options)
    assert isinstance(result, lm15.LM15Error), f"no error but {result!r}"
    return result


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (says("Hi", usage=(7, 3)), Reply("Hi", "stop", 7, 3)),
        (says("", "length", usage=(7, 0)), Reply("", "length", 7, 0)),
        (says(None, "content_filter"), Reply("", "content_filter", 7, 3)),
        (says("half a sent", "length"), Reply("half a sent", "length", 7, 3)),
        (says("Hi", usage=None), Reply("Hi", "stop", 0, 0)),
        (says("多言語 🎉 \x00 \u2028"), Reply("多言語 🎉 \x00 \u2028", "stop", 7, 3)),
    ],
)
def test_a_completion_is_a_reply(client: Client, answer: Answer, reply: Reply) -> None:
    assert outcome(client, answer) == reply


def test_a_refusal_is_the_text_of_its_reply(client: Client) -> None:
    message = {"role": "assistant", "content": None, "refusal": "I will not."}
    answer = as_json({"id": "c", "choices": [{"index": 0, "finish_reason": "stop", "message": message}]})
    assert outcome(client, answer) == Reply("I will not.", "stop", 0, 0)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refuses(401), lm15.AuthError),
        (refuses(402), lm15.BillingError),
        (refuses(404), lm15.UnsupportedModelError),
        (refuses(429, code="insufficient_quota"), lm15.BillingError),
        (refuses(403, code="billing_hard_limit_reached"), lm15.BillingError),
        (as_json({"error": {"message": "pay", "type": "insufficient_quota"}}, 429), lm15.BillingError),
        (refuses(400), lm15.InvalidRequestError),
        (refuses(413), lm15.InvalidRequestError),
        (refuses(422), lm15.InvalidRequestError),
        (refuses(429), lm15.RateLimitError),
        (refuses(408), lm15.ServerError),
        (refuses(500), lm15.ServerError),
        (refuses(503), lm15.ServerError),
        (refuses(529), lm15.ServerError),
        (html(502), lm15.ServerError),
        (html(200), lm15.ServerError),
        (Answer(b"", 200), lm15.ServerError),
        (Answer(b"null"), lm15.ServerError),
        (Answer(b"[]"), lm15.ServerError),
        (Answer(b'{"id": "c", "choices": [{"ind'), lm15.ServerError),
        (as_json({"id": "c", "choices": []}), lm15.ServerError),
        (as_json({"error": {"message": "upstream"}}), lm15.ServerError),
        (as_json({"id": "c", "choices": [{}]}), lm15.ServerError),
        (as_json({"id": "c", "choices": "none"}), lm15.ServerError),
        (as_json({"id": "c", "choices": [{"message": "text"}]}), lm15.ServerError),
        (as_json({"id": "c", "choices": [{"message": {"content": [1]}}]}), lm15.ServerError),
        (resets(), lm15.TransportError),
        (resets(after=20), lm15.TransportError),
    ],
)
def test_every_bad_answer_is_one_kind_of_error(
    client: Client, answer: Answer, kind: type[lm15.LM15Error]
) -> None:
    error = error_of(client, answer)
    assert (type(error) is kind) or (type(error), kind) == (BrokenReply, lm15.ServerError)


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": None}, {"prompt_tokens": "many"}, "none"])
def test_an_odd_usage_counts_no_tokens(client: Client, usage: object) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
    assert outcome(client, as_json({"id": "c", "choices": [choice], "usage": usage})) == Reply(
        "Hi", "stop", 0, 0
    )


def test_nobody_listening_is_a_transport_error(client: Client) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        transport = client("served", base_url=f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        with pytest.raises(lm15.TransportError, match="cannot reach"):
            aio.run_and_wait(transport.send(request()))
        aio.run_and_wait(transport.aclose())


@pytest.mark.parametrize(
    "answer",
    [says("late").after(3600.0), Answer(says("drop by drop").body, drip=0.05)],
    ids=["silent server", "server that drips"],
)
def test_the_timeout_is_for_the_whole_attempt(client: Client, answer: Answer) -> None:
    assert type(error_of(client, answer, timeout=0.3)) is lm15.TimeoutError


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "0.5"}, 0.5),
        ({"Retry_After_Ms": "250"}, 0.25),
        ({"Retry_After": "7", "Retry_After_Ms": "250"}, 0.25),
        ({"Retry_After": "-3"}, 0.0),
        ({"Retry_After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry_After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "nan"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_a_server_asks_for(
    client: Client, status: int, headers: dict[str, str], seconds: float | None
) -> None:
    error = error_of(client, refuses(status, **headers))
    assert isinstance(error, lm15.ProviderError)
    assert error.retry_after == seconds


def test_one_send_is_one_request_whatever_the_answer(client: Client) -> None:
    for answer in (refuses(500), refuses(429), resets(), html()):
        with served(client, answer) as (endpoint, transport):
            with pytest.raises(lm15.LM15Error):
                aio.run_and_wait(transport.send(request()))
            assert len(endpoint.seen) == 1


def test_the_request_on_the_wire(client: Client) -> None:
    with served(client, says("Hi"), extra={"top_k": 5, "chat_template_kwargs": {"thinking": False}}) as (
        end,
        transport,
    ):
        aio.run_and_wait(transport.send(request("Bonjour", 0.6, top_p=0.95, max_tokens=20, seed=4)))
        (seen,) = end.seen
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["Authorization"] == f"Bearer {KEY}"
    assert seen.body == {
        "model": "served",
        "messages": [{"role": "user", "content": "Bonjour"}],
        "temperature": 0.6,
        "top_p": 0.95,
        "max_tokens": 20,
        "seed": 4,
        "top_k": 5,
        "chat_template_kwargs": {"thinking": False},
    }


def test_a_reasoning_model_gets_no_sampling_settings(client: Client) -> None:
    with served(client, says("Hi"), reasoning=True) as (endpoint, transport):
        aio.run_and_wait(transport.send(request("Hi", 0.6, top_p=0.95, max_tokens=20)))
        body = endpoint.seen[0].body
    assert body == {
        "model": "served",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_completion_tokens": 20,
    }


@pytest.mark.parametrize(
    "answer",
    [
        refuses(400, "filtered", code="content_filter"),
        refuses(400, "filtered", code="content_policy_violation"),
        as_json({"error": {"message": "filtered", "type": "content_filter"}}, 403),
    ],
)
def test_a_filtered_request_says_so(client: Client, answer: Answer) -> None:
    error = error_of(client, answer)
    assert type(error) is lm15.InvalidRequestError
    assert error.provider_code == "content_filter"


def test_an_answer_that_is_no_completion_says_so(client: Client) -> None:
    assert error_of(client, html(200)).provider_code == "unreadable_reply"
    assert error_of(client, html(502)).provider_code is None


def test_half_a_character_is_left_for_the_recorder_to_mend(client: Client) -> None:
    assert outcome(client, says("a\ud83dz")) == Reply("a\ud83dz", "stop", 7, 3)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "6m0s"}, 360.0),
        ({"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "20ms"}, 0.02),
        ({"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "1h2m3.5s"}, 3723.5),
        ({"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "12"}, 12.0),
        ({"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "soon"}, None),
        ({"x_ratelimit_remaining_tokens": "0"}, None),
        ({"x_ratelimit_remaining_requests": "9", "x_ratelimit_reset_requests": "6m0s"}, None),
        ({}, None),
    ],
)
def test_a_used_up_rate_limit_comes_with_the_answer(
    client: Client, headers: dict[str, str], seconds: float | None
) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = outcome(client, replace(says("Hi"), headers=named))
    assert isinstance(reply, Reply)
    assert reply.reset == seconds
    error = error_of(client, refuses(429, **headers))
    assert isinstance(error, lm15.RateLimitError)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("headers", "limits"),
    [
        ({"requests": "500", "tokens": "200000"}, (500.0, 200_000.0)),
        ({"tokens": "1e4"}, (None, 10_000.0)),
        ({"requests": "0", "tokens": "-1"}, (None, None)),
        ({"requests": "many", "tokens": "inf"}, (None, None)),
        ({"requests": "nan"}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_the_server_s_own_limits_come_with_the_answer(
    client: Client, headers: dict[str, str], limits: tuple[float | None, float | None]
) -> None:
    named = {f"X-RateLimit-Limit-{name.title()}": value for name, value in headers.items()}
    reply = outcome(client, replace(says("Hi"), headers=named))
    assert isinstance(reply, Reply)
    assert (reply.rpm, reply.tpm) == limits


@pytest.mark.parametrize("status", [200, 400, 401, 402, 404, 429, 500])
def test_a_server_that_repeats_the_key_does_not_get_it_into_our_errors(client: Client, status: int) -> None:
    error = error_of(client, refuses(status, f"Incorrect API key provided: {KEY}. Try {KEY}!"))
    shown = f"{error!s} {error!r} {error.args} {vars(error)}"
    assert KEY not in shown
    assert "Incorrect API key" in str(error)


def test_the_key_is_not_in_the_transport_s_face(client: Client) -> None:
    transport = client("served", base_url="http://127.0.0.1:9/v1", api_key=KEY)
    assert KEY not in f"{transport!r} {transport.identity}"
    aio.run_and_wait(transport.aclose())


def test_a_user_and_password_in_the_url_take_the_place_of_the_key(client: Client) -> None:
    with Endpoint([says("Hi")]) as endpoint:
        transport = client("m", base_url=endpoint.url.replace("http://", "http://me:word@"), api_key=KEY)
        assert aio.run_and_wait(transport.send(request())).text == "Hi"
        aio.run_and_wait(transport.aclose())
        assert endpoint.seen[0].headers["Authorization"] == aiohttp.encode_basic_auth("me", "word")


def test_a_proxy_of_the_environment_is_used(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with Endpoint([says("through the proxy")]) as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        transport = client("m", base_url="http://nowhere.invalid/v1", api_key=KEY)
        assert aio.run_and_wait(transport.send(request())).text == "through the proxy"
        aio.run_and_wait(transport.aclose())


def test_connections_are_not_the_bottleneck(client: Client) -> None:
    enough = threading.Event()

    def crowded(body: dict[str, Any]) -> Answer:
        if endpoint.most_at_once > 100:
            enough.set()
        return says("Hi").once(enough.is_set)

    with Endpoint(crowded) as endpoint:
        transport = client("served", base_url=endpoint.url, api_key=KEY)

        async def many() -> list[Reply]:
            return await aio.gather(transport.send(request()) for _ in range(200))

        assert len(aio.run_and_wait(many())) == 200
        aio.run_and_wait(transport.aclose())
    assert enough.is_set(), "the clients' own default is 100"
