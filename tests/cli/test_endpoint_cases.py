"""Endpoints as people report them in public: each ends as it should, by the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from command_line import command, lines, printed, seed_file, summary
from servers import Answer, Endpoint, as_json, says

SEEDS = [f"Task {number}: describe how a bridge over a river is built." for number in range(4)]
Reshape = Callable[[dict[str, Any], dict[str, Any]], Answer | None]


def good(body: dict[str, Any]) -> dict[str, Any]:
    """A reply that makes sense for the prompt."""
    text = body["messages"][-1]["content"]
    said = f"Here is the answer in full, with a reason for each step of it. ({text})"
    if "between these two tags" in text:
        task = text.rpartition("#Instruction#:\n")[2]
        said = f"<final_instruction>\n{task} Explain every step and its cost.\n</final_instruction>"
    return json.loads(says(said, usage=(200, 60)).body)


def served(reshape: Reshape) -> Callable[[dict[str, Any]], Answer]:
    """A server whose good replies are bent by `reshape`, in place or into another answer."""

    def answer(body: dict[str, Any]) -> Answer:
        data = good(body)
        return reshape(data, body) or as_json(data)

    return answer


def message(data: dict[str, Any]) -> dict[str, Any]:
    return data["choices"][0]["message"]


def think(data: dict[str, Any], body: dict[str, Any]) -> None:
    thought = (
        "Maybe ask: could you please provide more? Between <final_instruction> and </final_instruction>."
    )
    message(data)["content"] = f"<think>\n{thought}\n</think>\n\n{message(data)['content']}"


def closing_tag_only(data: dict[str, Any], body: dict[str, Any]) -> None:
    message(data)["content"] = f"Could you please provide more?\n</think>\n\n{message(data)['content']}"


def reasoning_field(data: dict[str, Any], body: dict[str, Any]) -> None:
    message(data)["reasoning_content"] = "Could you please provide more?"


def parts(data: dict[str, Any], body: dict[str, Any]) -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Let me see."}]}
    message(data)["content"] = [thought, {"type": "text", "text": message(data)["content"]}]


def stream(data: dict[str, Any], body: dict[str, Any]) -> Answer:
    text = message(data)["content"]
    deltas = [
        ({"role": "assistant", "content": text[:40]}, None),
        ({"content": text[40:]}, None),
        ({}, "stop"),
    ]
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas]
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return Answer(f"{events}data: [DONE]\n\n".encode(), content_type="text/event-stream")


def something_behind(data: dict[str, Any], body: dict[str, Any]) -> Answer:
    return Answer(json.dumps(data).encode() + b"\n\nnull")


def other_parameters(data: dict[str, Any], body: dict[str, Any]) -> Answer | None:
    for name in {"max_tokens", "temperature"} & body.keys():
        error = {"message": f"Unsupported parameter: '{name}' is not supported.", "param": name}
        return as_json({"error": error}, 400)
    return None


def streams_only(data: dict[str, Any], body: dict[str, Any]) -> Answer:
    if not body.get("stream"):
        return as_json({"error": {"message": "This model only support stream mode."}}, 400)
    return stream(data, body)


def parts_beside(data: dict[str, Any], body: dict[str, Any]) -> None:
    tool = {"type": "tool_use", "id": "x", "name": "search", "input": {}}
    message(data)["content"] = [{"type": "text", "text": message(data)["content"]}, tool]


def a_tool_first(data: dict[str, Any], body: dict[str, Any]) -> None:
    data["choices"].insert(0, {"index": 1, "message": {"content": None, "tool_calls": [{"id": "x"}]}})


def two_streams(data: dict[str, Any], body: dict[str, Any]) -> Answer:
    text = message(data)["content"]
    pieces = [(number, text[at : at + 30]) for at in range(0, len(text), 30) for number in (0, 1)]
    chunks = [{"choices": [{"index": number, "delta": {"content": piece}}]} for number, piece in pieces]
    chunks += [{"choices": [{"index": number, "delta": {}, "finish_reason": "stop"}]} for number in (0, 1)]
    return Answer("".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode())


def other_encoding(data: dict[str, Any], body: dict[str, Any]) -> Answer:
    message(data)["content"] = message(data)["content"].replace("river", "fl\u00fas")
    told = json.dumps(data, ensure_ascii=False).encode("latin-1")
    return Answer(told, content_type="application/json; charset=iso-8859-1")


def other_words(data: dict[str, Any], body: dict[str, Any]) -> None:
    data["choices"][0]["finish_reason"] = {"type": "eosFound"}


def at_first(most: int, answer: Answer) -> Reshape:
    """So many times `answer`, then good ones."""
    numbers = count()
    return lambda data, body: answer if next(numbers) < most else None


LOADING = as_json({"error": {"code": 503, "message": "Loading model"}, "estimated_time": 0.05}, 503)


def broken_off_at_first() -> Reshape:
    numbers = count()

    def reshape(data: dict[str, Any], body: dict[str, Any]) -> None:
        if next(numbers) < 2:
            message(data)["content"] = message(data)["content"][:20]
            data["choices"][0] |= {"finish_reason": "error", "error": {"code": 502, "message": "lost"}}

    return reshape


def limited_at_first() -> Reshape:
    numbers = count()

    def reshape(data: dict[str, Any], body: dict[str, Any]) -> Answer | None:
        error = {"error": {"message": "free-models-per-min", "code": 429, "retry_after": 0.05}}
        return as_json(error) if next(numbers) < 6 else None

    return reshape


def evolved(tmp_path: Path, endpoint: Endpoint, *more: object, model: str = "served") -> list[dict[str, Any]]:
    """The data set that a run of four rows ends with."""
    seeds, out = seed_file(tmp_path, SEEDS), tmp_path / "run"
    done = command(
        "evolve", seeds, "--out", out, "--evol-model", model, "--api-base", endpoint.url, "--json", *more
    )
    assert summary(done)["evolution"]["passed"] == len(SEEDS), done.output
    return lines(out / "dataset.jsonl")


@pytest.mark.parametrize(
    "reshape",
    [
        think,
        closing_tag_only,
        reasoning_field,
        parts,
        stream,
        something_behind,
        other_parameters,
        broken_off_at_first(),
        limited_at_first(),
        streams_only,
        parts_beside,
        a_tool_first,
        two_streams,
        other_encoding,
        other_words,
        at_first(30, LOADING),
        at_first(2, as_json({"error": "Request failed during generation"}, 424)),
    ],
    ids=lambda reshape: reshape.__qualname__.partition(".")[0],
)
def test_all_rows_are_kept_and_no_thought_is_in_them(tmp_path: Path, reshape: Reshape) -> None:
    with Endpoint(served(reshape)) as endpoint:
        rows = evolved(tmp_path, endpoint)
    for row in rows:
        assert row["response"].startswith("Here is the answer")
        assert row["response"].endswith(")")
        assert row["instruction"].endswith("its cost.")
        row.pop("thinking", None)  # beside the pair, for `export --with-thinking`
        assert not any(mark in json.dumps(row) for mark in ("think>", "could you please", "Let me see"))


CUT = (
    {"finish_details": {"type": "max_tokens"}},
    {"stop_reason": "max_tokens"},
    {"finish_reason": "maxTokens"},
)


@pytest.mark.parametrize("end", CUT)
def test_a_reply_that_was_cut_is_not_kept_whatever_word_says_so(tmp_path: Path, end: dict[str, Any]) -> None:
    def cut(data: dict[str, Any], body: dict[str, Any]) -> None:
        data["choices"][0] = {**data["choices"][0], "finish_reason": None, **end}

    words = [
        "evolve",
        seed_file(tmp_path, SEEDS),
        "--out",
        tmp_path / "run",
        "--evol-model",
        "served",
        "--json",
    ]
    with Endpoint(served(cut)) as endpoint:
        told = printed(command(*words, "--api-base", endpoint.url, "--retries", 0))["evolution"]
    assert (told["passed"], told["failed"]) == (0, len(SEEDS))


NOTHING_TO_WAIT_FOR = {
    "insufficient balance": as_json(
        {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}
    ),
    "monthly": as_json({"error": {"message": "You have reached your monthly usage limit"}}, 429),
    "decommissioned": as_json({"error": {"message": "Model m-1.5 has been decommissioned."}}, 400),
    "user and a password": as_json({"error": "Proxy Authentication Required"}, 407),
    "wants a login": as_json({"error": "Sign in"}, 511),
    "redirects to https://login.example.com": Answer(b"", 302, {"Location": "https://login.example.com/sso"}),
}


@pytest.mark.parametrize("said", NOTHING_TO_WAIT_FOR)
def test_what_every_request_would_meet_ends_the_run_after_one(tmp_path: Path, said: str) -> None:
    words = ["evolve", seed_file(tmp_path, SEEDS), "--out", tmp_path / "run", "--evol-model", "served"]
    with Endpoint([NOTHING_TO_WAIT_FOR[said]]) as endpoint:
        done = command(*words, "--api-base", endpoint.url)
        assert len(endpoint.seen) == 1
    assert done.exit_code == 1
    assert said in done.stderr.splitlines()[-1]


def test_a_name_with_a_slash_goes_out_as_it_is_written(tmp_path: Path) -> None:
    def one_model(data: dict[str, Any], body: dict[str, Any]) -> Answer | None:
        error = {"message": f"The model `{body['model']}` does not exist.", "code": 404}
        return as_json(error, 404) if body["model"] != "openai/gpt-oss-20b" else None

    with Endpoint(served(one_model)) as endpoint:
        assert evolved(tmp_path, endpoint, model="openai/gpt-oss-20b")


@pytest.mark.slow
def test_a_reply_that_stays_broken_is_lost_and_not_failed(tmp_path: Path) -> None:
    def broken(data: dict[str, Any], body: dict[str, Any]) -> None:
        if "between these two tags" not in body["messages"][-1]["content"]:
            message(data)["content"] = message(data)["content"][:20]
            data["choices"][0]["finish_reason"] = "error"

    out = tmp_path / "run"
    words = ["evolve", seed_file(tmp_path, SEEDS), "--out", out, "--evol-model", "served", "--json"]
    with Endpoint(served(broken)) as endpoint:
        told = printed(command(*words, "--api-base", endpoint.url))
    rows = told["evolution"]
    assert (rows["passed"], rows["failed"], sum(rows["losses"].values())) == (0, 0, len(SEEDS))


@pytest.mark.parametrize("lost", [1, len(SEEDS)])
def test_a_run_of_replies_that_break_off_ends_with_1_only_if_nothing_is_kept(
    tmp_path: Path, lost: int
) -> None:
    def broken(data: dict[str, Any], body: dict[str, Any]) -> None:
        text = body["messages"][-1]["content"]
        if "between these two tags" not in text and any(f"Task {number}:" in text for number in range(lost)):
            data["choices"][0] |= {"finish_reason": "error", "error": {"code": 502, "message": "LOST"}}

    seeds, out = seed_file(tmp_path, SEEDS), tmp_path / "run"
    words = ("evolve", seeds, "--out", out, "--evol-model", "served", "--json", "--retries", 0)
    with Endpoint(served(broken)) as endpoint:
        done = command(*words, "--api-base", endpoint.url)
    told = printed(done)["evolution"]
    assert (told["passed"], told["unscored"], told["failed"]) == (len(SEEDS) - lost, lost, 0)
    assert len(lines(out / "dead.jsonl")) == lost
    assert done.exit_code == (1 if lost == len(SEEDS) else 0), done.output
    assert ("LOST" in done.stderr.splitlines()[-1]) == (lost == len(SEEDS))


def no_usage(data: dict[str, Any], body: dict[str, Any]) -> None:
    data["usage"] = None


def reasons_long(data: dict[str, Any], body: dict[str, Any]) -> None:
    most = min(20_000, body.get("max_completion_tokens") or body.get("max_tokens") or 20_000)
    data["usage"] = {"prompt_tokens": 200, "completion_tokens": most, "total_tokens": 200 + most}


@pytest.mark.parametrize(("reshape", "model"), [(no_usage, "served"), (reasons_long, "openai/o4-mini")])
def test_a_cap_holds_without_usage_and_with_hidden_reasoning(
    tmp_path: Path, reshape: Reshape, model: str
) -> None:
    words = ["evolve", seed_file(tmp_path, SEEDS), "--out", tmp_path / "run", "--evol-model", model, "--json"]
    caps = ["--max-tokens", "2500", "--reply-tokens", "1000", "--concurrency", "4"]
    with Endpoint(served(reshape)) as endpoint:
        done = command(*words, *caps, "--api-base", endpoint.url)
    assert done.exit_code == 3, done.output
    total = printed(done)["ledger"]["total"]
    assert 0 < total["input_tokens"] + total["output_tokens"] <= 2500


def test_a_key_with_a_line_end_is_cut_and_a_spoilt_one_is_bad_input(tmp_path: Path) -> None:
    seeds = seed_file(tmp_path, SEEDS)
    with Endpoint(served(lambda data, body: None)) as endpoint:
        words = ["evolve", seeds, "--evol-model", "m", "--api-base", endpoint.url, "--api-key-env", "MY_KEY"]
        assert command(*words, "--out", tmp_path / "a", MY_KEY="sk-abcdefgh12345678\r").exit_code == 0
        assert {seen.headers["Authorization"] for seen in endpoint.seen} == {"Bearer sk-abcdefgh12345678"}
        done = command(*words, "--out", tmp_path / "b", MY_KEY="sk-abcd\refgh12345678")
    assert done.exit_code == 2
    assert "MY_KEY" in done.output
    assert "12345678" not in done.output
