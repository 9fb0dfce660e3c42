"""Methods from files: a run folder, a method.json, a text."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from autoevol.core.errors import InputError
from autoevol.core.records import Demo, Method
from autoevol.store.method_files import load_method
from autoevol.store.run import RunFolder

METHOD = Method("Step 1: add.\nStep 2: check.", (Demo("a", "b"),), "mine")


def test_a_saved_method_is_loaded_from_the_folder_or_the_file(tmp_path: Path) -> None:
    with RunFolder(tmp_path) as run:
        path = run.save_method(METHOD, {"failure_rate": 0.1})
    for source in (tmp_path, path, str(path)):
        assert load_method(source) == METHOD
    assert orjson.loads(path.read_bytes())["failure_rate"] == 0.1


def test_a_method_from_a_text_file_is_called_after_it(tmp_path: Path) -> None:
    path = tmp_path / "careful.txt"
    path.write_text("  Be careful.\n  Twice.\n", encoding="utf-8")
    method = load_method(path)
    assert (method.text, method.name) == ("Be careful.\nTwice.", "careful")


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("absent.txt", None, "no evolving method at"),
        ("bytes.txt", b"\xff\xfe\x00", "no evolving method at"),
        ("empty.txt", b" \n ", "is empty"),
        ("empty.json", b'{"text": ""}', "is empty"),
        ("list.json", b"[]", "is not a method file"),
        ("other.json", b'{"prompt": "x"}', "is not a method file"),
        ("torn.json", b'{"text": "x', "is not a method file"),
        ("number.json", b'{"text": 3}', "is not a method file"),
        ("demos.json", b'{"text": "x", "demos": ["y"]}', "is not a method file"),
        ("null.json", b'{"text": "x", "demos": null}', "is not a method file"),
        (
            "name.json",
            b'{"text": "x", "demos": [{"instruction": 1, "evolved_instruction": "b"}]}',
            "not a method",
        ),
    ],
)
def test_a_method_that_cannot_be_used_is_an_input_error_that_names_the_file(
    tmp_path: Path, name: str, content: bytes | None, line: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=line) as wrong:
        load_method(path)
    assert name in str(wrong.value)


def test_a_folder_without_a_method_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no evolving method at .*method\.json"):
        load_method(tmp_path)
