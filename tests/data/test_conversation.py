"""Columns of a record as the turns that they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autoevol.core.errors import InputError
from autoevol.core.records import Message
from autoevol.data import load_rows, recognise

Write = Callable[[str, object], Path]

SYSTEM = "You are a cook."
TALK = [
    {"role": "system", "content": SYSTEM},
    {"role": "user", "content": "What is a roux?"},
    {"role": "assistant", "content": "Flour in fat."},
    {"role": "user", "content": "How dark?"},
    {"role": "assistant", "content": "Blond."},
]
ALPACA = {
    "instruction": "How dark?",
    "input": "",
    "output": "Blond.",
    "system": SYSTEM,
    "history": [["What is a roux?", "Flour in fat."]],
}


@pytest.mark.parametrize(
    "record",
    [
        {"messages": TALK},
        {"conversations": [{"from": turn["role"], "value": turn["content"]} for turn in TALK]},
        {"conversation": TALK, "conversation_id": "0", "model": "m"},
        {"conversation": TALK[1:], "system": SYSTEM},
        {"conversations": [turn["content"] for turn in TALK[1:]], "system_prompt": SYSTEM},
        {"messages": json.dumps(TALK)},
        ALPACA,
        {**ALPACA, "history": json.dumps(ALPACA["history"])},
        {**ALPACA, "history": TALK[1:3]},
        {"prompt": TALK[:-1], "completion": TALK[-1:]},
        {"prompt": TALK[:-1], "completion": "Blond."},
        {"prompt": TALK[:-1], "chosen": TALK[-1:], "rejected": []},
        {"prompt": "How dark?", "chosen": TALK, "rejected": TALK},
        {
            "system_prompt": SYSTEM,
            "history": ALPACA["history"],
            "question": "How dark?",
            "response": "Blond.",
        },
    ],
)
def test_a_conversation_reads_the_same_wherever_it_stands(record: dict[str, Any], write: Write) -> None:
    first, second = load_rows(write("a.jsonl", [record]), turns="every").rows
    system = Message("system", SYSTEM)
    assert (first.instruction, first.reference, first.context) == (
        "What is a roux?",
        "Flour in fat.",
        (system,),
    )
    assert (second.instruction, second.reference) == ("How dark?", "Blond.")
    assert second.context == (
        system,
        Message("user", "What is a roux?"),
        Message("assistant", "Flour in fat."),
    )
    assert load_rows(write("a.jsonl", [record])).rows == (first,)


@pytest.mark.parametrize(
    ("record", "name", "seed"),
    [
        (
            {"type": "GSM", "query": "Ask", "original_question": "As", "response": "A"},
            "metamath",
            ("Ask", "A"),
        ),
        ({"problem": "Ask", "solution": "A", "answer": "4", "level": "1"}, "math", ("Ask", "A")),
        ({"prompt": "Ask", "chosen": "A", "rejected": "B"}, "prompt-completion", ("Ask", "A")),
        ({"prompt": "Ask", "response": "A"}, "prompt-completion", ("Ask", "A")),
        ({"question": "Ask", "output": "A"}, "gsm8k", ("Ask", "A")),
        ({"question": "Ask", "answer": "A", "output": "B"}, "gsm8k", ("Ask", "A")),
        ({"instruction": "Ask", "answer": "A"}, "alpaca", ("Ask", "A")),
        ({"text": "Ask", "completion": "A"}, "text column 'text'", ("Ask", "A")),
        ({"question": "Ask", "context": "this", "answer": "A"}, "gsm8k", ("Ask\n\nthis", "A")),
        ({"instruction": "Ask", "completion": {"a": 1}}, "alpaca", ("Ask", None)),
        ({"conversations": ["Ask", "A", "More", "B"]}, "sharegpt", ("Ask", "A")),
        (
            {"messages": TALK[1:3], "problem": "x", "solution": "y"},
            "chat",
            ("What is a roux?", "Flour in fat."),
        ),
    ],
)
def test_answers_are_known_by_any_name(
    record: dict[str, Any], name: str, seed: tuple[str, str | None]
) -> None:
    shape = recognise(record)
    assert (shape.name, shape.read(record)) == (name, seed)


def test_system_prompts_survive_tables(tmp_path: Path) -> None:
    columns = {"question": ["Ask"], "system_prompt": [SYSTEM], "response": ["A"], "embedding": [[0.5]]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    (row,) = load_rows(tmp_path / "a.parquet").rows
    assert (row.instruction, row.reference, row.context) == ("Ask", "A", (Message("system", SYSTEM),))


def test_what_autoevol_wrote_is_one_exchange_with_its_context(write: Write) -> None:
    record = {"id": "a", "instruction": "How dark?", "response": "Blond.", "messages": TALK}
    for turns in ("first", "every"):
        (row,) = load_rows(write("a.jsonl", [record]), turns=turns).rows
        assert (row.instruction, row.reference, len(row.context)) == ("How dark?", "Blond.", 3)


def test_the_same_words_after_other_words_are_another_row(write: Write) -> None:
    records = [{**ALPACA, "history": [], "system": system} for system in ("One", "Two", "One")]
    loaded = load_rows(write("a.jsonl", records))
    assert [row.context[0].text for row in loaded.rows] == ["One", "Two"]
    assert loaded.duplicates == 1


def test_a_named_field_keeps_its_answer_if_it_is_nobody_elses(write: Write) -> None:
    record = {"Ask": "Mine", "output": "A", "system": SYSTEM}
    (row,) = load_rows(write("a.jsonl", [record]), field="Ask").rows
    assert (row.instruction, row.reference, len(row.context)) == ("Mine", "A", 1)
    (row,) = load_rows(write("b.jsonl", [{**record, "instruction": "Other"}]), field="Ask").rows
    assert (row.instruction, row.reference, len(row.context)) == ("Mine", None, 1)
    (row,) = load_rows(write("c.jsonl", [{"talk": TALK}]), field="talk").rows
    assert (row.instruction, row.reference) == ("What is a roux?", "Flour in fat.")


CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "f"}}]}
TOOLS = [TALK[1], CALL, {"role": "tool", "tool_call_id": "c", "content": [{"type": "image"}]}, TALK[2]]
SHARED = [
    {"from": "human", "value": "What is a roux?"},
    {"from": "function_call", "value": "{}"},
    {"from": "observation", "value": ""},
    {"from": "gpt", "value": "Flour in fat."},
]


@pytest.mark.parametrize("record", [{"messages": TOOLS}, {"conversations": SHARED}])
def test_tools_between_a_question_and_its_answer_do_not_matter(record: dict[str, Any], write: Write) -> None:
    for turns in ("first", "every"):
        (row,) = load_rows(write("a.jsonl", [record]), turns=turns).rows
        assert (row.instruction, row.reference, row.context) == ("What is a roux?", "Flour in fat.", ())


def test_a_turn_behind_tools_is_refused_where_it_would_be_evolved(write: Write) -> None:
    path = write("a.jsonl", [{"messages": [*TOOLS, TALK[3], {"role": "narrator", "content": 1}]}])
    assert len(load_rows(path).rows) == 1
    with pytest.raises(InputError, match=r"line 1: messages\[4\] comes after tools.*--turns first"):
        load_rows(path, turns="every")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({**ALPACA, "history": "what was said"}, "history is text; expected pairs"),
        ({**ALPACA, "history": [["one"]]}, r"history\[0\] is a list; expected a pair"),
        ({**ALPACA, "history": [[1, "a"]]}, r"history\[0\] is a number"),
        ({**ALPACA, "system": ["a"]}, "system is a list"),
        ({"conversations": ["Ask", 1]}, r"conversations\[0\] is text; expected a turn"),
        ({"messages": "[not json"}, "messages is text; expected a list"),
        ({"messages": [{"role": "narrator", "content": "x"}]}, "messages starts with a turn of 'narrator'"),
    ],
)
def test_turns_that_cannot_be_read_are_named(record: dict[str, Any], reason: str, write: Write) -> None:
    with pytest.raises(InputError, match=f"a.jsonl, line 1: {reason}"):
        load_rows(write("a.jsonl", [record]))
