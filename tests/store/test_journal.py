"""The journal: a finished step is on disk before the next begins, and none is ever forgotten."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from any_records import STEPS
from autoevol.core.codec import encode_step
from autoevol.core.errors import StoreError, StoreLost
from autoevol.core.records import Candidate, Demo, FailureKind, Mark, Method, Outcome, Score, Step
from autoevol.store.journal import FileJournal, MemoryJournal, StepJournal


def step(number: int, note: str = "") -> Step:
    method = Method("Add a constraint.", (Demo("a", "b"),), "paper")
    mark = Mark(Outcome.FAILED, FailureKind.EMPTY, 3, 4)
    score = Score(method.id, {"row": mark})
    candidate = Candidate(method, "parent", "feedback")
    unusable = Candidate(None, "parent", problem="empty")
    return Step(number, ("row",), (candidate, unusable), (score,), method.id, True, note)


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(STEPS, max_size=4))
def test_a_file_journal_opened_again_has_the_same_steps(
    steps: list[Step], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    journal = FileJournal(path)
    for each in steps:
        journal.append(each)
    assert tuple(journal.steps()) == tuple(FileJournal(path).steps()) == tuple(steps)


def test_a_step_says_what_had_been_paid_by_then(tmp_path: Path) -> None:
    path, paid = tmp_path / "journal.jsonl", iter((7, 20))
    journal = FileJournal(path, paid.__next__)
    for number in range(2):
        journal.append(step(number))
    assert [each.calls for each in FileJournal(path).steps()] == [7, 20]
    assert FileJournal(path).steps() == (step(0), step(1)), "a count decides nothing"
    assert b'"calls"' not in orjson.dumps(encode_step(step(0)))


def test_both_journals_keep_steps_in_order(tmp_path: Path) -> None:
    journals: list[StepJournal] = [MemoryJournal(), FileJournal(tmp_path / "journal.jsonl")]
    for journal in journals:
        for number in range(3):
            journal.append(step(number))
        assert [each.number for each in journal.steps()] == [0, 1, 2]


def test_a_last_line_torn_anywhere_is_dropped_and_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = FileJournal(path)
    journal.append(step(0))
    kept, copy = path.stat().st_size, path.with_suffix(".last").read_bytes()
    journal.append(step(1))
    whole = path.read_bytes()
    for cut in range(kept + 1, len(whole), 7):
        path.write_bytes(whole[:cut])
        path.with_suffix(".last").write_bytes(copy)
        resumed = FileJournal(path)
        assert [each.number for each in resumed.steps()] == [0]
        resumed.append(step(1))
        assert path.read_bytes() == whole


def test_lines_that_were_swapped_are_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = FileJournal(path)
    for number in range(3):
        journal.append(step(number))
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + third + second)
    with pytest.raises(StoreError, match=r"journal\.jsonl is damaged in line 2"):
        FileJournal(path)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"not json\n",
        b"[]\n",
        b"3\n",
        b"{}\n",
        b'{"schema": 99}\n',
        b'{"schema": 1, "number": 1}\n',
        b"\xff\xfe\n",
        orjson.dumps({"schema": 1, **encode_step(step(1)), "scores": [{"method_id": "m", "marks": []}]})
        + b"\n",
        orjson.dumps({"schema": 1, **encode_step(step(1)), "candidates": ["method"]}) + b"\n",
    ],
)
def test_a_damaged_line_is_an_error_wherever_it_is(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    good = orjson.dumps({"schema": 1, **encode_step(step(0))}) + b"\n"
    for content in (good + line + good, line + good, good + line):
        path.write_bytes(content)
        with pytest.raises(StoreError, match=r"journal\.jsonl is damaged"):
            FileJournal(path)
        assert path.read_bytes() == content, "and nothing is thrown away"


def test_another_schema_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"schema": 3}\n')
    with pytest.raises(StoreError, match="schema 3, this version reads 2"):
        FileJournal(path)


def test_a_step_is_synced_before_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the lowest seam: what the operating system is asked to sync, and when."""
    path = tmp_path / "journal.jsonl"
    synced: list[tuple[str, int]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        name = os.readlink(f"/proc/self/fd/{descriptor}") if Path("/proc/self/fd").exists() else str(path)
        synced.append((Path(name).name, path.stat().st_size))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    journal = FileJournal(path)
    journal.append(step(0))
    assert (path.name, path.stat().st_size) in synced, "the whole line"
    assert (tmp_path.name, path.stat().st_size) in synced, "and the name of a new file"
    assert len(journal.steps()) == 1
    synced.clear()
    journal.append(step(1))
    assert synced[0] == (path.name, path.stat().st_size)


def test_a_disk_that_refuses_is_a_lost_store_and_the_step_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "journal.jsonl"
    journal = FileJournal(path)
    with pytest.raises(StoreLost, match=r"cannot write .*journal\.jsonl"):
        journal.append(step(0))
    assert journal.steps() == ()


def test_reading_does_not_write(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    FileJournal(path).append(step(0))
    torn = path.read_bytes() + b'{"schema": 2, "num'
    path.write_bytes(torn)
    assert [each.number for each in FileJournal(path).steps()] == [0]
    assert path.read_bytes() == torn
