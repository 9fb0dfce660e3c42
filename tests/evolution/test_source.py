"""Rows of a run: a resumed stream goes on exactly behind the last finished row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoevol.config import DataConfig
from autoevol.config.choices import Turns
from autoevol.core.errors import InputError
from autoevol.core.records import Message
from autoevol.data import load_rows
from autoevol.data.scan import Scanned, fingerprint, scan
from autoevol.evolution.source import FileRows, RowSource

CHAT: list[dict[str, Any]] = [
    {"messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "One"}, {"role": "assistant", "content": "1"},
        {"role": "user", "content": "Two"}, {"role": "user", "content": "or three"},
        {"role": "assistant", "content": "2"}, {"role": "user", "content": "Four"},
    ]},
    {"messages": [{"role": "user", "content": "One"}, {"role": "assistant", "content": "uno"}]},
    {"messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "One"}, {"role": "assistant", "content": "eins"},
    ]},
    {"messages": [{"role": "user", "content": "Five"}, {"role": "assistant", "content": "5"}]},
]  # fmt: skip


@pytest.fixture
def write(tmp_path: Path) -> Callable[[list[Any]], str]:
    def writer(records: list[Any]) -> str:
        path = tmp_path / "seeds.jsonl"
        path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
        return str(path)

    return writer


def resumes_anywhere(source: RowSource) -> None:
    whole = list(source.rows(-1, iter(())))
    for done in range(1, len(whole) + 1):
        ids = (int(placed.row.id, 16) for placed in whole[:done])
        assert list(source.rows(whole[done - 1].record, ids)) == whole[done:]


def test_turns_of_a_conversation_are_rows_with_what_went_before(write: Callable[[list[Any]], str]) -> None:
    path = write(CHAT)
    rows = load_rows(path, turns="every").rows
    assert [row.instruction for row in rows] == ["One", "Two\n\nor three", "Four", "One", "Five"]
    assert [row.reference for row in rows] == ["1", "2", None, "uno", "5"]
    system, one = Message("system", "Be kind."), Message("user", "One")
    assert rows[0].context == (system,)
    assert rows[1].context == (system, one, Message("assistant", "1"))
    assert len(rows[2].context) == 5
    assert rows[3].context == ()
    first = load_rows(path)
    assert [row.instruction for row in first.rows] == ["One", "One", "Five"]
    assert first.duplicates == 1, "same words after the same context"


def test_share_gpt_and_prompt_lists_are_conversations_too(write: Callable[[list[Any]], str]) -> None:
    told = [{"from": "human", "value": "A"}, {"from": "gpt", "value": "a"}, {"from": "human", "value": "B"}]
    assert [row.instruction for row in load_rows(write([{"conversations": told}]), turns="every").rows] == [
        "A",
        "B",
    ]
    prompt = [{"role": "user", "content": "A"}, {"role": "assistant", "content": "a"}]
    prompt.append({"role": "user", "content": "B"})
    rows = load_rows(write([{"prompt": prompt, "completion": "b"}]), turns="every").rows
    assert [(row.instruction, row.reference, len(row.context)) for row in rows] == [
        ("A", "a", 0),
        ("B", "b", 2),
    ]


def test_a_turn_that_cannot_be_used_is_a_counted_reject(write: Callable[[list[Any]], str]) -> None:
    odd = {"messages": [*CHAT[3]["messages"], {"role": "narrator", "content": "x"}]}
    path = write([*CHAT[:1], odd])
    with pytest.raises(InputError, match=r"line 2: messages\[2\] is a turn of 'narrator'"):
        load_rows(path, turns="every")
    loaded = load_rows(path, turns="every", skip_bad=True)
    assert (len(loaded.rows), len(loaded.rejects)) == (4, 1)
    assert len(load_rows(path).rows) == 2, "nobody looks behind the first exchange"


@pytest.mark.parametrize("turns", ["first", "every"])
def test_a_file_resumes_behind_any_row(write: Callable[[list[Any]], str], turns: Turns) -> None:
    bad: list[Any] = [{"messages": None}, 7]
    path = write([*bad, *CHAT, *bad, *CHAT, {"messages": [{"role": "user", "content": "Six"}]}])
    resumes_anywhere(FileRows(path, DataConfig(skip_bad=True, turns=turns)))


def test_a_limit_counts_the_rows_that_are_done(write: Callable[[list[Any]], str]) -> None:
    path = write([{"text": f"t{number}"} for number in range(9)])
    source = FileRows(path, DataConfig(limit=5))
    assert len(list(source.rows(-1, iter(())))) == 5
    resumes_anywhere(source)


def test_a_scan_counts_without_keeping(write: Callable[[list[Any]], str]) -> None:
    path, told = write([{"text": "a"}, {"text": "b"}, {"text": None}, {"text": "a"}]), []
    data = DataConfig(skip_bad=True)
    found = scan(path, data, told.append)
    assert found == Scanned.of(load_rows(path, skip_bad=True))
    assert (found.rows, found.rejected, found.duplicates) == (2, 1, 1)
    assert [reject.line for reject in told] == [3]


def test_a_fingerprint_follows_bytes_and_reading(write: Callable[[list[Any]], str], tmp_path: Path) -> None:
    path, data = write([{"text": "a"}]), DataConfig()
    mark = fingerprint(path, data)
    assert mark == fingerprint(path, data)
    assert mark != fingerprint(path, DataConfig(limit=3))
    write([{"text": "b"}])
    assert mark != fingerprint(path, data)
    assert fingerprint("owner/dataset", data) is None
    empty = tmp_path / "empty"
    empty.mkdir()
    assert fingerprint(str(empty), data) is None


@pytest.mark.slow
def test_a_nearly_finished_file_of_many_rows_resumes_with_what_is_left(tmp_path: Path) -> None:
    path, count = tmp_path / "seeds.jsonl", 200_000
    with path.open("w") as file:
        for number in range(count):
            file.write(
                f'{{"instruction": "Describe the town number {number} on the map.", "output": "A town."}}\n'
            )
    ids = [int(placed.row.id, 16) for placed in FileRows(str(path), DataConfig()).rows(-1, iter(()))]
    left = list(FileRows(str(path), DataConfig()).rows(count - 11, iter(ids[:-10])))
    assert len(left) == 10
