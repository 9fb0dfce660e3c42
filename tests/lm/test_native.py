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
from autoevol.lm.transport import BrokenReply, Reply
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
    with pytest.raises(InputError, match=r"'nowhere/tiny': 'nowhere' is no provider .*give its URL as"):
        NativeTransport("nowhere/tiny", api_key=key)


def test_thinking_is_told_from_the_answer_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    _, reply = send(monkeypatch, says("<think>\nHm.\n</think>\n\nhello"))
    assert (reply.text, reply.thinking) == ("hello", "Hm.")


@pytest.mark.parametrize("answer", [says("hel", "error"), says("hel", "whatever"), says(""), says(None)])
def test_what_broke_off_is_no_reply_here_either(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    with pytest.raises(BrokenReply):
        send(monkeypatch, answer)


def test_a_spent_quota_is_no_rate_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(lm15.BillingError, match="per-day"):
        send(monkeypatch, refuses(429, "Rate limit exceeded: free-models-per-day"))


def test_a_key_of_the_environment_that_is_repeated_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(lm15.LM15Error) as raised:
        send(monkeypatch, refuses(400, f"you sent {KEY}"))
    assert KEY not in f"{raised.value!s} {raised.value!r} {vars(raised.value)}"
    _, reply = send(monkeypatch, says(f"you sent {KEY}"))
    assert reply.text == "you sent ***"


def test_extra_settings_reach_the_body_and_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    with Endpoint([says("hello")]) as endpoint:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", endpoint.address)
        transport = NativeTransport("azure/tiny", extra={"reasoning_effort": "low"})
        asked = request("Bonjour")
        aio.run_and_wait(transport.send(lm15.Request("azure/tiny", asked.messages, config=asked.config)))
        aio.run_and_wait(transport.aclose())
        assert endpoint.seen[0].body["reasoning_effort"] == "low"
        assert transport.identity == f"{NativeTransport('azure/tiny').identity}|reasoning_effort='low'"


def test_silence_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with Endpoint([says("late").after(9.0)]) as endpoint:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", endpoint.address)
        transport = NativeTransport("azure/tiny", timeout=0.3)
        asked = request("Bonjour")
        with pytest.raises(lm15.TimeoutError, match=r"0\.3 seconds"):
            aio.run_and_wait(transport.send(lm15.Request("azure/tiny", asked.messages, config=asked.config)))
        aio.run_and_wait(transport.aclose())


def test_a_provider_that_is_misspelt_or_has_no_key_is_told_in_the_words_of_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(InputError, match=r"'antropic' is no provider; did you mean anthropic\?"):
        NativeTransport("antropic/claude")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(InputError, match=r"no API key; set ANTHROPIC_API_KEY, or .* --api-key-env$"):
        NativeTransport("anthropic/claude")
