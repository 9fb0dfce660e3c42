"""The call store: what it took is on disk, for every process and thread."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.errors import StoreLost
from autoevol.store.calls import CallRecord, CallStore, Spent
from call_stores import RECORD, opened, python

_TEXT = st.text(max_size=30)


@settings(max_examples=25, deadline=None)
@given(
    record=st.builds(
        CallRecord,
        key=_TEXT,
        sample=st.integers(0, 1000),
        role=_TEXT,
        model=_TEXT,
        request=_TEXT,
        text=st.text(max_size=200),
        finish_reason=_TEXT,
        input_tokens=st.integers(0, 2**40),
        output_tokens=st.integers(0, 2**40),
        usd=st.none() | st.floats(0, 1e6),
        attempts=st.integers(1, 100),
        seconds=st.floats(0, 1e6),
        tag=_TEXT,
    )
)
def test_what_went_in_comes_out(record: CallRecord, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("calls") / "calls.sqlite"
    with opened(path) as store:
        store.put(record).result(120)
        assert store.get(record.key, record.sample) == record
        assert store.get(record.key, record.sample + 1) is None
    with opened(path) as again:
        assert again.get(record.key, record.sample) == record


def test_a_ledger_per_run_and_role(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with opened(path, "one") as one, opened(path, "two") as two:
        one.put(RECORD).result(120)
        one.put(replace(RECORD, sample=1, usd=None)).result(120)
        one.put(replace(RECORD, key="j", role="judge")).result(120)
        two.put(replace(RECORD, sample=2)).result(120)
        assert one.spent() == {"evol": Spent(2, 20, 10, 0.25), "judge": Spent(1, 10, 5, 0.25)}
        assert two.spent() == {"evol": Spent(1, 10, 5, 0.25)}


def test_every_payment_is_in_the_ledger_and_the_first_reply_counts(tmp_path: Path) -> None:
    """Two processes of one run may pay for the same request at the same moment."""
    path = tmp_path / "calls.sqlite"
    with opened(path) as one, opened(path) as two:
        one.put(RECORD).result(120)
        two.put(replace(RECORD, text="second")).result(120)
        assert one.spent() == two.spent() == {"evol": Spent(2, 20, 10, 0.5)}
        found = two.get("k", 0)
        assert found is not None
        assert found.text == "text"


def test_records_from_many_threads(tmp_path: Path) -> None:
    with opened(tmp_path / "calls.sqlite") as store, ThreadPoolExecutor(16) as pool:

        def work(number: int) -> bool:
            store.put(replace(RECORD, key=str(number))).result(120)
            return store.get(str(number), 0) is not None

        assert all(pool.map(work, range(400)))
        assert store.spent()["evol"].calls == 400


_WRITER = """
import sys
from dataclasses import replace
from autoevol.store.calls import CallRecord, CallStore
store = CallStore(sys.argv[1], sys.argv[2])
record = CallRecord("k", 0, "evol", "m", "{}", "text", "stop", 10, 5, None, 1, 0.5)
for n in range(200):
    store.put(replace(record, key=f"{sys.argv[2]} {n}")).result(120)
store.close()
"""


def test_processes_that_open_and_write_one_new_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(lambda name: python(_WRITER, path, name), "abcd"))
    assert [(end.returncode, end.stderr) for end in ends] == [(0, "")] * 4
    for name in "abcd":
        with opened(path, name) as store:
            assert store.spent()["evol"].calls == 200


def test_closing_writes_what_is_pending(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    store = CallStore(path)
    pending = [store.put(replace(RECORD, key=str(n))) for n in range(1500)]
    store.close()
    assert all(each.done() and each.exception() is None for each in pending)
    with opened(path) as again:
        assert again.spent()["evol"].calls == 1500


def test_a_closed_store_answers_at_once_that_it_is_closed(tmp_path: Path) -> None:
    store = CallStore(tmp_path / "calls.sqlite")
    closers = [threading.Thread(target=store.close) for _ in range(4)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join(120)
    with pytest.raises(StoreLost, match="closed"):
        store.put(RECORD).result(120)
    with pytest.raises(StoreLost, match="closed"):
        store.get("k", 0)
    with pytest.raises(StoreLost, match="closed"):
        store.spent()


@pytest.mark.parametrize("bad", [{"text": "\ud83d"}, {"input_tokens": 2**70}, {"text": object()}])
def test_a_record_that_cannot_be_written_fails_and_the_next_is_taken(
    tmp_path: Path, bad: dict[str, Any]
) -> None:
    with opened(tmp_path / "calls.sqlite") as store:
        with pytest.raises(StoreLost, match="cannot write"):
            store.put(replace(RECORD, **bad)).result(120)
        store.put(RECORD).result(120)
        assert store.spent()["evol"].calls == 1


def test_spent_adds_up() -> None:
    assert Spent(1, 2, 3, 0.5) + Spent(10, 20, 30, 0.25) == Spent(11, 22, 33, 0.75)
    assert Spent(1, 2, 3).tokens == 5


def test_a_coroutine_waits_until_its_record_is_durable(tmp_path: Path) -> None:
    async def scene(store: CallStore) -> None:
        await asyncio.gather(*(store.aput(replace(RECORD, key=str(n))) for n in range(300)))
        assert store.spent()["evol"].calls == 300
        with pytest.raises(StoreLost, match="cannot write"):
            await store.aput(replace(RECORD, text="\ud83d"))
        gone = asyncio.ensure_future(store.aput(replace(RECORD, key="gone")))
        await asyncio.sleep(0)
        gone.cancel()
        await store.aput(replace(RECORD, key="after"))
        assert store.get("gone", 0) is not None, "a caller that goes away loses no record"

    with opened(tmp_path / "calls.sqlite") as store:
        asyncio.run(scene(store))
    with pytest.raises(StoreLost, match="closed"):
        asyncio.run(store.aput(RECORD))


def test_a_disk_that_is_full_at_opening_is_a_lost_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(sqlite3.Connection):
        def execute(self, *_: Any) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("database or disk is full")

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **more: real(*given, **more, factory=Full))
    with pytest.raises(StoreLost, match=r"cannot open the call store .*: database or disk is full"):
        CallStore(tmp_path / "calls.sqlite")


def test_a_reply_that_is_damaged_is_none(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with opened(path) as store:
        store.put(RECORD).result(120)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE calls SET text = CAST(X'ff41' AS TEXT)")
    with opened(path) as store:
        assert store.get(RECORD.key, RECORD.sample) is None
        store.put(RECORD).result(120)
        assert store.get(RECORD.key, RECORD.sample) == RECORD
