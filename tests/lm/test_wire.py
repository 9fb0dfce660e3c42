"""The JSON body of a request, which is also what its key is made of."""

from __future__ import annotations

import json

import orjson
import pytest
from dspy.lm15 import (
    Config,
    FunctionTool,
    ImagePart,
    Message,
    Request,
    TextPart,
    UnsupportedFeatureError,
    request_from_openai_chat,
)
from hypothesis import given
from hypothesis import strategies as st

from asking import request
from autoevol.lm.wire import chat_body


def test_messages_and_system_prompt_in_order() -> None:
    asked = Request("m", (Message.user("a"), Message.assistant("b"), Message.user("c")), system="Be brief.")
    assert chat_body(asked) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "user", "content": "c"},
        ],
    }


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        (Config(), {}),
        (Config(temperature=0.0), {"temperature": 0.0}),
        (
            Config(temperature=0.6, top_p=0.95, max_tokens=7),
            {"temperature": 0.6, "top_p": 0.95, "max_tokens": 7},
        ),
        (Config(seed=0), {"seed": 0}),
        (Config(top_k=40), {"top_k": 40}),
        (Config(stop=("END",)), {"stop": ["END"]}),
        (Config(extensions={"min_p": 0.1}), {"min_p": 0.1}),
        (Config(frequency_penalty=0.5), {"frequency_penalty": 0.5}),
    ],
)
def test_only_what_was_set_is_sent(config: Config, settings: dict[str, object]) -> None:
    body = chat_body(Request("m", (Message.user("x"),), config=config))
    assert {key: value for key, value in body.items() if key not in ("model", "messages")} == settings


@pytest.mark.parametrize(
    "response_format",
    [
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "thing", "schema": {"type": "object"}}},
    ],
)
def test_a_response_format_is_what_openai_knows(response_format: dict[str, object]) -> None:
    asked = request_from_openai_chat(
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": response_format}
    )
    assert chat_body(asked)["response_format"] == response_format


def test_parts_of_text_are_joined() -> None:
    asked = Request("m", (Message("user", (TextPart("a"), TextPart("b"))),))
    assert chat_body(asked)["messages"] == [{"role": "user", "content": "ab"}]


def test_tools_and_media_are_refused_not_dropped() -> None:
    tool = FunctionTool(name="f", description="d", parameters={"type": "object", "properties": {}})
    picture = ImagePart(url="https://example.org/a.png")
    for asked in (
        Request("m", (Message.user("x"),), tools=(tool,)),
        Request("m", (Message("user", (TextPart("x"), picture)),)),
    ):
        with pytest.raises(UnsupportedFeatureError):
            chat_body(asked)


@given(text=st.text(min_size=1, max_size=50))
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    body = orjson.dumps(chat_body(request(text)))
    assert json.loads(body)["messages"][0]["content"] == text
