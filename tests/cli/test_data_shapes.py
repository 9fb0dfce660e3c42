"""Data as people have it, by the command line: turns in columns, shards, tools, lengths, thinking."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import at, command, lines, summary
from priced import reply
from servers import Endpoint

SYSTEM = "Answer as a mason."
ALPACA = {
    "instruction": "Task 4: name a prime above 4.",
    "input": "",
    "output": "5, aye.",
    "system": SYSTEM,
    "history": [["Task 1: name a prime above 1.", "2, aye."]],
}
TURNS = [
    {"role": "system", "content": SYSTEM},
    {"role": "user", "content": "Task 1: name a prime above 1."},
    {"role": "assistant", "content": "2, aye."},
    {"role": "user", "content": "Task 4: name a prime above 4."},
    {"role": "assistant", "content": "5, aye."},
]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(reply) as running:
        yield running


def write(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def evolve(source: object, out: Path, endpoint: Endpoint, *more: object) -> list[dict[str, Any]]:
    """The dataset that `autoevol evolve` makes."""
    done = command("evolve", source, "--method", "weak", "--out", out, *at(endpoint), *more)
    summary(done)
    return lines(out / "dataset.jsonl")


def test_turns_in_columns_are_evolved_answered_and_exported_as_turns(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    source = write(tmp_path / "alpaca.jsonl", ALPACA)
    rows = evolve(source, tmp_path / "run", endpoint, "--turns", "every")
    assert [row["messages"][:-2] for row in rows] == [TURNS[:1], TURNS[:3]]
    sent = [seen.body["messages"] for seen in endpoint.seen]
    answered = [messages for messages in sent if messages[0]["content"] == SYSTEM]
    assert [len(messages) for messages in answered] == [2, 4]
    summary(command("export", source, "--out", tmp_path / "m.jsonl", "--json"))
    assert lines(tmp_path / "m.jsonl") == [{"messages": TURNS}]


def test_its_own_alpaca_comes_back(tmp_path: Path) -> None:
    source = write(tmp_path / "talk.jsonl", {"messages": TURNS})
    summary(command("export", source, "--format", "alpaca", "--out", tmp_path / "a.jsonl", "--json"))
    assert lines(tmp_path / "a.jsonl") == [ALPACA]
    summary(command("export", tmp_path / "a.jsonl", "--out", tmp_path / "m.jsonl", "--json"))
    assert lines(tmp_path / "m.jsonl") == [{"messages": TURNS}]


def test_openorca_keeps_its_system_prompt_and_its_answers(endpoint: Endpoint, tmp_path: Path) -> None:
    record = {"id": "flan.0", "system_prompt": SYSTEM, "question": "Task 1: why?", "response": "So."}
    source = write(tmp_path / "orca.jsonl", record)
    (row,) = evolve(source, tmp_path / "run", endpoint)
    assert row["messages"][0] == {"role": "system", "content": SYSTEM}
    summary(command("export", source, "--out", tmp_path / "m.jsonl", "--json"))
    assert [turn["content"] for turn in lines(tmp_path / "m.jsonl")[0]["messages"]] == [
        SYSTEM,
        "Task 1: why?",
        "So.",
    ]


def test_shards_saved_folders_packed_files_and_plain_text_are_evolved(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    tasks = [f"Task {number}: name a prime above {number}." for number in (1, 2, 4)]
    shards = tmp_path / "shards"
    shards.mkdir()
    for number, task in enumerate(tasks):
        pq.write_table(pa.table({"instruction": [task]}), shards / f"train-{number:05}-of-00003.parquet")
    datasets.Dataset.from_dict({"instruction": tasks}).save_to_disk(tmp_path / "saved")
    (tmp_path / "prompts.txt").write_text("\n".join(tasks))
    packed = "".join(json.dumps({"instruction": task}) + "\n" for task in tasks).encode()
    (tmp_path / "seeds.jsonl.zst").write_bytes(pa.compress(packed, codec="zstd", asbytes=True))
    sources = [
        shards,
        f"{shards}/*.parquet",
        *(tmp_path / n for n in ("saved", "prompts.txt", "seeds.jsonl.zst")),
    ]
    for number, source in enumerate(sources):
        rows = evolve(source, tmp_path / f"run{number}", endpoint)
        assert [row["seed"] for row in rows] == tasks


def test_a_folder_of_shards_that_changes_is_another_source(endpoint: Endpoint, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    write(shards / "a.jsonl", {"text": "Task 1: one."})
    write(shards / "b.jsonl", {"text": "Task 2: two."})
    job = ["evolve", shards, "--method", "weak", "--out", tmp_path / "run", *at(endpoint)]
    summary(command(*job))
    paid = len(endpoint.seen)
    summary(command(*job))
    assert len(endpoint.seen) == paid
    write(shards / "c.jsonl", {"text": "Task 4: four."})
    done = command(*job)
    assert done.exit_code == 2, done.output
    assert len(endpoint.seen) == paid


@pytest.mark.parametrize(
    "record",
    [
        {"conversations": ["Task 1: why?", "So."], "source": "s"},
        {"conversation_id": "0", "conversation": TURNS[1:3], "turn": 1},
        {"type": "GSM", "query": "Task 1: why?", "original_question": "Why?", "response": "So."},
        {"problem": "Task 1: why?", "solution": "So.", "level": "Level 2", "type": "Algebra"},
    ],
)
def test_more_shapes_are_evolved_and_exported_with_their_answers(
    record: dict[str, Any], endpoint: Endpoint, tmp_path: Path
) -> None:
    source = write(tmp_path / "d.jsonl", record)
    assert len(evolve(source, tmp_path / "run", endpoint)) == 1
    assert summary(command("export", source, "--out", tmp_path / "m.jsonl", "--json"))["rows"] == 1
    assert lines(tmp_path / "m.jsonl")[0]["messages"][-1]["role"] == "assistant"


def test_tool_turns_pass_through(endpoint: Endpoint, tmp_path: Path) -> None:
    talk = {
        "conversations": [
            {"from": "system", "value": SYSTEM},
            {"from": "human", "value": "Task 1: is it wet?"},
            {"from": "function_call", "value": '{"name":"wet","arguments":{"at":"Oslo"}}'},
            {"from": "observation", "value": '{"wet":true}'},
            {"from": "gpt", "value": "It is."},
        ],
        "tools": '[{"name":"wet"}]',
    }
    source = write(tmp_path / "d.jsonl", talk)
    (row,) = evolve(source, tmp_path / "run", endpoint, "--turns", "first")
    assert row["seed"] == "Task 1: is it wet?"
    summary(command("export", source, "--format", "sharegpt", "--out", tmp_path / "s.jsonl", "--json"))
    assert lines(tmp_path / "s.jsonl") == [talk]
    told = command("export", source, "--card", "--out", tmp_path / "m.jsonl")
    assert told.exit_code == 0, told.output
    (record,) = lines(tmp_path / "m.jsonl")
    assert [turn["role"] for turn in record["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]


def test_an_encoding_is_named_by_its_flag(endpoint: Endpoint, tmp_path: Path) -> None:
    source = tmp_path / "d.csv"
    source.write_bytes("instruction,output\nTask 1: 天空,蓝色\n".encode("gbk"))
    done = command("evolve", source, "--method", "weak", "--out", tmp_path / "run", *at(endpoint))
    assert done.exit_code == 2
    assert "--encoding" in done.stderr
    (row,) = evolve(source, tmp_path / "run", endpoint, "--encoding", "gbk")
    assert row["seed"] == "Task 1: 天空"
    summary(command("export", source, "--encoding", "gbk", "--out", tmp_path / "o.jsonl", "--json"))
    assert lines(tmp_path / "o.jsonl")[0]["messages"][-1]["content"] == "蓝色"


def test_long_examples_are_told_beside_the_result(tmp_path: Path) -> None:
    records = [{"instruction": f"Ask {n}", "response": "word " * 1000 * n, "thinking": "Hm."} for n in (1, 4)]
    source = write(tmp_path / "d.jsonl", *records)
    job = ["export", source, "--out", tmp_path / "o.jsonl", "--max-example-tokens", 2000, "--json"]
    told = command(*job)
    assert (summary(told)["rows"], "dropped" in summary(told)) == (2, False)
    assert "1 examples are longer than 2,000 tokens" in told.stderr
    assert "###" in told.stderr
    cut = summary(command(*job, "--drop-long", "--with-thinking"))
    assert (cut["rows"], cut["dropped"]) == (1, 1)
    assert lines(tmp_path / "o.jsonl")[0]["messages"][-1]["reasoning_content"] == "Hm."
    done = command("export", source, "--out", tmp_path / "o.jsonl", "--drop-long")
    assert (done.exit_code, "--max-example-tokens" in done.stderr) == (2, True)
