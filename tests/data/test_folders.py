"""Several files as one source."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autoevol.config import DataConfig
from autoevol.core.errors import InputError
from autoevol.data import iter_rows, load_rows
from autoevol.data.scan import fingerprint, scan
from autoevol.data.seen import SeenIds
from autoevol.evolution.source import FileRows

Write = Callable[[str, object], Path]


def texts(source: str | Path, **reading: object) -> list[str]:
    return [row.instruction for row in load_rows(source, **reading).rows]  # type: ignore[arg-type]


def table(path: Path, *instructions: str) -> None:
    pq.write_table(pa.table({"instruction": list(instructions), "e": [0] * len(instructions)}), path)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    folder = tmp_path / "shards"
    folder.mkdir()
    for number, words in enumerate((("a", "b"), ("c", "a"), ("d",))):
        table(folder / f"train-{number:05}-of-00003.parquet", *words)
    (folder / "README.md").write_text("What this is")
    (folder / ".hidden").write_text("x")
    return folder


def test_a_folder_and_a_pattern_are_one_source_in_the_order_of_names(shards: Path) -> None:
    for source in (shards, str(shards), f"{shards}/*.parquet", f"{shards.parent}/**/*.parquet"):
        loaded = load_rows(source)
        assert [row.instruction for row in loaded.rows] == ["a", "b", "c", "d"]
        assert (loaded.duplicates, loaded.source) == (1, str(source))
    assert texts(f"{shards}/*-0000[12]-*") == ["c", "a", "d"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("jsonl", '{{"instruction": "{}"}}\n'),
        ("json", '[{{"instruction": "{}"}}]'),
        ("csv", "instruction,n\n{},1\n"),
        ("txt", "{}\n"),
    ],
)
def test_folders_of_every_kind(name: str, content: str, tmp_path: Path) -> None:
    for word in "cab":
        (tmp_path / f"{word}.{name}").write_text(content.format(word))
    assert texts(tmp_path) == ["a", "b", "c"]


def test_a_bad_record_is_placed_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "b.jsonl").write_text('{"text": "b"}\nnot json\n')
    with pytest.raises(InputError, match=r"b.jsonl, line 2: not valid JSON"):
        load_rows(tmp_path)
    (reject,) = load_rows(tmp_path, skip_bad=True).rejects
    assert (reject.file, reject.line) == (str(tmp_path / "b.jsonl"), 2)


def test_folders_that_are_no_one_source_say_why(shards: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    with pytest.raises(InputError, match=r"is a folder but not a run folder"):
        load_rows(outer)
    (outer / "data").mkdir()
    with pytest.raises(InputError, match=r"no data that can be read itself; its folders are 'data'"):
        load_rows(outer)
    (shards / "more.jsonl").write_text('{"instruction": "x"}\n')
    with pytest.raises(InputError, match=r"mixes kinds of files: 'more.jsonl', 'train-00000-.*\*.jsonl"):
        load_rows(shards)
    (shards / "more.jsonl").rename(shards / "more.xlsx")
    with pytest.raises(InputError, match=r"cannot be read as data: 'more.xlsx'.*/\*.parquet"):
        load_rows(shards)
    with pytest.raises(InputError, match=r"\*.csv matches no file"):
        load_rows(f"{shards}/*.csv")
    with pytest.raises(InputError, match=r"matches folders alone. Write .*shar\*/\*"):
        load_rows(f"{shards.parent}/shar*")


def test_splits_of_a_folder_are_never_mixed(shards: Path) -> None:
    table(shards / "test-00000-of-00001.parquet", "held out")
    assert texts(shards) == ["a", "b", "c", "d"]
    assert texts(shards, split="test") == ["held out"]
    with pytest.raises(InputError, match=r"holds the splits 'test', 'train'. Give one with --split"):
        load_rows(shards, split="dev")
    (shards / "train-00001-of-00003.parquet").unlink()
    with pytest.raises(InputError, match=r"not complete: 1 of the 3 shards of 'train' are missing"):
        load_rows(shards)
    assert texts(f"{shards}/train-*") == ["a", "b", "d"]


def test_what_save_to_disk_wrote(tmp_path: Path) -> None:
    data = datasets.Dataset.from_dict({"instruction": ["a", "b"], "output": ["x", "y"], "e": [0, 0]})
    data.save_to_disk(tmp_path / "one", num_shards=2)
    assert texts(tmp_path / "one") == ["a", "b"]
    assert texts(tmp_path / "one" / "data-00001-of-00002.arrow") == ["b"]
    datasets.DatasetDict({"train": data, "test": data.select([1])}).save_to_disk(tmp_path / "many")
    assert texts(tmp_path / "many") == ["a", "b"]
    assert texts(tmp_path / "many", split="test") == ["b"]
    with pytest.raises(InputError, match=r"many has no split 'dev', but 'train', 'test'. .*--split"):
        load_rows(tmp_path / "many", split="dev")
    (tmp_path / "one" / "data-00000-of-00002.arrow").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"one is not a readable folder of `datasets`"):
        load_rows(tmp_path / "one")


def test_a_run_folder_is_its_dataset(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "rejected.jsonl").write_text('{"instruction": "no"}\n')
    with pytest.raises(InputError, match=r"holds no dataset.jsonl yet"):
        load_rows(tmp_path)
    (tmp_path / "dataset.jsonl").write_text('{"instruction": "yes", "response": "x"}\n')
    assert texts(tmp_path) == ["yes"]


def test_reading_goes_on_at_any_record(shards: Path) -> None:
    placed = [(row.row, row.record) for row in FileRows(str(shards), DataConfig()).rows(-1, iter(()))]
    assert [record for _, record in placed] == [0, 1, 2, 4]
    for done in range(1, 4):
        ids = (int(row.id, 16) for row, _ in placed[:done])
        rest = FileRows(str(shards), DataConfig()).rows(placed[done - 1][1], ids)
        assert [tuple(row) for row in rest] == placed[done:]


def test_a_changed_added_or_removed_file_is_noticed(shards: Path) -> None:
    data = DataConfig()
    pattern = f"{shards}/*.parquet"
    before = fingerprint(str(shards), data), fingerprint(pattern, data)
    assert None not in before
    assert before == (fingerprint(str(shards), data), fingerprint(pattern, data))
    (shards / "README.md").write_text("Another description")
    assert fingerprint(str(shards), data) == before[0]
    marks = {before[1]}
    table(shards / "train-00002-of-00003.parquet", "e")
    marks.add(fingerprint(pattern, data))
    table(shards / "train-00003-of-00003.parquet", "f")
    marks.add(fingerprint(pattern, data))
    (shards / "train-00001-of-00003.parquet").unlink()
    marks.add(fingerprint(pattern, data))
    (shards / "train-00002-of-00003.parquet").rename(shards / "train-00004-of-00003.parquet")
    marks.add(fingerprint(pattern, data))
    assert len(marks) == 5
    assert fingerprint(pattern, DataConfig(encoding="gbk")) not in marks


def test_files_are_opened_one_after_the_other(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jsonl").write_text(f'{{"text": "{number}"}}\n')
    with iter_rows(tmp_path) as rows:
        next(rows)
        (tmp_path / "2.jsonl").write_text('{"text": "late"}\n')
        assert [row.instruction for row in rows] == ["1", "late"]


@pytest.mark.slow
def test_memory_grows_by_the_ids_of_the_rows_alone(tmp_path: Path) -> None:
    import tracemalloc

    for number in range(10):
        with (tmp_path / f"{number}.jsonl").open("w") as file:
            file.writelines(f'{{"instruction": "Ask {number} {row}"}}\n' for row in range(20_000))
    tracemalloc.start()
    found = scan(str(tmp_path), DataConfig(), lambda reject: None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.rows == 200_000
    # At most 16 bytes a row, and what is read ahead.
    assert peak < 10 * 1024**2
    with iter_rows(tmp_path, start=199_999, seen=SeenIds()) as rows:
        assert [row.instruction for row in itertools.islice(rows, 2)] == ["Ask 9 19999"]
