"""DSPy's own clients, recorded like any other: an Azure deployment served from a loopback socket."""

from __future__ import annotations

from pathlib import Path

import pytest
from dspy import lm15

from asking import request
from autoevol.core import aio
from autoevol.core.errors import AccessDenied, InputError
from autoevol.lm.native import NativeTransport
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from autoevol.lm.transport import Reply
from servers import Answer, Endpoint, refuses, says

KEY = "azure-secret-0123456789"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)


def send(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> tuple[Endpoint, Reply]:
    with Endpoint([answer]) as endpoint:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", endpoint.address)
        transport = NativeTransport("azure/tiny")
        asked = request("Bonjour", 0.5, max_tokens=9)
        asked = lm15.Request("azure/tiny", asked.messages, config=asked.config)
        try:
            return endpoint, aio.run_and_wait(transport.send(asked))
        finally:
            aio.run_and_wait(transport.aclose())


def test_a_completion_is_a_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint, reply = send(monkeypatch, says("hello", "length"))
    assert reply == Reply("hello", "length", 7, 3)
    (seen,) = endpoint.seen
    assert seen.body["messages"][-1]["content"] in ("Bonjour", [{"type": "text", "text": "Bonjour"}])
    assert seen.body["model"] == "tiny"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refuses(401), lm15.AuthError),
        (refuses(429), lm15.RateLimitError),
        (refuses(500), lm15.ServerError),
        (refuses(400), lm15.InvalidRequestError),
    ],
)
def test_errors_are_of_the_kinds_that_the_recorder_knows(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, kind: type[lm15.LM15Error]
) -> None:
    with pytest.raises(kind):
        send(monkeypatch, answer)


def test_recorded_like_any_other_through_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Endpoint([refuses(500), says("hello"), refuses(401, "bad key")]) as endpoint:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", endpoint.address)
        with Session(tmp_path / "c.sqlite", retry=RetryPolicy(base=0.0)) as session:
            lm = session.lm("azure/tiny", temperature=0.0)
            assert [lm("a"), lm("a")] == [["hello"], ["hello"]]
            assert session.ledger()[0].paid.calls == session.ledger()[0].reused == 1
            with pytest.raises(AccessDenied, match="check the API key") as stopped:
                lm("b")
        assert len(endpoint.seen) == 3
    assert "\n" not in str(stopped.value)
    assert all(KEY.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_identity_names_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    def identity(address: str, model: str = "azure/tiny") -> str:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", address)
        return NativeTransport(model).identity

    one = identity("http://one")
    assert one == identity("http://one")
    assert len({one, identity("http://two"), identity("http://one", "azure/small")}) == 3
    assert KEY not in one


@pytest.mark.parametrize("model", ["ollama_chat/tiny", "ollama/tiny", "anthropic/tiny", "gemini/tiny"])
def test_a_key_is_taken_whatever_the_model_string_calls_its_provider(model: str) -> None:
    assert NativeTransport(model, api_key="k").identity.startswith(model.partition("_")[0].partition("/")[0])


@pytest.mark.parametrize("key", [None, "k"])
def test_an_unknown_provider_is_an_input_error(key: str | None) -> None:
    with pytest.raises(InputError, match="model 'nowhere/tiny'"):
        NativeTransport("nowhere/tiny", api_key=key)
