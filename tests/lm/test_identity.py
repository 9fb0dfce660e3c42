"""What makes two endpoints the same one to the call store."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from autoevol.core import aio
from autoevol.lm.http import HTTPTransport
from autoevol.lm.openai_client import OpenAITransport
from autoevol.lm.openai_compatible import ChatEndpoint

KEY = "sk-very-secret-0123456789"
Client = type[ChatEndpoint]


@pytest.fixture(params=[HTTPTransport, OpenAITransport])
def client(request: pytest.FixtureRequest) -> Client:
    return request.param


def test_identity_names_the_url_the_model_and_the_server_s_settings(client: Client) -> None:
    def identity(**options: Any) -> str:
        transport = client(**{"model": "a", "base_url": "http://one/v1", **options})
        aio.run_and_wait(transport.aclose())
        return transport.identity

    others = [
        identity(model="b"),
        identity(base_url="http://two/v1"),
        identity(extra={"top_k": 1}),
        identity(extra={"top_k": 2}),
    ]
    assert len({identity(), *others}) == 5
    assert identity() == identity(base_url="http://one/v1/", api_key="another")
    assert identity(extra={"a": 1, "b": 2}) == identity(extra={"b": 2, "a": 1})


@pytest.mark.parametrize(
    "url",
    [
        "http://ONE:80/v1",
        "https://one:443",
        "http://one/a%20b/%C3%BC",
        "http://u:p@one/v1",
        "http://[::1]:9/v1/",
    ],
)
def test_a_store_of_one_client_serves_the_other(url: str) -> None:
    identities = set()
    for client in (HTTPTransport, OpenAITransport):
        transport = client("m", base_url=url, api_key=KEY, extra={"a": 1})
        identities.add(transport.identity)
        aio.run_and_wait(transport.aclose())
    plain = openai.AsyncOpenAI(base_url=url, api_key=KEY).base_url.copy_with(userinfo=b"")
    assert identities == {f"{str(plain).rstrip('/')}|m|a=1"}, "a password does not decide what is answered"
