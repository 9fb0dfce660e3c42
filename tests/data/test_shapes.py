from __future__ import annotations

import pytest

from autoevol.core.errors import InputError
from autoevol.data.shapes import listed, needed_columns, recognise

HUMAN = {"from": "human", "value": "Ask"}
GPT = {"from": "gpt", "value": "Answer"}
USER = {"role": "user", "content": "Ask"}
ASSISTANT = {"role": "assistant", "content": "Answer"}
SYSTEM = {"role": "system", "content": "Be brief"}


@pytest.mark.parametrize(
    ("record", "name", "seed"),
    [
        ({"instruction": "Ask", "input": "", "output": "Answer"}, "alpaca", ("Ask", "Answer")),
        ({"instruction": "Ask", "input": "this", "output": "Answer"}, "alpaca", ("Ask\n\nthis", "Answer")),
        ({"instruction": "Ask", "input": 7}, "alpaca", ("Ask\n\n7", None)),
        ({"instruction": "Ask", "input": None, "output": None}, "alpaca", ("Ask", None)),
        ({"instruction": "Ask", "input": float("nan"), "output": " "}, "alpaca", ("Ask", None)),
        (
            {"instruction": "Ask", "context": "this", "response": "Answer"},
            "alpaca",
            ("Ask\n\nthis", "Answer"),
        ),
        ({"question": "Ask", "answer": "Answer"}, "gsm8k", ("Ask", "Answer")),
        ({"question": "Ask", "answer": 42}, "gsm8k", ("Ask", "42")),
        ({"question": "Ask"}, "gsm8k", ("Ask", None)),
        ({"conversations": [HUMAN, GPT]}, "sharegpt", ("Ask", "Answer")),
        ({"conversations": [{"from": "system", "value": "x"}, HUMAN, GPT]}, "sharegpt", ("Ask", "Answer")),
        ({"conversations": [HUMAN]}, "sharegpt", ("Ask", None)),
        ({"conversations": [USER, ASSISTANT]}, "sharegpt", ("Ask", "Answer")),
        ({"messages": [SYSTEM, USER, ASSISTANT]}, "chat", ("Ask", "Answer")),
        ({"messages": [USER, ASSISTANT], "prompt": "Ask"}, "chat", ("Ask", "Answer")),
        ({"prompt": "Ask", "completion": "Answer"}, "prompt-completion", ("Ask", "Answer")),
        ({"prompt": [USER], "completion": [ASSISTANT]}, "prompt-completion", ("Ask", "Answer")),
        ({"prompt": [USER], "completion": "Answer"}, "prompt-completion", ("Ask", "Answer")),
        ({"prompt": "Ask", "completion": [ASSISTANT]}, "prompt-completion", ("Ask", "Answer")),
        ({"prompt": [USER]}, "prompt-completion", ("Ask", None)),
        ({"text": "Ask", "title": "x"}, "text column 'text'", ("Ask", None)),
        ({"problem": "Ask", "level": 3}, "math", ("Ask", None)),
        ({"topic": "Ask", "level": 3}, "text column 'topic'", ("Ask", None)),
        ("Ask", "text strings", ("Ask", None)),
    ],
)
def test_each_shape_is_recognised_and_read(record: object, name: str, seed: tuple[str, str | None]) -> None:
    shape = recognise(record)
    assert shape.name == name
    assert shape.read(record) == seed


def test_a_long_prompt_is_answered_by_its_own_next_turn() -> None:
    later = [{"role": "user", "content": "And?"}]
    record = {"prompt": [USER, ASSISTANT, *later], "completion": [{"role": "assistant", "content": "Late"}]}
    assert recognise(record).read(record) == ("Ask", "Answer")


def test_field_overrides_every_shape() -> None:
    record = {"instruction": "Ask", "output": "Answer", "other": "Mine"}
    assert recognise(record, "other").read(record) == ("Mine", None)


@pytest.mark.parametrize(
    "record",
    [
        {"idx": 1, "Skill": "Math", "Instruction": "Ask"},
        {"a": "x", "b": "y"},
        {"a": "x", "b": None},
        {"id": "x", "n": 1},
        {"n": 1},
        {},
        {"Write a poem about the sea and sky": "Ask"},
        {"a;b": "Ask"},
    ],
)
def test_no_shape_names_the_columns_and_the_remedy(record: dict[str, object]) -> None:
    with pytest.raises(InputError, match="--field") as caught:
        recognise(record)
    assert all(repr(column) in str(caught.value) for column in record)


def test_a_known_name_in_other_letters_is_suggested() -> None:
    with pytest.raises(InputError, match=r"--field Instruction$"):
        recognise({"Skill": "x", "Instruction": "Ask"})


@pytest.mark.parametrize(
    ("first", "bad", "reason"),
    [
        ({"instruction": "Ask"}, {"instruction": None}, "instruction is null"),
        ({"instruction": "Ask"}, {"instruction": " \n"}, "instruction is blank"),
        ({"instruction": "Ask"}, {"instruction": ["Ask"]}, "instruction is a list"),
        ({"instruction": "Ask"}, {"instruction": "Ask", "input": {"a": None}}, "input is an object"),
        ({"instruction": "Ask"}, {"instruction": "Ask", "output": [None]}, "output is a list"),
        ({"instruction": "Ask"}, {"instruction": "\ud800"}, "lone surrogate"),
        ({"instruction": "Ask"}, {"question": "Ask"}, "no column 'instruction'; columns seen: 'question'"),
        ({"instruction": "Ask"}, "Ask", "the record is text"),
        ({"instruction": "Ask"}, None, "the record is null"),
        ("Ask", {"text": "Ask"}, "the record is an object"),
        ("Ask", 3, "the record is a number"),
        ({"question": "Ask"}, {"question": True}, "question is a boolean"),
    ],
)
def test_a_record_that_does_not_fit_says_why(first: object, bad: object, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        recognise(first).read(bad)


def test_tables_are_cut_to_the_columns_a_shape_reads() -> None:
    assert needed_columns(["embedding", "instruction", "output"], None) == ["instruction", "output"]
    assert needed_columns(["embedding", "mine", "text"], "mine") == ["mine"]
    assert needed_columns(["a", "b"], None) == ["a", "b"]
    assert needed_columns(["a", "b"], "missing") == ["a", "b"]


def test_long_lists_of_columns_are_cut() -> None:
    names = [f"c{number}" for number in range(100_000)]
    assert listed(names).endswith("'c11' and 99,988 more")
    assert listed(["x" * 1000]) == repr("x" * 57 + "...")
    assert listed([]) == "none"
