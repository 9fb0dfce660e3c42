"""Whatever a server sends: one of our errors, or a reply without thinking and without a word lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from dspy import lm15
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asking import request
from autoevol.core import aio
from autoevol.core.masking import Mask
from autoevol.lm.answers import read_answer
from autoevol.lm.ends import end_of
from autoevol.lm.http import HTTPTransport
from autoevol.lm.native import NativeTransport
from autoevol.lm.openai_client import OpenAITransport
from autoevol.lm.transport import BrokenReply, Reply, Transport
from servers import Answer, Endpoint

THOUGHT = "QQ thinking QQ"
ANSWER = "AA answer AA"

contents = st.sampled_from(["string", "chunks", "parts of a string", "null", "empty", "number", "absent"])
thoughts = st.sampled_from(["none", "field", "short field", "tags", "closing tag", "opening tag", "chunk"])
words = st.sampled_from(["stop", "length", "content_filter", "error", "end_turn", "whatever", None, 3])
usages = st.sampled_from(
    [
        {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        {"prompt_tokens": 2**63, "completion_tokens": -1},
        {"input_tokens": "7", "output_tokens": 3.0},
        {"completion_tokens_details": None},
        {},
        None,
        "none",
        [1],
    ]
)
errors = st.sampled_from([None, {}, {"code": 429, "message": "slow"}, {"message": "lost"}, "lost", 5, [7]])
framings = st.sampled_from(["plain", "behind", "stream", "cut"])


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, str, str, object, object]:
    """A body, and what was put into it."""
    content, thought, word, error = draw(contents), draw(thoughts), draw(words), draw(errors)
    message: dict[str, Any] = {"role": "assistant"}
    text = ANSWER
    if thought == "tags":
        text = f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"
    elif thought == "closing tag":
        text = f"{THOUGHT}\n</think>\n{ANSWER}"
    elif thought == "opening tag":
        text = f"<think>{THOUGHT}"
    elif thought in ("field", "short field"):
        message["reasoning_content" if thought == "field" else "reasoning"] = THOUGHT
    chunks: list[Any] = [{"type": "text", "text": text}]
    if content == "parts of a string":
        chunks = [{"type": "text", "text": text[:9]}, {"type": "text", "text": text[9:]}]
    if thought == "chunk":
        chunks.insert(0, {"type": "thinking", "thinking": THOUGHT})
    values = {"string": text, "chunks": chunks, "parts of a string": chunks, "empty": "", "number": 5}
    if content != "absent":
        message["content"] = values.get(content)
    choice = {"index": 0, "message": message, "finish_reason": word}
    data: dict[str, Any] = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    data |= {"choices": [choice], "usage": draw(usages)}
    if error is not None:
        (data if draw(st.booleans()) else choice)["error"] = error
    framing = draw(framings)
    body = json.dumps(data).encode()
    if framing == "behind":
        body += b"\n\nnull"
    elif framing == "stream":
        body = f"data: {body.decode()}\n\ndata: [DONE]\n\n".encode()
    elif framing == "cut":
        body = body[: draw(st.integers(0, len(body) - 1))]
    return body, content if framing != "cut" else "cut", thought, word, error


def judged(outcome: Reply | lm15.LM15Error, made: tuple[bytes, str, str, object, object]) -> None:
    """What holds for every body."""
    _, content, thought, word, error = made
    replies = [outcome] if isinstance(outcome, Reply) else []
    replies += [outcome.reply] if isinstance(outcome, BrokenReply) else []
    for reply in replies:
        assert 0 <= reply.input_tokens < 2**40
        assert 0 <= reply.output_tokens < 2**40
    if not isinstance(outcome, Reply):
        return
    assert "QQ" not in outcome.text
    assert outcome.finish_reason in ("stop", "length", "content_filter", "tool_call")
    assert end_of(word) != "error"
    if content in ("string", "chunks", "parts of a string") and thought != "opening tag":
        if thought != "chunk" or content != "string":
            assert outcome.text == ANSWER, "no text is lost"
    else:
        assert outcome.text == ""
        assert outcome.finish_reason != "stop"
    if thought in ("tags", "closing tag", "opening tag") and content in ("string", "chunks"):
        assert outcome.thinking == THOUGHT, "nor is what was thought"
    assert error in (None, {})


def outcome_of(transport: Transport) -> Reply | lm15.LM15Error:
    try:
        return aio.run_and_wait(transport.send(request()))
    except lm15.LM15Error as error:
        return error


@settings(max_examples=400, deadline=None)
@given(bodies())
def test_as_it_is_read(made: tuple[bytes, str, str, object, object]) -> None:
    try:
        outcome: Reply | lm15.LM15Error = read_answer(200, {}, made[0], Mask())
    except lm15.LM15Error as error:
        outcome = error
    judged(outcome, made)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([200, 204, 299, 301, 400, 404, 418, 429, 500, 599]))
def test_any_bytes_are_one_of_our_errors(body: bytes, status: int) -> None:
    with pytest.raises(lm15.LM15Error):
        read_answer(status, {}, body, Mask())


NAMES = ["choices", "message", "content", "error", "code", "usage", "delta", "finish_reason"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(json_values, st.sampled_from([200, 400, 429]))
def test_any_json_is_a_reply_or_one_of_our_errors(value: object, status: int) -> None:
    try:
        reply = read_answer(status, {}, json.dumps(value).encode(), Mask())
    except lm15.LM15Error:
        return
    assert reply.text or reply.finish_reason != "stop"


@contextmanager
def every_transport(monkeypatch: pytest.MonkeyPatch, answers: list[Answer]) -> Iterator[list[Transport]]:
    with Endpoint(lambda _: answers[0]) as endpoint, ExitStack() as stack:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", endpoint.address)
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
        made: list[Any] = [kind("m", base_url=endpoint.url) for kind in (HTTPTransport, OpenAITransport)]
        made.append(_Native())
        for transport in made:
            stack.callback(lambda transport=transport: aio.run_and_wait(transport.aclose()))
        yield made


class _Native(NativeTransport):
    """The pass-through to DSPy's client, for requests that name another model."""

    def __init__(self) -> None:
        super().__init__("azure/tiny")

    async def send(self, request: lm15.Request) -> Reply:
        return await super().send(lm15.Request("azure/tiny", request.messages, config=request.config))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(bodies(), min_size=5, max_size=5))
def test_through_both_clients_and_the_pass_through(
    monkeypatch: pytest.MonkeyPatch, several: list[tuple[bytes, str, str, object, object]]
) -> None:
    answers = [Answer()]
    with every_transport(monkeypatch, answers) as (ours, theirs, native):
        for made in several:
            answers[0] = Answer(made[0])
            read = [outcome_of(transport) for transport in (ours, theirs)]
            assert type(read[0]) is type(read[1])
            assert isinstance(read[0], lm15.LM15Error) or read[0] == read[1]
            for outcome in read:
                judged(outcome, made)
            passed = outcome_of(native)
            assert not isinstance(passed, Reply) or "QQ" not in passed.text
