"""Every shape of an answer has one meaning: a reply, a broken reply, or an error by its code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dspy import lm15

from autoevol.core.masking import Mask
from autoevol.lm.answers import read_answer
from autoevol.lm.transport import BrokenReply, Reply

USAGE = {"prompt_tokens": 7, "completion_tokens": 3}


def completion(message: Any, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "c", "choices": [choice], "usage": USAGE, **more}


def read(data: Any, status: int = 200, limit: int | None = None, **headers: str) -> Reply:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return read_answer(status, headers, body, Mask("sk-very-secret-0123456789"), limit)


@pytest.mark.parametrize(
    ("message", "text", "thinking"),
    [
        ({"content": "Hi"}, "Hi", ""),
        ({"content": "Hi", "reasoning_content": "Hm."}, "Hi", "Hm."),
        ({"content": "Hi", "reasoning": "Hm."}, "Hi", "Hm."),
        ({"content": "Hi", "reasoning_content": "Hm.", "reasoning": "Hm."}, "Hi", "Hm."),
        ({"content": "Hi", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}, "Hi", "Hm."),
        ({"content": "Hi", "reasoning": {"summary": [{"text": "Hm."}]}}, "Hi", "Hm."),
        ({"content": "<think>Hm.</think>Hi"}, "Hi", "Hm."),
        ({"content": "<think>Hm.</think>Hi", "reasoning_content": "First."}, "Hi", "First.\n\nHm."),
        ({"content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]}, "Hi", ""),
        ({"content": ["H", {"type": "output_text", "text": "i"}]}, "Hi", ""),
        ({"content": {"type": "text", "text": "Hi"}}, "Hi", ""),
        ({"content": [{"type": "text", "text": {"value": "Hi"}}]}, "Hi", ""),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                    {"type": "text", "text": "Hi"},
                ]
            },
            "Hi",
            "Hm.",
        ),
        ({"content": [{"text": "Hm.", "thought": True}, {"text": "Hi"}]}, "Hi", "Hm."),
        ({"content": [{"type": "reasoning", "summary": []}, {"type": "text", "text": "Hi"}]}, "Hi", ""),
        ({"content": None, "refusal": "I will not."}, "I will not.", ""),
        ({"content": "<p>An HTML page</p>"}, "<p>An HTML page</p>", ""),
        ({"content": "<html><title>My shop</title></html>"}, "<html><title>My shop</title></html>", ""),
    ],
)
def test_text_and_thinking_wherever_they_stand(message: dict[str, Any], text: str, thinking: str) -> None:
    reply = read(completion({"role": "assistant", **message}))
    assert (reply.text, reply.thinking, reply.finish_reason) == (text, thinking, "stop")


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("stop", "stop"),
        ("STOP", "stop"),
        ("end_turn", "stop"),
        ("eos", "stop"),
        (None, "stop"),
        ("", "stop"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
        ("SAFETY", "content_filter"),
        ("tool_calls", "tool_call"),
        ("maxTokens", "length"),
        ("max-tokens", "length"),
        ("eosFound", "stop"),
        ("model_context_window_exceeded", "length"),
        ("contentFilter", "content_filter"),
        ("guardrail_intervened", "content_filter"),
        ({"type": "stop", "matched": 2}, "stop"),
        ({"type": "length"}, "length"),
    ],
)
def test_known_finish_words(word: object, end: str) -> None:
    assert read(completion({"content": "Hi"}, word)).finish_reason == end


@pytest.mark.parametrize("word", ["error", "abort", "insufficient_system_resource", "unknown", "null", 7, {}])
def test_any_other_finish_word_is_no_finished_reply(word: object) -> None:
    with pytest.raises(BrokenReply, match="broke off") as broken:
        read(completion({"content": "Half an ans"}, word))
    assert (broken.value.reply.text, broken.value.reply.output_tokens) == ("Half an ans", 3), "to be booked"


@pytest.mark.parametrize("content", [None, "", "  \n", [], "<think>Hm.</think>", "<think>Hm, and th"])
def test_no_text_and_stop_is_the_fault_of_the_network(content: object) -> None:
    with pytest.raises(BrokenReply):
        read(completion({"content": content}))


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "reasoning_content": "Okay, so"},
        {"content": "<think>Okay, so"},
        {"content": ""},
    ],
)
def test_no_text_and_length_is_truncated(message: dict[str, Any]) -> None:
    reply = read(completion(message, "length"))
    assert (reply.text, reply.finish_reason) == ("", "length")
    assert reply.thinking in ("Okay, so", "")


def test_a_stop_at_the_limit_is_a_length() -> None:
    assert read(completion({"content": "<think>Okay"}), limit=3).finish_reason == "length"
    assert read(completion({"content": "Half an ans"}, None), limit=3).finish_reason == "length"
    assert read(completion({"content": "It fits."}), limit=3).finish_reason == "stop", "the server says so"


@pytest.mark.parametrize(
    "end",
    [{"finish_details": {"type": "max_tokens"}}, {"stop_reason": "max_tokens"}, {"done_reason": "length"}],
)
def test_an_end_that_stands_elsewhere_is_seen(end: dict[str, Any]) -> None:
    data = completion({"content": "Half an ans"}, None)
    data["choices"][0] |= end
    assert read(data).finish_reason == "length"


def test_where_vllm_stopped_is_no_word_of_how_it_ended() -> None:
    data = completion({"content": "Hi"}, None)
    data["choices"][0]["stop_reason"] = "</answer>"
    assert read(data).finish_reason == "stop"


@pytest.mark.parametrize(
    "chunks",
    [
        [{"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "x", "input": {}}],
        [{"type": "reference", "reference_ids": [1]}, {"type": "text", "text": "Hi"}],
        [None, {"type": "text", "text": "Hi"}, {"type": "text", "text": None}],
        {"parts": [{"text": "H"}, {"text": "i"}]},
    ],
)
def test_what_stands_beside_the_text_in_a_list_is_left_out(chunks: object) -> None:
    assert read(completion({"content": chunks})).text == "Hi"


def test_a_list_without_any_text_is_no_reply() -> None:
    with pytest.raises(BrokenReply, match="no completion"):
        read(completion({"content": [{"type": "tool_use", "id": "x"}]}))


def test_the_choice_that_holds_a_text_is_the_reply() -> None:
    data = completion({"content": "Hi"})
    data["choices"].insert(0, {"index": 1, "message": {"content": None, "tool_calls": [{}]}})
    assert read(data).text == "Hi"


def test_of_two_streams_that_take_turns_one_is_the_reply() -> None:
    pieces = [(0, "The "), (1, "Das "), (0, "bridge"), (1, "Br\u00fcck"), (1, "e"), (0, ".")]
    chunks = [{"choices": [{"index": index, "delta": {"content": text}}]} for index, text in pieces]
    ends = [{"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]} for index in (1, 0)]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks + ends) + "data: [DONE]\n\n"
    assert read_answer(200, {}, body.encode(), Mask()).text == "The bridge."


def test_an_encoding_that_is_named_is_read_and_another_is_no_reply() -> None:
    body = json.dumps(completion({"content": "Caf\u00e9"}), ensure_ascii=False).encode("latin-1")
    named = {"content-type": "application/json; charset=ISO-8859-1"}
    assert read_answer(200, named, body, Mask()).text == "Caf\u00e9"
    for headers in (
        {},
        {"content-type": "application/json; charset=utf-8"},
        {"content-type": "x; charset=no"},
    ):
        with pytest.raises(BrokenReply, match="encoding"):
            read_answer(200, headers, body, Mask())
    sent = json.dumps(completion({"content": "a \ufffd that was sent"}))
    assert "\ufffd" in read_answer(200, {}, sent.encode(), Mask()).text


@pytest.mark.parametrize(
    "told",
    [
        {"x_groq": {"usage": USAGE}},
        USAGE,
        {"usage": {"tokens": USAGE}},
        {"usage": None, "eval_count": 3} | USAGE,
    ],
)
def test_usage_is_found_where_it_stands(told: dict[str, Any]) -> None:
    data = {name: value for name, value in completion({"content": "Hi"}).items() if name != "usage"} | told
    reply = read(data)
    assert (reply.input_tokens, reply.output_tokens) == (7, 3)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, lm15.BillingError),
        (
            {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
            lm15.RateLimitError,
        ),
        ({"code": "1302", "msg": "rate limit reached for requests"}, lm15.RateLimitError),
        ({"error_code": 17, "error_msg": "Open api daily request limit reached"}, lm15.BillingError),
        ({"success": False, "errors": [{"code": 3040, "message": "Capacity exceeded"}]}, lm15.ServerError),
        ({"detail": "Invalid API key"}, lm15.AuthError),
        ({"error": "model not found"}, lm15.UnsupportedModelError),
    ],
)
def test_an_error_in_a_200_without_a_code_counts_by_its_words(
    data: dict[str, Any], kind: type[lm15.LM15Error]
) -> None:
    with pytest.raises(lm15.LM15Error) as refused:
        read(data)
    assert type(refused.value) is kind


def test_what_says_that_all_is_well_is_no_error() -> None:
    data = completion({"content": "Hi"}) | {"base_resp": {"status_code": 0, "status_msg": "success"}}
    assert read(data).text == "Hi"


@pytest.mark.parametrize("where", ["beside", "inside", "instead"])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "slow"}, lm15.RateLimitError),
        ({"code": "429", "message": "slow"}, lm15.RateLimitError),
        ({"type": "rate_limit_error", "message": "slow"}, lm15.RateLimitError),
        ({"code": 401, "message": "who"}, lm15.AuthError),
        ({"code": 402, "message": "pay"}, lm15.BillingError),
        ({"code": 404, "message": "what"}, lm15.UnsupportedModelError),
        ({"code": 400, "message": "no"}, lm15.InvalidRequestError),
        ({"code": 502, "message": "lost"}, lm15.ServerError),
        ({"message": "lost"}, lm15.ServerError),
        ("lost", lm15.ServerError),
    ],
)
def test_an_error_in_a_200_counts_by_its_code(where: str, error: object, kind: type[lm15.LM15Error]) -> None:
    data: dict[str, Any] = {"error": error}
    if where != "instead":
        data = completion({"content": "Half an ans"})
        (data if where == "beside" else data["choices"][0])["error"] = error
    with pytest.raises(kind) as raised:
        read(data)
    paid = isinstance(raised.value, BrokenReply)
    assert paid == (kind is lm15.ServerError and where != "instead"), "what was begun was paid for"


@pytest.mark.parametrize("error", [None, {}, "", {"code": None, "message": ""}, {"code": 0}, []])
def test_an_error_that_says_nothing_is_none(error: object) -> None:
    assert read(completion({"content": "Hi"}, error=error)).text == "Hi"


def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    return json.dumps({"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


PIECES = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "Hm"}),
    chunk({"reasoning_content": "."}),
    chunk({"content": "H"}),
    chunk({"content": "i"}),
    chunk({}, "stop"),
    json.dumps({"id": "x", "choices": [], "usage": USAGE}),
]


@pytest.mark.parametrize(
    "body",
    [
        "".join(f"data: {piece}\n\n" for piece in PIECES) + "data: [DONE]\n\n",
        "".join(f"data:{piece}\r\n\r\n" for piece in PIECES) + "data: [DONE]",
        "".join(f"event: x\nid: 1\ndata: {piece}\n\n" for piece in PIECES),
        ": PROCESSING\n\n" + "".join(f"data: {piece}\n" for piece in PIECES),
        "\n".join(PIECES[:-1]),
    ],
)
def test_a_stream_that_nobody_asked_for_is_put_together(body: str) -> None:
    reply = read(body.encode())
    assert (reply.text, reply.thinking, reply.finish_reason) == ("Hi", "Hm.", "stop")


def test_a_stream_that_ends_too_early_is_broken() -> None:
    with pytest.raises(BrokenReply) as broken:
        read("".join(f"data: {piece}\n\n" for piece in PIECES[:4]).encode())
    assert broken.value.reply.text == "H"
    with pytest.raises(lm15.RateLimitError):
        read(f'data: {PIECES[0]}\n\ndata: {{"error": {{"code": 429, "message": "slow"}}}}\n\n'.encode())


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n\n ", b": PROCESSING\n: PROCESSING\n\n"])
@pytest.mark.parametrize("behind", [b"", b"\n", b"\n\nnull", b"{}", b"}", b"<!-- served in 3 ms -->"])
def test_a_good_body_with_something_around_it(before: bytes, behind: bytes) -> None:
    body = before + json.dumps(completion({"content": "Hi"})).encode() + behind
    assert read(body).text == "Hi"


PAGE = "<!DOCTYPE html>\n<html>\n<head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
TRACE = 'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    1 / 0\nZeroDivisionError: no'


@pytest.mark.parametrize(
    "data",
    [
        PAGE.encode(),
        TRACE.encode(),
        completion({"content": PAGE}),
        completion({"content": TRACE}),
        b"",
        b"null",
        b"[]",
        b"12",
        b"[" * 100_000,
        {"choices": []},
        {"choices": "none"},
        {"choices": [{}]},
        {"choices": [None]},
        completion("text"),
        completion({"content": 7}),
        completion({"content": [7]}),
        completion({"content": [{"type": "image_url", "image_url": "x"}]}),
    ],
)
def test_anything_else_is_broken(data: object) -> None:
    with pytest.raises(BrokenReply):
        read(data)


def test_a_legacy_completion_is_read() -> None:
    data = {"choices": [{"text": "Hi", "finish_reason": "stop"}], "usage": USAGE}
    assert read(data) == Reply("Hi", "stop", 7, 3)


def test_a_reply_that_repeats_the_key_does_not_carry_it_on() -> None:
    reply = read(completion({"content": "You sent Bearer sk-very-secret-0123456789"}))
    assert reply.text == "You sent Bearer ***"
