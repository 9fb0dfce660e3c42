"""The append-only log and the lock, which the journal, the manifest and the study are built on."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from filelock import Timeout
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.errors import StoreLost
from autoevol.store.files import JsonLog, file_lock

_RECORD = st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=9), max_size=3)
_RECORDS = st.lists(_RECORD)


@settings(max_examples=60, deadline=None)
@given(records=_RECORDS, cut=st.integers(0, 40))
def test_a_log_torn_anywhere_holds_the_whole_lines_and_goes_on(
    records: list[dict[str, int | str]], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    log = JsonLog(path)
    for record in records:
        log.append(record)
    assert list(log.replay()) == records
    whole = path.read_bytes() if path.exists() else b""
    left = whole[: max(0, len(whole) - cut)]
    path.write_bytes(left)
    kept = records[: left.count(b"\n")]
    assert list(JsonLog(path).replay()) == kept
    log.append({"after": 1})
    assert list(log.replay()) == [*kept, {"after": 1}]


def test_mending_cuts_what_is_torn_and_reads_nothing_else(tmp_path: Path) -> None:
    log = JsonLog(tmp_path / "log.jsonl")
    log.mend()
    assert not log.path.exists()
    log.path.write_bytes(b"not json\n[1]\n{")
    log.mend()
    assert log.path.read_bytes() == b"not json\n[1]\n"


def test_damage_is_the_reader_s_to_tell_and_nothing_is_cut(tmp_path: Path) -> None:
    log = JsonLog(tmp_path / "log.jsonl")
    log.path.write_bytes(b"{}\nnot json\n{")
    with pytest.raises(orjson.JSONDecodeError):
        list(log.replay())
    assert log.path.read_bytes() == b"{}\nnot json\n{"


def test_a_disk_that_refuses_is_a_lost_store(tmp_path: Path) -> None:
    with pytest.raises(StoreLost, match=r"cannot write .*log\.jsonl"):
        JsonLog(tmp_path / "no" / "log.jsonl").append({})


def test_a_lock_is_one_holder_s_and_its_file_stays(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with file_lock(path), pytest.raises(Timeout):
        file_lock(path).acquire(blocking=False)
    file_lock(path).acquire(blocking=False).lock.release()
    assert path.exists()
