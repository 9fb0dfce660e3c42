from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.data import load_rows


def write_table(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


@given(
    st.lists(st.text(st.characters(codec="utf-8")).filter(lambda text: text.strip()), min_size=1, unique=True)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_unicode_survives_parquet(tmp_path: Path, texts: list[str]) -> None:
    path = write_table(tmp_path / "a.parquet", {"question": texts, "answer": ["x"] * len(texts)})
    assert [row.instruction for row in load_rows(path).rows] == texts


def test_rows_of_many_batches_keep_their_numbers(tmp_path: Path) -> None:
    texts: list[str | None] = [str(number) for number in range(5000)]
    texts[4242] = None
    path = write_table(tmp_path / "a.parquet", {"text": texts, "n": list(range(5000))}, row_group_size=700)
    with pytest.raises(InputError, match=r"a.parquet, record 4243: text is null"):
        load_rows(path)
    loaded = load_rows(path, skip_bad=True)
    assert len(loaded.rows) == 4999
    assert [reject.line for reject in loaded.rejects] == [4243]


def test_nested_columns_are_read(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Ask"}, {"role": "assistant", "content": "Answer"}]
    row = load_rows(write_table(tmp_path / "a.parquet", {"messages": [turns]})).rows[0]
    assert (row.instruction, row.reference) == ("Ask", "Answer")


def test_a_row_that_is_not_utf8(tmp_path: Path) -> None:
    broken = pa.StringArray.from_buffers(
        2, pa.py_buffer(b"\0\0\0\0\3\0\0\0\7\0\0\0"), pa.py_buffer(b"Askcaf\xe9")
    )
    path = write_table(tmp_path / "a.parquet", {"text": broken})
    with pytest.raises(InputError, match="record 2: not UTF-8"):
        load_rows(path)
    assert len(load_rows(path, skip_bad=True).rows) == 1


def test_bytes_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="record 1: text is a bytes"):
        load_rows(write_table(tmp_path / "a.parquet", {"text": [b"Ask"]}))


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "is empty"), (b"PAR1 no", "not a readable Parquet file")]
)
def test_a_bad_file(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"a.parquet.*{reason}"):
        load_rows(path, skip_bad=True)


def test_a_hub_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    table = datasets.Dataset.from_dict(
        {"question": ["Ask", "Ask", "More"], "answer": ["1", "2", "3"], "e": [0] * 3}
    )

    def load_dataset(name: str, config: str | None, *, split: str) -> datasets.Dataset:
        asked.append((name, config, split))
        return table

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    loaded = load_rows("openai/gsm8k:main", split="test")
    assert asked == [("openai/gsm8k", "main", "test")]
    assert [(row.instruction, row.reference) for row in loaded.rows] == [("Ask", "1"), ("More", "3")]
    assert (loaded.duplicates, loaded.shape, loaded.source) == (1, "gsm8k", "openai/gsm8k:main")
    load_rows("name-alone")
    assert asked[-1] == ("name-alone", None, "train")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionError("Couldn't reach it"), "Couldn't reach it"),
        (
            ValueError("Config name is missing.\nPick one"),
            "Config name is missing. Pick one.*owner/name:config",
        ),
        (ValueError('Unknown split "x"'), "Unknown split"),
    ],
)
def test_a_hub_data_set_that_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def load_dataset(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(InputError, match=rf"'owner/name' is not a file here.*{reason}"):
        load_rows("owner/name")


@pytest.mark.parametrize(
    ("source", "error", "told"),
    [
        (
            "owner/name",
            ValueError("Config name is missing. Please pick one among " + "x" * 400),
            "Its configurations are 'main', 'socratic': write owner/name:main",
        ),
        (
            "owner/name:other",
            ValueError("BuilderConfig 'other' not found. Available: ['main']"),
            "Its configurations are 'main', 'socratic': write owner/name:main",
        ),
        (
            "owner/name:main",
            ValueError('Unknown split "train". Should be one of ...'),
            "Its splits are 'main-dev', 'main-test': give one with --split",
        ),
    ],
)
def test_what_a_hub_data_set_has_instead_is_named(
    source: str, error: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_dataset(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(datasets, "get_dataset_config_names", lambda name: ["main", "socratic"])
    monkeypatch.setattr(
        datasets, "get_dataset_split_names", lambda name, config: [f"{config}-dev", f"{config}-test"]
    )
    with pytest.raises(InputError) as caught:
        load_rows(source)
    assert str(caught.value).endswith(told)
