"""Shards: disjoint, together everything, and the same rows however a run is resumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.config import DataConfig
from autoevol.config.choices import Turns
from autoevol.core.errors import InputError
from autoevol.data.scan import scan
from autoevol.data.shard import Shard
from autoevol.evolution.source import FileRows, PlacedRow

IDS = st.integers(0, 2**64 - 1).map("{:016x}".format)


@given(IDS, st.integers(1, 200))
def test_every_row_is_in_exactly_one_shard(row_id: str, of: int) -> None:
    assert sum(Shard(number, of).owns(row_id) for number in range(1, of + 1)) == 1


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_shard_is_read_as_it_is_written(number: int, of: int) -> None:
    if number <= of:
        assert Shard.parse(str(Shard(number, of))) == Shard(number, of)
    else:
        with pytest.raises(InputError, match="counted from"):
            Shard.parse(f"{number}/{of}")


@pytest.mark.parametrize(
    "text", ["", "1", "1/", "/2", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1.5/2", "²/3"]
)
def test_other_texts_are_no_shards(text: str) -> None:
    with pytest.raises(InputError, match="shard"):
        Shard.parse(text)


def ids(placed: list[PlacedRow]) -> list[str]:
    return [one.row.id for one in placed]


@pytest.mark.parametrize("limit", [None, 17])
@pytest.mark.parametrize("turns", ["first", "every"])
def test_shards_divide_a_source_and_resume_anywhere(tmp_path: Path, limit: int | None, turns: Turns) -> None:
    path = tmp_path / "seeds.jsonl"
    said = [[f"hello {n % 19}", f"and {n % 3}"] for n in range(40)]
    chats = [{"messages": [{"role": "user", "content": text} for text in texts[:1]]
              + [{"role": "assistant", "content": "yes"}]
              + [{"role": "user", "content": text} for text in texts[1:]]} for texts in said]  # fmt: skip
    path.write_text("".join(f"{json.dumps(chat)}\n" for chat in chats))
    data = DataConfig(turns=turns, limit=limit)
    whole = list(FileRows(str(path), data).rows(-1, iter(())))
    assert len(whole) == (limit or {"first": 19, "every": 19 + 40}[turns]), "repeats are left out"
    shards = [Shard(number, 4) for number in range(1, 5)]
    parts = {shard: list(FileRows(str(path), data, shard).rows(-1, iter(()))) for shard in shards}
    assert all(len(rows) for rows in parts.values())
    assert sorted(
        (p.record, len(p.row.context), p.row.id) for rows in parts.values() for p in rows
    ) == sorted((p.record, len(p.row.context), p.row.id) for p in whole)
    for shard, rows in parts.items():
        found = scan(str(path), data, lambda reject: None, shard)
        assert (found.rows, found.owned, found.here) == (len(whole), len(rows), len(rows))
        for done in range(1, len(rows) + 1):
            known = (int(row_id, 16) for row_id in ids(rows[:done]))
            assert list(FileRows(str(path), data, shard).rows(rows[done - 1].record, known)) == rows[done:]
