"""Every export that is read back says what was exported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoevol.config import DataConfig, ExportConfig
from autoevol.core.errors import InputError
from autoevol.data.load import iter_entries
from autoevol.data.turns import Speaker
from autoevol.dataset.examples import Example, Turn, read_example
from autoevol.dataset.export import export_file
from autoevol.dataset.formats import FORMATS

Write = Callable[[str, object], Path]

SYSTEM = {"role": "system", "content": "You are a cook."}
ASK = {"role": "user", "content": "What is a roux?"}
SAY = {"role": "assistant", "content": "Flour in fat."}
MORE = {"role": "user", "content": "Fünf 🍲\nlines\u2028?"}
LAST = {"role": "assistant", "content": "2024-01-31"}
FUNCTION = {"name": "weigh", "arguments": '{"grams":5}'}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": FUNCTION}],
}
RESULT = {"role": "tool", "content": "5 g", "tool_call_id": "c1"}
TOOLS = [{"type": "function", "function": {"name": "weigh"}}]

PLAIN: dict[str, dict[str, Any]] = {
    "single": {"messages": [ASK, SAY]},
    "system": {"messages": [SYSTEM, ASK, SAY]},
    "turns": {"messages": [ASK, SAY, MORE, LAST]},
    "system and turns": {"messages": [SYSTEM, ASK, SAY, MORE, LAST]},
    "alpaca": {"instruction": "Ask", "input": "this", "output": "A"},
    "alpaca, history": {
        "instruction": "Ask",
        "output": "A",
        "system": "S",
        "history": [["Q", "R"], ["T", "U"]],
    },
    "openorca": {"system_prompt": "S", "question": "Ask", "response": "A"},
    "lima": {"conversations": ["Ask", "A", "More", "B"]},
    "lmsys": {"conversation": [ASK, SAY]},
    "metamath": {"query": "Ask", "response": "A"},
    "math": {"problem": "Ask", "solution": "A"},
    "preference": {"prompt": "Ask", "chosen": [ASK, SAY], "rejected": [ASK, LAST]},
    "prompt": {"prompt": [SYSTEM, ASK], "completion": [SAY]},
    "autoevol": {
        "instruction": MORE["content"],
        "response": LAST["content"],
        "messages": [ASK, SAY, MORE, LAST],
    },
}
WITH_TOOLS: dict[str, dict[str, Any]] = {
    "a call": {"messages": [SYSTEM, ASK, CALL, RESULT, SAY], "tools": TOOLS},
    "a call last": {"messages": [ASK, CALL], "tools": TOOLS},
    "a turn behind": {"messages": [ASK, CALL, RESULT, SAY, MORE, LAST]},
    "tools unused": {"messages": [ASK, SAY], "tools": TOOLS},
    "sharegpt": {
        "conversations": [
            {"from": "human", "value": "Ask"},
            {"from": "function_call", "value": '{"name":"weigh","arguments":{"grams":5}}'},
            {"from": "observation", "value": ""},
            {"from": "gpt", "value": "A"},
        ],
        "tools": '[{"name":"weigh"}]',
    },
}


def examples(path: Path) -> list[Example]:
    with iter_entries(path) as entries:
        return [read_example(entry) for entry in entries]


def said(example: Example) -> list[tuple[Speaker, object]]:
    """Who says what, whatever the notation: a call as the functions it names."""
    return [(turn.speaker, functions(turn)) for turn in example.turns]


def functions(turn: Turn) -> object:
    if turn.speaker is not Speaker.CALL:
        return turn.text
    calls = [call["function"] for call in turn.calls] or [json.loads(turn.text)]
    return [
        (
            call["name"],
            json.loads(call["arguments"]) if isinstance(call["arguments"], str) else call["arguments"],
        )
        for call in calls
    ]


@pytest.mark.parametrize("shape", PLAIN)
@pytest.mark.parametrize("name", FORMATS)
def test_every_shape_through_every_format(name: str, shape: str, write: Write, tmp_path: Path) -> None:
    source = write("source.jsonl", [PLAIN[shape]])
    out = tmp_path / f"out{FORMATS[name].suffix}"
    export_file(source, out, name)
    assert [said(example) for example in examples(out)] == [said(example) for example in examples(source)]
    again = out.with_stem("again")
    export_file(out, again, name)
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize("shape", WITH_TOOLS)
@pytest.mark.parametrize("name", FORMATS)
def test_tool_turns_are_kept_or_refused(name: str, shape: str, write: Write, tmp_path: Path) -> None:
    source = write("source.jsonl", [WITH_TOOLS[shape]])
    out = tmp_path / f"out{FORMATS[name].suffix}"
    if name in ("alpaca", "parquet"):
        with pytest.raises(InputError, match=r"tool turns.* Use --format messages"):
            export_file(source, out, name)
        return
    done = export_file(source, out, name)
    assert done.counts.with_tools == 1
    assert done.features() is None
    (before,), (after,) = examples(source), examples(out)
    assert said(after) == said(before)
    assert (after.tools is None) == (before.tools is None)


@pytest.mark.parametrize("shape", WITH_TOOLS)
def test_tool_turns_are_written_as_they_are(shape: str, write: Write, tmp_path: Path) -> None:
    record = WITH_TOOLS[shape]
    name = "messages" if "messages" in record else "sharegpt"
    export_file(write("source.jsonl", [record]), tmp_path / "out.jsonl", name)
    assert json.loads((tmp_path / "out.jsonl").read_text()) == record


@pytest.mark.parametrize(
    ("turns", "name", "told"),
    [
        ([ASK, {**CALL, "content": "Let me see."}, RESULT, SAY], "sharegpt", "both speaks and calls"),
        ([ASK, CALL, RESULT, RESULT, SAY], "sharegpt", "two tools answer"),
        ([ASK, {**CALL, "tool_calls": [{"id": "x"}]}, RESULT, SAY], "sharegpt", "without a function's name"),
        ([ASK, RESULT, SAY], "messages", r"messages\[1\] is a turn of 'tool'; expected one of the assistant"),
        ([ASK, CALL, SAY], "messages", "expected one of the tool"),
        ([ASK, CALL, RESULT], "messages", "does not end with a turn of the assistant"),
    ],
)
def test_tool_turns_that_a_trainer_would_drop(
    turns: list[Any], name: str, told: str, write: Write, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=rf"d.jsonl, line 1: .*{told}"):
        export_file(write("d.jsonl", [{"messages": turns}]), tmp_path / "o.jsonl", name)
    assert not list(tmp_path.glob("o.*"))


def test_a_call_that_is_no_json_stays_where_it_can(write: Write, tmp_path: Path) -> None:
    talk = [{"from": "human", "value": "Ask"}, {"from": "function_call", "value": "weigh(5)"}]
    source = write("d.jsonl", [{"conversations": talk}])
    with pytest.raises(InputError, match="Use --format sharegpt"):
        export_file(source, tmp_path / "o.jsonl")
    export_file(source, tmp_path / "o.jsonl", "sharegpt")
    assert json.loads((tmp_path / "o.jsonl").read_text()) == {"conversations": talk}


def test_trainers_are_told_about_tools(write: Write, tmp_path: Path) -> None:
    source = write("d.jsonl", [WITH_TOOLS["a call"]])
    done = export_file(source, tmp_path / "o.jsonl", "sharegpt")
    entry = json.loads((tmp_path / "dataset_info.json").read_text())["o"]
    assert entry["columns"] == {"messages": "conversations", "tools": "tools"}
    record = json.loads((tmp_path / "o.jsonl").read_text())
    assert {entry["tags"]["function_tag"], entry["tags"]["observation_tag"]} <= {
        turn["from"] for turn in record["conversations"]
    }
    assert [path.suffix for path in done.companions] == [".json"]


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip)


@given(
    st.lists(st.tuples(texts, texts), min_size=1, max_size=3),
    st.none() | texts,
    st.none() | texts,
    st.sampled_from(list(FORMATS)),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
def test_any_conversation_comes_back(
    tmp_path: Path, pairs: list[tuple[str, str]], system: str | None, thinking: str | None, name: str
) -> None:
    turns = [{"role": "system", "content": system}] if system else []
    for asked, answer in pairs:
        turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    source, out = tmp_path / "source.jsonl", tmp_path / f"out{FORMATS[name].suffix}"
    source.write_bytes(orjson.dumps({"messages": turns, "thinking": thinking}))
    (before,) = examples(source)
    export_file(source, out, name)
    assert examples(out)[0].turns == before.spoken().turns
    if FORMATS[name].thinking == "field":
        export_file(source, out, name, settings=ExportConfig(with_thinking=True))
        assert examples(out)[0].turns == before.turns


THOUGHT = {"id": "t", "instruction": "Ask", "response": "A", "thinking": "Well."}


@pytest.mark.parametrize("name", FORMATS)
def test_thinking_is_exported_on_request_only(name: str, write: Write, tmp_path: Path) -> None:
    source, out = write("d.jsonl", [THOUGHT]), tmp_path / f"o{FORMATS[name].suffix}"
    export_file(source, out, name)
    assert b"Well." not in out.read_bytes()
    asked = ExportConfig(with_thinking=True)
    if name == "openai":
        with pytest.raises(InputError, match="--with-thinking: the format openai has no place for it"):
            export_file(source, out, name, settings=asked)
        return
    done = export_file(source, out, name, settings=asked)
    assert done.counts.with_thinking == 1
    (turn,) = [turn for turn in examples(out)[0].turns if turn.speaker is Speaker.ASSISTANT]
    if FORMATS[name].thinking == "field":
        assert (turn.text, turn.thinking) == ("A", "Well.")
    else:
        assert turn.text == "<think>\nWell.\n</think>\n\nA"


def test_thinking_loads_with_the_types_of_the_format(write: Write, tmp_path: Path) -> None:
    import datasets

    plain = {"id": "p", "instruction": "More", "response": "B"}
    done = export_file(
        write("d.jsonl", [plain, THOUGHT]), tmp_path / "o.jsonl", settings=ExportConfig(with_thinking=True)
    )
    loaded: Any = datasets.load_dataset(
        "json",
        data_files=str(done.path),
        features=done.features(),
        split="train",
        cache_dir=str(tmp_path / "c"),
    )
    assert [row["messages"][-1]["reasoning_content"] for row in loaded] == [None, "Well."]


def test_no_thinking_is_told(write: Write, tmp_path: Path) -> None:
    asked = ExportConfig(with_thinking=True)
    done = export_file(write("d.jsonl", [PLAIN["single"]]), tmp_path / "o.jsonl", settings=asked)
    assert done.notes() == ["--with-thinking: no example holds what a model thought"]


def test_records_whose_ids_repeat_are_all_exported(write: Write, tmp_path: Path) -> None:
    rows = [{"id": "same", "instruction": f"Ask {number}", "response": "A"} for number in range(3)]
    rows += [PLAIN["single"], PLAIN["single"]]
    rows[3:] = [{"instruction": "Twice", "response": answer} for answer in ("One", "Two")]
    done = export_file(write("d.jsonl", rows), tmp_path / "o.jsonl")
    assert (done.rows, done.rejected, done.counts.repeated_ids) == (5, 0, 3)
    assert done.notes() == ["3 examples have an id that another has too; all are kept"]
    origins = [json.loads(line) for line in done.provenance.read_text().splitlines()]
    assert [origin["id"] for origin in origins[:3]] == ["same"] * 3


def test_axolotl_is_never_given_a_notation_that_drops_turns(write: Write, tmp_path: Path) -> None:
    source = write("d.jsonl", [PLAIN["system and turns"]])
    for name, chosen in FORMATS.items():
        done = export_file(source, tmp_path / f"{name}{chosen.suffix}", name)
        snippets = [path.read_text() for path in done.companions if path.suffix == ".yaml"]
        assert all("type: chat_template" in snippet for snippet in snippets)
        assert bool(snippets) == (name in ("messages", "sharegpt", "parquet"))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "record",
    [
        {"instruction": "Ask", "output": ""},
        {"instruction": "Ask", "output": None},
        {"messages": [ASK, {"role": "assistant", "content": " "}]},
        {"conversations": ["Ask"]},
    ],
)
def test_empty_answers_are_refused(record: dict[str, Any], name: str, write: Write, tmp_path: Path) -> None:
    source, out = write("d.jsonl", [record]), tmp_path / f"o{FORMATS[name].suffix}"
    with pytest.raises(InputError, match=r"d.jsonl, line 1: (there is no response|.* is blank)"):
        export_file(source, out, name)
    with pytest.raises(InputError, match="holds no example"):
        export_file(source, out, name, data=DataConfig(skip_bad=True))
