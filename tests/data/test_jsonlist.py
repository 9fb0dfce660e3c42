from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.data import load_rows
from autoevol.data.jsonlist import json_records

Write = Callable[[str, object], Path]
ONE, TWO = {"text": "One"}, {"text": "Two"}


def load_all(path: Path) -> list[str]:
    return [row.instruction for row in load_rows(path).rows]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([ONE, TWO]),
        json.dumps([ONE, TWO], indent=2),
        json.dumps({"data": [ONE, TWO]}),
        json.dumps({"version": {"data": []}, "n": [1], "data": [ONE, TWO], "more": 1}, indent=1),
        "\ufeff" + json.dumps([ONE, TWO]),
        "\n \t" + json.dumps([ONE, TWO]) + "\n",
        json.dumps(ONE) + "\n" + json.dumps(TWO) + "\n",
        '["One", "Two"]',
        '"One"\n"Two"\n',
    ],
)
def test_lists_and_lines_are_read(write: Write, content: str) -> None:
    assert load_all(write("a.json", content)) == ["One", "Two"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@given(st.lists(values), st.sampled_from([None, 0, 3]), st.booleans())
def test_the_walk_agrees_with_the_parser(records: list[object], indent: int | None, wrapped: bool) -> None:
    content = json.dumps({"x": 1, "data": records} if wrapped else records, indent=indent)
    raws = list(json_records(io.BytesIO(content.encode()), "x"))
    assert [raw.value for raw in raws] == records
    lines = [raw.line for raw in raws]
    assert lines == sorted(lines)


def test_a_bad_record_has_its_line(write: Write) -> None:
    content = '[\n {"text": "One"},\n {\n  "text": null},\n {"text": "Two"}]'
    path = write("a.json", content)
    with pytest.raises(InputError, match=r"a.json, line 3: text is null"):
        load_rows(path)
    loaded = load_rows(path, skip_bad=True)
    assert [row.instruction for row in loaded.rows] == ["One", "Two"]
    assert [reject.line for reject in loaded.rejects] == [3]


@pytest.mark.parametrize("bad", [b'{"text": "\\ud800"}', b'{"text": "caf\xe9"}'])
def test_broken_characters_spoil_their_own_record_only(write: Write, bad: bytes) -> None:
    path = write("a.json", b'[{"text": "One"},\n' + bad + b"]")
    with pytest.raises(InputError, match="line 2: text is not valid UTF-8"):
        load_rows(path)
    assert [reject.line for reject in load_rows(path, skip_bad=True).rejects] == [2]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[{"text": "One"},\n{"text": "Tw', "line 2: not valid JSON"),
        ('[{"text": "One"},\n]', "line 2: not valid JSON"),
        ('[{"text": "One"}\n{"text": "Two"}]', r"line 2: not valid JSON: Expecting '\]'"),
        ('[{"text": "One"}]\n[]', "line 2: not valid JSON: Extra data"),
        ("[", "line 1: not valid JSON"),
        ("{", "line 1: not valid JSON"),
        ('{"data" [', "line 1: not valid JSON: Expecting ':'"),
        ('{"rows":\n [1]}', r"line 1: one object, with the keys 'rows'"),
        ('{"data":\n {"text": "One"}}', r"with the keys 'data'"),
        ("3", "line 1: expected a list of records, found '3'"),
        ("[]", "holds no records"),
        ('{"data": []}', "holds no records"),
        (" \n", "holds no records"),
        ("[" * 100_000, "nesting too deep"),
    ],
)
@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_broken_list_is_never_skipped_over(write: Write, content: str, reason: str, skip_bad: bool) -> None:
    with pytest.raises(InputError, match=f"a.json.*{reason}"):
        load_rows(write("a.json", content), skip_bad=skip_bad)
