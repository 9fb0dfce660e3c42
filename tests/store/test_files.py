"""The append-only log and the lock, which the journal, the manifest and the study are built on."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import Timeout
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.errors import StoreError, StoreLost
from autoevol.store.files import file_lock, read_json, write_json
from autoevol.store.log import JsonLog, cut_torn_line

_RECORD = st.dictionaries(
    st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=9), min_size=1, max_size=3
)


def log_of(path: Path, records: list[dict[str, int | str]]) -> JsonLog:
    log = JsonLog(path)
    for record in records:
        log.append(record)
    return log


@settings(max_examples=60, deadline=None)
@given(records=st.lists(_RECORD), cut=st.integers(0, 60))
def test_a_log_torn_in_its_last_line_goes_on(
    records: list[dict[str, int | str]], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As a crash leaves it: of the line that was being written, the copy knows nothing yet."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    assert list(log_of(path, records).replay()) == records
    whole = path.read_bytes() if path.exists() else b""
    JsonLog(path).append({"torn": 1})
    torn = path.read_bytes()[len(whole) : -1]
    path.with_suffix(".last").unlink()
    path.write_bytes(left := whole + torn[:cut])
    log = JsonLog(path)
    assert list(log.replay()) == records
    assert path.read_bytes() == left, "reading does not write"
    log.append({"after": 1})
    assert list(JsonLog(path).replay()) == [*records, {"after": 1}]


@settings(max_examples=60, deadline=None)
@given(records=st.lists(_RECORD, min_size=1, max_size=5), data=st.data())
def test_any_byte_or_line_of_a_log_is_missed(
    records: list[dict[str, int | str]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    log_of(path, records)
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    lines = content.splitlines(keepends=True)
    line = data.draw(st.integers(0, len(lines) - 1))
    damages = [
        content[:at] + bytes([data.draw(st.integers(0, 255))]) + content[at + 1 :],
        content[:at] + content[at + 1 :],
        content[:at],
        b"".join(lines[:line] + lines[line + 1 :]),
        b"".join(lines[: line + 1] + lines[line:]),
    ]
    for damage in damages:
        path.write_bytes(damage)
        log = JsonLog(path)
        try:
            assert list(log.replay()) == records or not log.checked
        except StoreError as error:
            assert str(path) in str(error)  # noqa: PT017 (either is right)


def test_a_last_line_that_is_lost_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log_of(path, [{"n": 0}, {"n": 1}])
    whole = path.read_bytes()
    path.write_bytes(whole.splitlines(keepends=True)[0])
    log = JsonLog(path)
    assert list(log.replay()) == [{"n": 0}, {"n": 1}]
    log.append({"n": 2})
    assert path.read_bytes().startswith(whole)
    assert list(JsonLog(path).replay()) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_a_log_of_an_earlier_version_is_read_and_goes_on_with_checks(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"n": 0}\n{"n": 1}\n')
    log = JsonLog(path)
    assert list(log.replay()) == [{"n": 0}, {"n": 1}]
    log.append({"n": 2})
    assert list(JsonLog(path).replay()) == [{"n": 0}, {"n": 1}, {"n": 2}]
    path.write_bytes(path.read_bytes().replace(b'{"n": 0}\n', b""))
    with pytest.raises(StoreError, match=r"damaged in line 2"):
        list(JsonLog(path).replay())


def test_cutting_a_torn_line_reads_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    cut_torn_line(path)
    assert not path.exists()
    path.write_bytes(b"not json\n[1]\n{")
    cut_torn_line(path)
    assert path.read_bytes() == b"not json\n[1]\n"


def test_damage_is_told_with_its_line_and_nothing_is_cut(tmp_path: Path) -> None:
    log = JsonLog(tmp_path / "log.jsonl")
    log.path.write_bytes(b'{"a":1}\nnot json\n{')
    with pytest.raises(StoreError, match=r"log\.jsonl is damaged in line 2"):
        list(log.replay())
    assert log.path.read_bytes() == b'{"a":1}\nnot json\n{'


def test_a_part_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("precious")
    (tmp_path / ".out.json.part").symlink_to(mine)
    write_json(tmp_path / "out.json", {"a": 1})
    assert mine.read_text() == "precious"
    assert not (tmp_path / "out.json").is_symlink()
    assert read_json(tmp_path / "out.json") == {"a": 1}


def test_a_disk_that_refuses_is_a_lost_store(tmp_path: Path) -> None:
    with pytest.raises(StoreLost, match=r"cannot write .*log\.jsonl"):
        JsonLog(tmp_path / "no" / "log.jsonl").append({"a": 1})


def test_a_lock_is_one_holder_s_and_its_file_stays(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with file_lock(path), pytest.raises(Timeout):
        file_lock(path).acquire(blocking=False)
    file_lock(path).acquire(blocking=False).lock.release()
    assert path.exists()
