from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

import autoevol as ae
from autoevol.core.errors import InputError
from autoevol.data import load_rows, sources
from autoevol.data.files import Raw

Write = Callable[[str, object], Path]
CONTENTS = {
    "a.jsonl": '{"text": "Ask"}\n',
    "a.ndjson": '{"text": "Ask"}\n',
    "a.json": '[{"text": "Ask"}]',
    "a.csv": "text,n\nAsk,1\n",
    "a.tsv": "text\tn\nAsk\t1\n",
    "A.JSONL": '{"text": "Ask"}\n',
}


@pytest.mark.parametrize("name", CONTENTS)
def test_formats_plain_and_gzipped(write: Write, name: str) -> None:
    content = CONTENTS[name]
    plain = load_rows(write(name, content))
    packed = load_rows(write(name + ".gz", gzip.compress(content.encode())))
    assert [row.instruction for row in plain.rows] == ["Ask"]
    assert plain.rows == packed.rows
    assert plain.data_hash == packed.data_hash
    # Packing is told by content: a name may lie either way.
    assert load_rows(write("b" + name, gzip.compress(content.encode()))).rows == plain.rows
    assert load_rows(write("c" + name + ".gz", content)).rows == plain.rows


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_damaged_archive_is_never_skipped_over(write: Write, skip_bad: bool) -> None:
    packed = gzip.compress(b"".join(b'{"text": "%d"}\n' % number for number in range(10_000)))
    with pytest.raises(InputError, match=r"a.jsonl.gz cannot be read"):
        load_rows(write("a.jsonl.gz", packed[: len(packed) // 2]), skip_bad=skip_bad)
    middle = len(packed) // 2
    damaged = packed[:middle] + b"\0" * 50 + packed[middle + 50 :]
    with pytest.raises(InputError, match=r"b.jsonl.gz"):
        load_rows(write("b.jsonl.gz", damaged))


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.tsv", "a.parquet", "a.jsonl.gz"])
def test_an_empty_file(write: Write, name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is empty"):
        load_rows(write(name, b""))
    if name.endswith(".gz"):
        with pytest.raises(InputError, match=f"{name} is empty"):
            load_rows(write(name, gzip.compress(b"")))


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_utf16_is_named(write: Write, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}, line 1: the file is UTF-16"):
        load_rows(write(name, CONTENTS[name].encode("utf-16")), skip_bad=True)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        load_rows(tmp_path)


@pytest.mark.parametrize(("name", "seen"), [("a.doc", "'.doc'"), ("a", "no suffix"), ("a.zip", "'.zip'")])
def test_an_unknown_format(write: Write, name: str, seen: str) -> None:
    with pytest.raises(InputError, match=rf"unknown format.*{seen}.*\.jsonl"):
        load_rows(write(name, "x"))


@pytest.mark.parametrize(
    "source",
    [
        "seeds.jsonl",
        "owner/seeds.parquet",
        "./seeds",
        "../seeds",
        "/no/such/file",
        "a/b/c",
        "~/no-such-file",
        "no such",
        "nul\0",
        "x" * 5000 + "/../y",
        Path("owner/name"),
        Path("sample"),
    ],
)
def test_a_missing_file_is_told_from_a_data_set(source: str | Path) -> None:
    with pytest.raises(InputError, match=r"no such file.*looks like a path"):
        load_rows(source)


def test_an_empty_source() -> None:
    with pytest.raises(InputError, match="the source is empty"):
        load_rows("")


def test_a_path_wins_over_a_data_set(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("imdb", "x")
    monkeypatch.chdir(path.parent)
    with pytest.raises(InputError, match="unknown format"):
        load_rows("imdb")


def test_a_file_that_may_not_be_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write("a.jsonl", CONTENTS["a.jsonl"])
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"a.jsonl cannot be read: .*Permission denied"):
        load_rows(path)


def test_a_file_name_that_is_not_utf8_can_be_printed(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jsonl"))
    try:
        path.write_text("{")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    with pytest.raises(InputError) as caught:
        load_rows(path)
    str(caught.value).encode()


def test_the_packaged_sample() -> None:
    if not resources.files("autoevol.samples").joinpath("seeds.jsonl").is_file():
        pytest.skip("the sample is not packaged yet")
    loaded = load_rows("sample")
    assert loaded.source == "sample"
    assert loaded.rows
    assert loaded.duplicates == 0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("sampel", "did you mean `sample`, the seeds that are shipped"),
        ("sample:shrt", "did you mean `sample:short`"),
        ("runs/mein", r"runs/mein: there is no such file or folder; did you mean runs/mine\?"),
        ("runs/other", "runs/other: there is no such file or folder$"),
    ],
)
def test_a_slip_is_told_without_asking_the_hub(
    source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "run.json").write_text("{}")
    monkeypatch.setattr(sources, "hub_records", lambda *_: pytest.fail("the hub was asked"))
    with pytest.raises(InputError, match=message):
        load_rows(source)


def test_a_folder_may_be_called_like_an_owner_at_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "openai" / "notes").mkdir(parents=True)
    monkeypatch.setattr(sources, "hub_records", lambda *_: (raw for raw in [Raw(1, {"question": "Why?"})]))
    assert [row.instruction for row in load_rows("openai/gsm8k").rows] == ["Why?"]


@pytest.mark.parametrize("source", [["Why?"], {"instruction": "Why?"}, 3, None])
def test_what_is_in_memory_is_answered_with_what_is_read(source: Any, tmp_path: Path) -> None:
    expected = rf"read from files, not from a {type(source).__name__}: give a path"
    with pytest.raises(InputError, match=expected):
        load_rows(source)
    with pytest.raises(InputError, match=expected):
        ae.evolve(source, tmp_path / "run")
    with pytest.raises(InputError, match=expected):
        ae.clean(source, tmp_path / "clean.jsonl")
