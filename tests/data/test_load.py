from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from autoevol.config import DataConfig
from autoevol.core.errors import InputError
from autoevol.core.records import digest
from autoevol.data import Reject, iter_rows, load_rows

Write = Callable[[str, object], Path]
RECORDS = [
    {"text": "One"},
    {"text": None},
    {"text": "Two"},
    {"text": "One"},
    {"text": "Three"},
    {"text": "Two"},
]


@pytest.mark.parametrize(
    ("name", "shape", "rows"),
    [
        ("gsm8k_train_1000.jsonl", "gsm8k", 300),
        ("code_alpaca_800.json", "alpaca", 300),
        ("alpaca_seed_tasks_110.json", "alpaca", 110),
    ],
)
def test_real_seeds(data_folder: Path, name: str, shape: str, rows: int) -> None:
    loaded = load_rows(data_folder / name, limit=300)
    assert (len(loaded.rows), loaded.rejects, loaded.shape) == (rows, (), shape)
    assert all(row.reference is not None for row in loaded.rows[:10])


def test_real_inputs_are_never_dropped(data_folder: Path) -> None:
    path = data_folder / "code_alpaca_800.json"
    records = json.loads(path.read_bytes())
    joined = [row.instruction for row in load_rows(path).rows]
    assert len(joined) == len(records)
    for record, instruction in zip(records, joined, strict=True):
        assert record["instruction"] in instruction
        assert record["input"] in instruction


def test_real_test_sets(data_folder: Path) -> None:
    assert len(load_rows(data_folder / "gsm8k_test.jsonl").rows) == 1319
    assert len(load_rows(data_folder / "humaneval.jsonl").rows) == 164
    with pytest.raises(InputError, match=r"'Skill'.*--field Instruction"):
        load_rows(data_folder / "wizardlm_testset.jsonl")
    assert len(load_rows(data_folder / "wizardlm_testset.jsonl", field="Instruction").rows) == 218


def test_rows_rejects_and_duplicates_add_up(write: Write) -> None:
    path = write("a.jsonl", RECORDS)
    loaded = load_rows(path, skip_bad=True)
    assert [row.instruction for row in loaded.rows] == ["One", "Two", "Three"]
    assert [row.id for row in loaded.rows] == [digest(text) for text in ("One", "Two", "Three")]
    assert loaded.rejects == (Reject(str(path), 2, "text is null; expected text", "{'text': None}"),)
    assert loaded.duplicates == 2
    assert (loaded.shape, loaded.source) == ("text column 'text'", str(path))
    assert len(loaded.rows) + len(loaded.rejects) + loaded.duplicates == len(RECORDS)


def test_the_limit_counts_distinct_rows(write: Write) -> None:
    path = write("a.jsonl", [{"text": "One"}, {"text": "One"}, {"text": "Two"}, {"text": None}])
    loaded = load_rows(path, limit=2)
    assert (len(loaded.rows), loaded.duplicates) == (2, 1)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_nothing(write: Write, limit: int) -> None:
    with pytest.raises(InputError, match=f"limit of rows is {limit}"):
        load_rows(write("a.jsonl", RECORDS), limit=limit)


def test_a_blank_field(write: Write) -> None:
    with pytest.raises(InputError, match="field is blank"):
        load_rows(write("a.jsonl", RECORDS), field=" ")


def test_a_field_that_is_not_there(write: Write) -> None:
    with pytest.raises(InputError, match="line 1: no column 'ask'; columns seen: 'text'"):
        load_rows(write("a.jsonl", RECORDS), field="ask")


def test_the_hash_is_of_what_was_loaded(write: Write) -> None:
    def hash_of(*records: Mapping[str, object]) -> str:
        return load_rows(write("a.jsonl", list(records))).data_hash

    one, two = {"question": "One", "answer": "1"}, {"question": "Two"}
    base = hash_of(one, two)
    assert len(base) == 16
    assert base == hash_of({"question": "One", "answer": "1", "other": 5}, two, two)
    others = {
        hash_of(two, one),
        hash_of(one),
        hash_of({**one, "answer": "2"}, two),
        hash_of({"question": "One"}, two),
    }
    assert len(others | {base}) == 5


def test_the_first_good_record_decides(write: Write) -> None:
    records = [{"question": None}, {"what": 1}, {"instruction": "One"}, {"question": "Two"}]
    loaded = load_rows(write("a.jsonl", records), skip_bad=True)
    assert loaded.shape == "alpaca"
    assert [reject.line for reject in loaded.rejects] == [1, 2, 4]
    with pytest.raises(InputError, match=r"line 2: no column 'instruction'.*read as: alpaca"):
        load_rows(write("b.jsonl", records[2:]))


def test_nothing_usable_is_an_error_even_when_skipping(write: Write) -> None:
    with pytest.raises(InputError, match=r"none of its 2 records can be used. The first, line 1: .*--field"):
        load_rows(write("a.jsonl", [{"a": "x", "b": "y"}, 3]), skip_bad=True)


def test_streaming_reports_as_it_goes(write: Write) -> None:
    with iter_rows(write("a.jsonl", RECORDS), DataConfig(skip_bad=True)) as stream:
        assert (next(stream).instruction, stream.shape, stream.rejects) == ("One", "text column 'text'", [])
        assert next(stream).instruction == "Two"
        assert len(stream.rejects) == 1
        assert [row.instruction for row in stream] == ["Three"]
        assert stream.duplicates == 2


def test_a_missing_file_raises_before_the_first_row() -> None:
    with pytest.raises(InputError, match="no such file"):
        iter_rows("missing.jsonl")


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    count = 20_000
    with path.open("w") as file:
        for number in range(count):
            file.write(json.dumps({"text": f"{number} " + "x" * 1000}) + "\n")
    tracemalloc.start()
    try:
        assert sum(1 for _ in iter_rows(path)) == count
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # 20 MB of text; the ids of the rows seen take about 2.
    assert peak < 5_000_000


def test_the_import_is_cheap() -> None:
    code = "import sys, autoevol.data; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    loaded = set(run.stdout.split())
    assert loaded.isdisjoint({"datasets", "pyarrow", "numpy", "dspy", "pandas"})
