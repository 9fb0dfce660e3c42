from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.data import iter_entries, load_rows
from autoevol.data.lines import csv_records, jsonl_records
from autoevol.data.stream import LONGEST_SEED

Write = Callable[[str, object], Path]

# Everything that UTF-8 can write, line separators, quotes, NUL and a BOM included.
instructions = st.lists(
    st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text.strip()),
    min_size=1,
    unique=True,
)


def load_all(path: Path) -> list[str]:
    return [row.instruction for row in load_rows(path).rows]


@given(instructions, st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_unicode_survives_jsonl(tmp_path: Path, texts: list[str], escape: bool) -> None:
    path = tmp_path / "seeds.jsonl"
    lines = [json.dumps({"instruction": text}, ensure_ascii=escape) + "\n" for text in texts]
    path.write_bytes("".join(lines).encode())
    assert load_all(path) == texts


@given(instructions, st.sampled_from(["csv", "tsv"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_unicode_survives_csv(tmp_path: Path, texts: list[str], suffix: str) -> None:
    path = tmp_path / f"seeds.{suffix}"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="," if suffix == "csv" else "\t")
        writer.writerow(["instruction", "input", "output"])
        writer.writerows([text, "", "x"] for text in texts)
    assert load_all(path) == texts


def test_dates_stay_text(write: Write) -> None:
    path = write("dates.jsonl", [{"question": "When?", "answer": "2024-01-01"}])
    assert load_rows(path).rows[0].reference == "2024-01-01"


def test_a_bom_is_stripped(write: Write) -> None:
    assert load_all(write("a.jsonl", b'\xef\xbb\xbf{"text": "Ask"}\n')) == ["Ask"]
    assert load_all(write("a.csv", b"\xef\xbb\xbfinstruction,input\nAsk,this\n")) == ["Ask\n\nthis"]


def test_a_megabyte_is_read_but_no_seed(write: Write) -> None:
    long = "word " * 200_000
    files = [write("a.jsonl", [{"text": long}]), write("a.csv", f'text,n\n"{long}",1\n')]
    for path in files:
        assert [entry.seed.instruction for entry in iter_entries(path)] == [long]
        with pytest.raises(InputError, match="1,000,000 characters"):
            load_rows(path)
    half = long[:LONGEST_SEED]
    assert load_all(write("b.csv", f'text,n\n"{half}",1\n')) == [half]


def test_blank_lines_are_no_records_but_count_as_lines(write: Write) -> None:
    path = write("a.jsonl", '\n{"text": "One"}\n  \r\n{"text": 2}\n')
    with pytest.raises(InputError, match="line 4: text is a number"):
        load_rows(path)


def test_nan_is_no_input(write: Write) -> None:
    assert load_all(write("a.jsonl", '{"instruction": "Ask", "input": NaN}\n')) == ["Ask"]


BAD_LINES = [
    (b"{", "not valid JSON"),
    (b"{'text': 'Ask'}", "not valid JSON: .* at column 2"),
    (b'{"text": "caf\xe9"}', "not UTF-8 .byte 14"),
    (b'{"text": "\\ud800"}', "lone surrogate"),
    (b'{"text": "\\udc00 and more"}', "lone surrogate"),
    (b'{"text": null}', "text is null"),
    (b'{"text": [null]}', "text is a list"),
    (b'{"text": "  "}', "text is blank"),
    (b'{"other": "Ask"}', "no column 'text'"),
    (b'["Ask"]', "the record is a list"),
    (b"null", "the record is null"),
    (b"[" * 100_000, "not usable JSON|not valid JSON"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES)
def test_a_bad_line_is_placed_or_counted(write: Write, line: bytes, reason: str) -> None:
    path = write("bad.jsonl", b'{"text": "One"}\n' + line + b'\n{"text": "Two"}\n')
    with pytest.raises(InputError, match=rf"bad.jsonl, line 2: (.*{reason}).*--skip-bad"):
        load_rows(path)
    loaded = load_rows(path, skip_bad=True)
    assert [row.instruction for row in loaded.rows] == ["One", "Two"]
    (reject,) = loaded.rejects
    assert (reject.file, reject.line) == (str(path), 2)
    assert len(reject.snippet) <= 200
    reject.snippet.encode()


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoevol.data.lines.LONGEST", 10)
    with pytest.raises(InputError, match="x, line 2: longer than 10 bytes"):
        list(jsonl_records(io.BytesIO(b'"Ask"\n' + b"x" * 11), "x"))


BAD_ROWS = [
    (b"Ask,this,that", "3 fields, but the header has 2"),
    (b"Ask", "1 fields, but the header has 2"),
    (b",this", "instruction is blank"),
    (b"caf\xe9,this", "not UTF-8"),
    (b"Ask,caf\xe9", "not UTF-8"),
    (b'"Ask"ing,this', "not valid CSV"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_ROWS)
def test_a_bad_row_is_placed_or_counted(write: Write, line: bytes, reason: str) -> None:
    # The first row spans two lines, so that rows and lines differ.
    path = write("bad.csv", b'instruction,input\n"One\n1",\n' + line + b"\nTwo,\n")
    with pytest.raises(InputError, match=rf"bad.csv, line 4: {reason}.*--skip-bad"):
        load_rows(path)
    loaded = load_rows(path, skip_bad=True)
    assert [row.instruction for row in loaded.rows] == ["One\n1", "Two"]
    assert [reject.line for reject in loaded.rejects] == [4]


WIDE = ",".join(f"c{number}" for number in range(100_000))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (WIDE + "\n" + WIDE, "line 1: the header has 100,000 columns"),
        ("text,text\na,b\n", "line 1: the header names 'text' more than once"),
        ("instruction;input\nAsk;this\n", "line 1: .* separated by ';'"),
        ("instruction\tinput\nAsk\tthis\n", "line 1: .* separated by"),
        (b"caf\xe9,text\na,b\n", "line 1: the header is not UTF-8"),
        ('text,n\nOne,1\n"Two,2\nThree,3\n', "line 3: a quote is opened and never closed"),
        ("text,n\n", "holds no records"),
        ("\n\n", "holds no records"),
        ("Write a poem about the sea.\nWrite another.\n", "line 2: no known shape .*--field"),
    ],
)
@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_bad_table_is_never_skipped_over(
    write: Write, content: str | bytes, reason: str, skip_bad: bool
) -> None:
    with pytest.raises(InputError, match=f"bad.csv.*{reason}"):
        load_rows(write("bad.csv", content), skip_bad=skip_bad)


def test_a_field_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoevol.data.lines.LONGEST", 100)
    before = csv.field_size_limit(100)
    try:
        with pytest.raises(InputError, match="x, line 2: a field longer than 100"):
            list(csv_records(io.BytesIO(b"text\n" + b"x" * 200), "x", ","))
    finally:
        csv.field_size_limit(before)


def test_the_field_limit_is_only_ever_raised() -> None:
    before = csv.field_size_limit(2**30)
    try:
        list(csv_records(io.BytesIO(b"text\nAsk\n"), "x", ","))
        assert csv.field_size_limit() == 2**30
    finally:
        csv.field_size_limit(before)
