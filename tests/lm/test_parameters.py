"""What an endpoint does not take is learned once: names of models, parameters, settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dspy import lm15

from autoevol.core.errors import AccessDenied, InputError
from autoevol.lm.parameters import Parameters
from autoevol.lm.refusals import ParameterRefused
from autoevol.lm.session import Session
from servers import Answer, Endpoint, as_json, refuses, says


def refuses_parameters(body: dict[str, Any], *named: str) -> Answer:
    """As OpenAI's reasoning models do it, whatever the deployment is called."""
    for name in named:
        if name in body:
            hint = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
            error = {
                "message": f"Unsupported parameter: '{name}' is not supported with this model.{hint}",
                "type": "invalid_request_error",
                "param": name,
                "code": "unsupported_parameter",
            }
            return as_json({"error": error}, 400)
    return says("Hi")


def test_refused_parameters_are_renamed_or_left_out_and_the_run_goes_on(tmp_path: Path) -> None:
    refused = ("max_tokens", "temperature", "top_p", "seed")
    with (
        Endpoint(lambda body: refuses_parameters(body, *refused)) as endpoint,
        Session(tmp_path / "c.sqlite") as session,
    ):
        lm = session.lm("my-gpt5", api_base=endpoint.url, temperature=0.5, top_p=0.9, max_tokens=20, seed=1)
        assert [lm("a"), lm("b")] == [["Hi"], ["Hi"]]
        asked = [seen.body for seen in endpoint.seen]
        learned = session.learned()
    assert len(asked) == 4 + 1 + 1, "once each, and never again"
    assert asked[-1] == {
        "model": "my-gpt5",
        "messages": [{"role": "user", "content": "b"}],
        "max_completion_tokens": 20,
    }
    assert {each.parameter: each.instead for each in learned} == {
        "max_tokens": "max_completion_tokens",
        "temperature": None,
        "top_p": None,
        "seed": None,
    }
    assert str(learned[0]) == "my-gpt5 does not take max_tokens: sent as max_completion_tokens"


STREAMED = b'data: {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\n'


@pytest.mark.parametrize(
    "said",
    [
        "This model only support stream mode, please enable the stream parameter to access the model.",
        "Stream must be set to true",
        "parameter.enable_thinking must be set to false for non-streaming calls",
    ],
)
@pytest.mark.parametrize("options", [True, False])
def test_an_endpoint_that_only_streams_is_asked_for_a_stream(
    tmp_path: Path, said: str, options: bool
) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        if not body.get("stream"):
            return refuses(400, said, "invalid_parameter_error")
        if not options and "stream_options" in body:
            return refuses(400, "Unknown parameter: 'stream_options'.")
        return Answer(STREAMED, content_type="text/event-stream")

    with Endpoint(answer) as endpoint, Session(tmp_path / "c.sqlite") as session:
        lm = session.lm("m", api_base=endpoint.url)
        assert [lm("a"), lm("b")] == [["Hi"], ["Hi"]]
        assert len(endpoint.seen) == 3 + (not options)
        assert str(session.learned()[0]) == "m does not take a reply in one piece: sent as stream"


def test_an_endpoint_that_wants_a_stream_and_refuses_one_is_not_asked_for_ever(tmp_path: Path) -> None:
    answer = refuses(400, "Stream must be set to true")
    with Endpoint([answer]) as endpoint, Session(tmp_path / "c.sqlite") as session:
        with pytest.raises(Exception, match="Stream must be set"):
            session.lm("m", api_base=endpoint.url)("a")
        assert [seen.body.get("stream") for seen in endpoint.seen] == [None, True]


INNER = '{"error": {"message": "`seed` is not supported"}}'


@pytest.mark.parametrize(
    "answer",
    [
        refuses(400, "Unrecognized request argument supplied: seed"),
        refuses(400, "property 'seed' is unsupported"),
        refuses(422, 'json: unknown field "seed"'),
        as_json({"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, 422),
        as_json([{"error": {"code": 400, "message": 'Unknown name "seed": Cannot find field.'}}], 400),
        as_json({"error": {"message": "Provider returned error", "metadata": {"raw": INNER}}}, 400),
    ],
)
def test_a_parameter_is_found_in_whatever_words(tmp_path: Path, answer: Answer) -> None:
    script = lambda body: answer if "seed" in body else says("Hi")  # noqa: E731
    with Endpoint(script) as endpoint, Session(tmp_path / "c.sqlite") as session:
        assert session.lm("m", api_base=endpoint.url, seed=1)("a") == ["Hi"]
        assert [each.parameter for each in session.learned()] == ["seed"]


@pytest.mark.parametrize(
    "said",
    [
        "max_tokens is too large: 20. This model supports at most 16 completion tokens.",
        "This model's maximum context length is 10 tokens. However, you requested 40 tokens.",
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 1.",
        "messages: unsupported role",
    ],
)
def test_a_value_that_is_refused_is_a_fault_of_the_request(tmp_path: Path, said: str) -> None:
    with Endpoint([refuses(400, said)]) as endpoint, Session(tmp_path / "c.sqlite") as session:
        lm = session.lm("m", api_base=endpoint.url, temperature=2.0, max_tokens=20)
        with pytest.raises(Exception, match=r"\w"):
            lm("a")
        assert len(endpoint.seen) == 1
        assert session.learned() == []


def test_a_limit_that_is_refused_under_both_names_is_never_left_out() -> None:
    parameters = Parameters("http://h", "m", reasoning=False)
    names = ("max_tokens", "max_completion_tokens")
    refused = [ParameterRefused("unsupported", status=400, param=name) for name in names]
    assert parameters.learn(refused[0], {"max_tokens": 9})
    assert parameters.fitted({"max_tokens": 9}) == {"max_completion_tokens": 9}
    assert not parameters.learn(refused[1], {"max_completion_tokens": 9})
    assert parameters.fitted({"max_tokens": 9}) == {"max_completion_tokens": 9}


def test_a_reasoning_model_that_wants_the_old_name_gets_it() -> None:
    parameters = Parameters("http://h", "o3", reasoning=True)
    assert parameters.fitted({"max_tokens": 9, "temperature": 1}) == {"max_completion_tokens": 9}
    refused = ParameterRefused("unsupported", status=400, param="max_completion_tokens")
    assert parameters.learn(refused, {"max_completion_tokens": 9})
    assert parameters.fitted({"max_tokens": 9}) == {"max_tokens": 9}


def test_an_extra_setting_is_sent_told_apart_and_never_dropped(tmp_path: Path) -> None:
    extra = {"chat_template_kwargs": {"enable_thinking": False}, "top_k": 5}
    with Endpoint([says("Hi")]) as endpoint, Session(tmp_path / "c.sqlite") as session:
        plain = session.lm("m", api_base=endpoint.url, temperature=0.0)
        other = session.lm("m", api_base=endpoint.url, temperature=0.0, extra=extra)
        again = session.lm("m", api_base=endpoint.url, temperature=0.0, extra=dict(reversed(extra.items())))
        assert [lm("a") for lm in (plain, other, again)] == [["Hi"]] * 3
        assert [seen.body.get("top_k") for seen in endpoint.seen] == [None, 5], "the third is the second"
    with (
        Endpoint(lambda body: refuses_parameters(body, "top_k")) as endpoint,
        Session(tmp_path / "d.sqlite") as session,
        pytest.raises(AccessDenied, match="extra setting top_k"),
    ):
        session.lm("m", api_base=endpoint.url, extra=extra)("a")


@pytest.mark.parametrize("name", ["model", "messages", "max_tokens", "max_completion_tokens", "n"])
def test_an_extra_setting_cannot_replace_what_has_an_option(tmp_path: Path, name: str) -> None:
    with Session(tmp_path / "c.sqlite") as session, pytest.raises(InputError, match=f"'{name}'"):
        session.lm("m", api_base="http://h/v1", extra={name: 1})


@pytest.mark.parametrize("client", ["aiohttp", "openai"])
def test_a_model_that_is_not_there_names_those_that_are(tmp_path: Path, client: str) -> None:
    models = ["llama-3", "gpt-oss-20b", "qwen3:8b"]
    with (
        Endpoint([refuses(404, "The model does not exist")], models) as endpoint,
        Session(tmp_path / "c.sqlite", client=client) as session,
        pytest.raises(AccessDenied, match="the endpoint offers gpt-oss-20b, ") as denied,
    ):
        session.lm("openai/gpt-oss-20b", api_base=endpoint.url)("a")
    assert "qwen3:8b" in str(denied.value)


def test_a_base_without_its_path_is_told(tmp_path: Path) -> None:
    with (
        Endpoint([refuses(404, "Not Found")], ["m"]) as endpoint,
        Session(tmp_path / "c.sqlite") as session,
        pytest.raises(AccessDenied, match=r"it answers under http://127\.0\.0\.1:\d+/v1: give that"),
    ):
        session.lm("m", api_base=endpoint.address)("a")


@pytest.mark.parametrize(
    "name", ["openai/gpt-oss-20b", "Qwen/Qwen3-8B", "qwen3:8b", "x/y:free", "hosted_vllm/meta/tiny"]
)
def test_a_name_goes_out_as_it_is_written(tmp_path: Path, name: str) -> None:
    with Endpoint([says("Hi")]) as endpoint, Session(tmp_path / "c.sqlite") as session:
        session.lm(name, api_base=endpoint.url)("a")
        assert endpoint.seen[0].body["model"] == name.removeprefix("hosted_vllm/")


@pytest.mark.parametrize(
    ("name", "served"), [("openai/m", "m"), ("m", "m"), ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B")]
)
def test_openai_base_url_is_asked_where_no_api_base_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, served: str
) -> None:
    with Endpoint([says("Hi")]) as endpoint, Session(tmp_path / "c.sqlite") as session:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        assert session.lm(name)("a") == ["Hi"]
        assert endpoint.seen[0].body["model"] == served


@pytest.mark.parametrize("model", ["openai/o4-mini", "gpt-5-mini", "o3"])
def test_the_limit_reaches_a_reasoning_model(tmp_path: Path, model: str) -> None:
    with Endpoint([says("Hi")]) as endpoint, Session(tmp_path / "c.sqlite") as session:
        session.lm(model, api_base=endpoint.url, temperature=0.0, max_tokens=1000)("a")
        body = endpoint.seen[0].body
    assert body["max_completion_tokens"] == 1000
    assert not body.keys() & {"max_tokens", "temperature"}


def test_call_keys_are_those_of_earlier_versions(tmp_path: Path) -> None:
    """A store that an `openai/` name has filled is found again, though the name goes out whole now."""
    with Endpoint([says("Hi")]) as endpoint, Session(tmp_path / "c.sqlite") as session:
        lm: Any = session.lm("openai/tiny", api_base=endpoint.url)
        assert lm.engine.transport.identity == f"{endpoint.url}|tiny|"
        assert lm.model == "openai/tiny"


def test_a_parameter_refused_is_an_invalid_request() -> None:
    assert issubclass(ParameterRefused, lm15.InvalidRequestError)
