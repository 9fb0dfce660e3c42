"""Every format keeps every turn and loads as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.data.load import iter_entries
from autoevol.data.turns import Speaker
from autoevol.dataset.examples import Example, Turn, read_example
from autoevol.dataset.export import export_file
from autoevol.dataset.formats import FORMATS

Write = Callable[[str, object], Path]

# Text that loaders like to take for something else.
ODD = [
    "2024-01-31",
    "2024-02-01T10:00:00Z",
    "12:30",
    "null",
    "1e5",
    "{{7*7}}",
    "</script>",
    "a\u2028b\nc",
    "Ünï 🎈",
]
ROWS: list[dict[str, Any]] = [
    {
        "id": f"e{number}", "instruction": text, "response": f"{text}", "seed": "s", "stages": ["s", text],
        "rounds": 2, "method_id": "m", "model": "openai/x", "parent_id": f"p{number}",
    }
    for number, text in enumerate(ODD)
]  # fmt: skip
TALK = {
    "id": "talk",
    "instruction": "First?",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "First?"},
        {"role": "assistant", "content": "2024-03-01"},
        {"role": "user", "content": "Second?"},
        {"role": "assistant", "content": "2024-03-02"},
    ],
}
TURNS = [[("user", row["instruction"]), ("assistant", row["response"])] for row in ROWS] + [
    [(turn["role"], turn["content"]) for turn in TALK["messages"]]
]


def turns_of(name: str, record: dict[str, Any]) -> list[tuple[str, str]]:
    """The turns that a trainer reads out of a record of a format."""
    if name == "prompt-completion":
        record = {"messages": [*record["prompt"], *record["completion"]]}
    if "messages" in record:
        return [(turn["role"], turn["content"]) for turn in record["messages"]]
    if name == "sharegpt":
        roles = {"human": "user", "gpt": "assistant", "system": "system"}
        return [(roles[turn["from"]], turn["value"]) for turn in record["conversations"]]
    system = [("system", record["system"])] if record["system"] else []
    assert record["input"] == ""
    pairs = [*record["history"], [record["instruction"], record["output"]]]
    return system + [
        (role, text) for pair in pairs for role, text in zip(("user", "assistant"), pair, strict=True)
    ]


texts = st.text(min_size=1, max_size=20).filter(str.strip)


@given(
    st.lists(st.tuples(texts, texts), min_size=1, max_size=3),
    st.none() | texts,
    st.sampled_from(list(FORMATS)),
)
def test_no_format_loses_or_changes_a_turn(
    pairs: list[tuple[str, str]], system: str | None, name: str
) -> None:
    turns = [("system", system)] if system else []
    turns += [turn for said, answer in pairs for turn in (("user", said), ("assistant", answer))]
    example = Example(tuple(Turn(Speaker(role), text) for role, text in turns), {})
    assert turns_of(name, FORMATS[name].encode(example)) == turns


@pytest.fixture
def source(write: Write) -> Path:
    return write("dataset.jsonl", [*ROWS, TALK])


@pytest.mark.parametrize("name", list(FORMATS))
def test_an_export_loads_with_the_datasets_library(name: str, source: Path, tmp_path: Path) -> None:
    chosen = FORMATS[name]
    out = tmp_path / f"out{chosen.suffix}"
    done = export_file(source, out, name)
    assert done.rows == len(TURNS)
    loader = "parquet" if out.suffix == ".parquet" else "json"
    types = None if loader == "parquet" else chosen.features()
    loaded: Any = datasets.load_dataset(
        loader, data_files=str(out), split="train", features=types, cache_dir=str(tmp_path / "cache")
    )
    assert loaded.features == chosen.features()
    assert [turns_of(name, record) for record in loaded] == TURNS
    origins = [json.loads(line) for line in done.provenance.read_text().splitlines()]
    assert [origin["id"] for origin in origins] == [row["id"] for row in [*ROWS, TALK]]
    assert origins[0] == {
        "id": "e0", "parent_id": "p0", "seed_id": None, "round": 2, "operation": None, "method_id": "m",
        "model": "openai/x", "kinds": None, "complexity": None, "gain": None, "tags": None, "ifd": None,
        "ic_ifd": None,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["sharegpt", "alpaca"])
def test_llamafactory_finds_its_entry_and_others_stay(name: str, source: Path, tmp_path: Path) -> None:
    info = tmp_path / "dataset_info.json"
    info.write_text('{"mine": {"file_name": "mine.json"}}')
    export_file(source, tmp_path / "evolved.jsonl", name)
    known = json.loads(info.read_text())
    assert known["mine"] == {"file_name": "mine.json"}
    entry = known["evolved"]
    assert (tmp_path / entry["file_name"]).exists()
    first = json.loads((tmp_path / "evolved.jsonl").read_text().splitlines()[0])
    assert set(entry["columns"].values()) <= set(first)
    if name == "sharegpt":
        tags = entry["tags"]
        assert first["conversations"][0] == {tags["role_tag"]: tags["user_tag"], tags["content_tag"]: ODD[0]}


@pytest.mark.parametrize("name", ["messages", "sharegpt", "parquet"])
def test_axolotl_gets_a_snippet(name: str, source: Path, tmp_path: Path) -> None:
    out = tmp_path / f"evolved{FORMATS[name].suffix}"
    done = export_file(source, out, name)
    (path,) = [path for path in done.companions if path.suffix == ".yaml"]
    (entry,) = yaml.safe_load(path.read_text())["datasets"]
    assert (tmp_path / entry["path"]) == out
    assert "field_messages" not in entry or entry["field_messages"] in FORMATS[name].columns


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"instruction": "x"}, "no response"),
        ({"messages": [{"role": "user", "content": "x"}]}, "no response to train on"),
        ({"messages": [{"role": "user", "content": "x"}] * 2}, "expected one of the assistant"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "tool", "content": "y"}]}, "'tool'"),
        ({"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": None}]}, "null"),
        ({"instruction": "x", "response": "\ud800"}, "line 2"),
    ],
)
def test_what_cannot_be_an_example_is_refused_or_counted(
    record: dict[str, Any], told: str, tmp_path: Path
) -> None:
    source, out = tmp_path / "d.jsonl", tmp_path / "out.jsonl"
    good = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    if "instruction" in record:
        good = {"instruction": "a", "response": "b"}
    elif "conversations" in record:
        good = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}
    source.write_text(f"{json.dumps(good)}\n{json.dumps(record)}\n")
    with pytest.raises(InputError, match=told):
        export_file(source, out)
    assert not list(tmp_path.glob("out*"))
    from autoevol.config import DataConfig

    done = export_file(source, out, data=DataConfig(skip_bad=True))
    assert (done.rows, done.rejected) == (1, 1)


@pytest.mark.parametrize(("name", "out"), [("messages", "o.json"), ("parquet", "o.jsonl"), ("xml", "o.xml")])
def test_an_output_that_cannot_be_is_refused(name: str, out: str, source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        export_file(source, tmp_path / out, name)


def test_the_input_is_never_overwritten(source: Path) -> None:
    before = source.read_bytes()
    with pytest.raises(InputError, match="input"):
        export_file(source, source)
    assert source.read_bytes() == before


def test_shapes_without_lineage_export_as_well(write: Write) -> None:
    path = write("gsm.jsonl", [{"question": "How many?", "answer": "4"}])
    (example,) = [read_example(entry) for entry in iter_entries(path)]
    assert example.turns == (Turn(Speaker.USER, "How many?"), Turn(Speaker.ASSISTANT, "4"))
    assert example.provenance["id"]
