"""Parquet files: whole or not at all, and whose error it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoevol.core.errors import StoreLost
from autoevol.store.table import TableWriter, replacing_table

pa = pytest.importorskip("pyarrow")
SCHEMA = pa.schema([("text", pa.string())])


def test_an_error_of_the_block_is_not_one_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    path.write_bytes(b"before")
    source = tmp_path / "source.jsonl"
    with pytest.raises(FileNotFoundError), replacing_table(path, SCHEMA) as table:
        table.add({"text": source.read_text()})
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_lost(tmp_path: Path) -> None:
    with pytest.raises(StoreLost, match=r"out\.parquet"):
        TableWriter(tmp_path / "no" / "out.parquet", SCHEMA)
