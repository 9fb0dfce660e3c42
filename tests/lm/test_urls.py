"""One spelling of every base for both clients, and nothing sent to a host that was not given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from asking import request
from autoevol.core import aio
from autoevol.core.errors import InputError
from autoevol.lm.http import HTTPTransport
from autoevol.lm.keys import read_key, signature
from autoevol.lm.openai_client import OpenAITransport
from autoevol.lm.openai_compatible import ChatEndpoint
from autoevol.lm.urls import read_base
from servers import Answer, Endpoint, says

KEY = "sk-very-secret-0123456789"
CLIENTS = [HTTPTransport, OpenAITransport]


@pytest.mark.parametrize(
    ("base", "asked"),
    [
        ("http://api.example.com", "http://api.example.com/chat/completions"),
        ("http://api.example.com/", "http://api.example.com/chat/completions"),
        ("http://api.example.com/v1", "http://api.example.com/v1/chat/completions"),
        ("http://api.example.com/v1/", "http://api.example.com/v1/chat/completions"),
        (" http://api.example.com/v1\n", "http://api.example.com/v1/chat/completions"),
        ("http://localhost:8000", "http://localhost:8000/chat/completions"),
        ("HTTP://LocalHost:8000/v1", "http://localhost:8000/v1/chat/completions"),
        ("https://h:443/v1", "https://h/v1/chat/completions"),
        ("http://[::1]:9/v1", "http://[::1]:9/v1/chat/completions"),
        ("http://me:word@h/v1", "http://h/v1/chat/completions"),
        ("http://h/a%20b/%C3%BC/", "http://h/a%20b/%C3%BC/chat/completions"),
        ("http://h/v1?api-version=1", "http://h/v1/chat/completions?api-version=1"),
        ("http://h?api-version=1", "http://h/chat/completions?api-version=1"),
        (
            "http://h/openai/deployments/gpt4o/?api-version=2024-10-21&x=a%2Fb",
            "http://h/openai/deployments/gpt4o/chat/completions?api-version=2024-10-21&x=a%2Fb",
        ),
        ("http://under_score.example/v1", "http://under_score.example/v1/chat/completions"),
    ],
)
def test_base_path_and_query_are_joined(base: str, asked: str) -> None:
    assert read_base(base).to("chat/completions") == asked
    for client in CLIENTS:
        transport = client("m", base_url=base)
        assert transport._url == asked
        aio.run_and_wait(transport.aclose())


@pytest.mark.parametrize(
    "base",
    [
        "http://good.example@evil.example/v1",
        "http://good.example:443@evil.example/v1",
        "http://a:b@c:d@evil.example/v1",
        "http://good.example\\@evil.example/v1",
        "http:\\\\evil.example/v1",
        "http:/evil.example/v1",
        "http:///v1",
        "http:////evil.example/v1",
        "//evil.example/v1",
        "evil.example/v1",
        "ftp://evil.example/v1",
        "http://good.example /v1",
        "http://good.example\t.evil.example/v1",
        "http://good.example\n/v1",
        "http://good.example\uff0fevil.example/v1",
        "http://g\u00f6\u00f6d.example/v1",
        "http://good%2eexample/v1",
        "http://good.example:0/v1",
        "http://good.example:65536/v1",
        "http://good.example:port/v1",
        "http://good.example:/v1",
        "http://good.example/v1#there",
        "http://user:pass/word@good.example/v1",
        "http://user:12/34@good.example/v1",
        "http://good.example/v1/chat/completions",
        "http://:secret@good.example/v1",
        "",
    ],
)
def test_a_base_that_two_programs_could_read_differently_is_refused(base: str) -> None:
    with pytest.raises(InputError):
        read_base(base)


@pytest.mark.parametrize("name", ["key", "api_key", "api-key", "apikey", "access_token", "token", "sig"])
def test_a_url_is_no_place_for_a_key(name: str) -> None:
    with pytest.raises(InputError, match="--api-key-env") as refused:
        read_base(f"http://h/v1?a=1&{name}={KEY}")
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("base", [f"http://me:{KEY}/x@h/v1", f"http://me:{KEY}@h:port/v1", f"http://h {KEY}"])
def test_a_refusal_shows_no_password(base: str) -> None:
    with pytest.raises(InputError) as refused:
        read_base(base)
    assert KEY not in str(refused.value)


def test_a_password_is_decoded_and_goes_into_one_header() -> None:
    base = read_base("http://me:wo%2Frd@h/v1")
    assert (base.user, base.password) == ("me", "wo/rd")
    assert signature(base, KEY) == {"Authorization": "Basic bWU6d28vcmQ="}
    assert signature(read_base("http://h/v1"), KEY) == {"Authorization": f"Bearer {KEY}"}


@pytest.mark.parametrize(
    "base",
    ["https://mine.openai.azure.com/openai/v1", "http://h/openai/deployments/gpt4o?api-version=2024-10-21"],
)
def test_azure_has_a_header_of_its_own(base: str) -> None:
    assert signature(read_base(base), KEY) == {"api-key": KEY}


@pytest.fixture(params=CLIENTS)
def endpoint_kind(request: pytest.FixtureRequest) -> type[ChatEndpoint]:
    return request.param


@pytest.fixture
def other() -> Iterator[Endpoint]:
    with Endpoint([says("from elsewhere")]) as running:
        yield running


def test_azure_s_deployment_is_asked_where_it_is(endpoint_kind: type[ChatEndpoint]) -> None:
    with Endpoint([says("Hi")]) as served:
        base = f"{served.address}/openai/deployments/gpt4o?api-version=2024-10-21"
        transport = endpoint_kind("gpt4o", base_url=base, api_key=KEY)
        assert aio.run_and_wait(transport.send(request())).text == "Hi"
        aio.run_and_wait(transport.aclose())
        (seen,) = served.seen
    assert seen.path == "/openai/deployments/gpt4o/chat/completions"
    assert seen.headers["api-key"] == KEY
    assert "Authorization" not in seen.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_prompts_do_not_follow_a_redirect(
    endpoint_kind: type[ChatEndpoint], other: Endpoint, status: int
) -> None:
    with Endpoint([Answer(b"", status, {"Location": f"{other.url}/chat/completions"})]) as served:
        transport = endpoint_kind("m", base_url=served.url, api_key=KEY)
        with pytest.raises(Exception, match=r"redirects to http://127\.0\.0\.1") as refused:
            aio.run_and_wait(transport.send(request()))
        aio.run_and_wait(transport.aclose())
    assert type(refused.value).__name__ == "ConfigurationError"
    assert not other.seen


@pytest.mark.parametrize(
    ("value", "key"), [(" k1 ", "k1"), ("k1\r\n", "k1"), ("\tk1", "k1"), ("", None), (" \n", None)]
)
def test_white_space_around_a_key_is_cut(
    monkeypatch: pytest.MonkeyPatch, value: str, key: str | None
) -> None:
    monkeypatch.setenv("MY_KEY", value)
    assert read_key("MY_KEY") == key


@pytest.mark.parametrize("value", ["a\rb", "a b", "k\u00e9y", "\u201ckey\u201d", "a\x7fb"])
def test_a_key_that_no_header_can_carry_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("MY_KEY", value)
    with pytest.raises(InputError, match="MY_KEY") as refused:
        read_key("MY_KEY")
    assert value not in str(refused.value)
