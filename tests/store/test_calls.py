"""The call store: what it took is on disk, and what is not a store is said so."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.errors import StoreError, StoreLost
from autoevol.store.calls import CallRecord, CallStore, Spent

RECORD = CallRecord("k", 0, "evol", "m", "{}", "text", "stop", 10, 5, 0.25, 1, 0.5)


@contextmanager
def opened(path: Path, run: str = "main") -> Iterator[CallStore]:
    store = CallStore(path, run, power_safe=False)
    try:
        yield store
    finally:
        store.close()


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )


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
        store.put(record).result(10)
        assert store.get(record.key, record.sample) == record
        assert store.get(record.key, record.sample + 1) is None
    with opened(path) as again:
        assert again.get(record.key, record.sample) == record


def test_a_ledger_per_run_and_role(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with opened(path, "one") as one, opened(path, "two") as two:
        one.put(RECORD).result(10)
        one.put(replace(RECORD, sample=1, usd=None)).result(10)
        one.put(replace(RECORD, key="j", role="judge")).result(10)
        two.put(replace(RECORD, sample=2)).result(10)
        assert one.spent() == {"evol": Spent(2, 20, 10, 0.25), "judge": Spent(1, 10, 5, 0.25)}
        assert two.spent() == {"evol": Spent(1, 10, 5, 0.25)}


def test_every_payment_is_in_the_ledger_and_the_first_reply_counts(tmp_path: Path) -> None:
    """Two processes of one run may pay for the same request at the same moment."""
    path = tmp_path / "calls.sqlite"
    with opened(path) as one, opened(path) as two:
        one.put(RECORD).result(10)
        two.put(replace(RECORD, text="second")).result(10)
        assert one.spent() == two.spent() == {"evol": Spent(2, 20, 10, 0.5)}
        found = two.get("k", 0)
        assert found is not None
        assert found.text == "text"


def test_records_from_many_threads(tmp_path: Path) -> None:
    with opened(tmp_path / "calls.sqlite") as store, ThreadPoolExecutor(16) as pool:

        def work(number: int) -> bool:
            store.put(replace(RECORD, key=str(number))).result(10)
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
    store.put(replace(record, key=f"{sys.argv[2]} {n}")).result(30)
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
        closer.join(10)
    with pytest.raises(StoreLost, match="closed"):
        store.put(RECORD).result(5)
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
            store.put(replace(RECORD, **bad)).result(5)
        store.put(RECORD).result(5)
        assert store.spent()["evol"].calls == 1


# Files that are no call store.


def foreign_database(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE photos (id INTEGER)")
    other.commit()
    other.close()


def another_calls_table(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE calls (who TEXT, number TEXT)")
    other.commit()
    other.close()


def torn_store(path: Path) -> None:
    with opened(path) as store:
        for n in range(300):
            store.put(replace(RECORD, key=str(n), text="x" * 500)).result(10)
    whole = path.read_bytes()
    path.write_bytes(whole[:2048])


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b"a dataset, not a database\n" * 50),
        lambda path: path.write_bytes(os.urandom(5000)),
        lambda path: path.mkdir(),
        foreign_database,
        another_calls_table,
        torn_store,
    ],
    ids=["text", "noise", "folder", "foreign database", "foreign calls table", "torn store"],
)
def test_a_file_that_is_no_call_store_is_refused_with_its_name(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "calls.sqlite"
    write(path)
    with pytest.raises(StoreError, match=r"calls\.sqlite"):
        CallStore(path)


def test_a_foreign_database_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "photos.sqlite"
    foreign_database(path)
    with pytest.raises(StoreError, match="another program"):
        CallStore(path)
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("photos",)]
    other.close()


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    path.touch()
    with opened(path) as store:
        assert store.spent() == {}


def test_damage_under_an_open_store_is_a_lost_store(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with opened(path) as store:
        for n in range(300):
            store.put(replace(RECORD, key=str(n), text="x" * 500)).result(10)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with opened(path) as store, pytest.raises(StoreLost, match="cannot read"):
        store.get("7", 0)


_READ_ONLY = """
import os, sys
from autoevol.errors import StoreError
from autoevol.store.calls import CallStore
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
try:
    CallStore(sys.argv[1])
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("exists", [False, True])
def test_a_read_only_folder_is_a_store_error(exists: bool) -> None:
    # Not tmp_path: its parents are closed to the other user that root becomes in this test.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "calls.sqlite"
        if exists:
            CallStore(path).close()
            path.chmod(0o444)
        folder.chmod(0o555)
        ended = python(_READ_ONLY, path)
        folder.chmod(0o755)
    assert "cannot open the call store" in ended.stdout, ended.stderr


_FULL_DISK = """
import resource, sys
from asking import ask, ask_all, request
from autoevol.errors import StoreLost
from autoevol.lm.recorder import Recorder
from autoevol.store.calls import CallStore
from autoevol.testing import ScriptedTransport

store = CallStore(sys.argv[1])
recorder = Recorder(store, concurrency=4)
transport = ScriptedTransport(lambda asked: "x" * 20000, latency=0.001)
resource.setrlimit(resource.RLIMIT_FSIZE, (400000, 400000))
paid = 0
try:
    while True:
        ask(recorder, transport, request(str(paid)))
        paid += 1
except StoreLost as lost:
    print(paid, lost, sep="|")
sent = len(transport.requests)
results = ask_all(recorder, transport, [request(f"more {n}") for n in range(50)])
print({type(result).__name__ for result in results}, len(transport.requests) - sent)
store.close()
"""


def test_a_full_disk_stops_the_run_and_keeps_what_was_paid(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    ended = python(_FULL_DISK, path)
    first, second = ended.stdout.splitlines()
    paid, line = first.split("|")
    assert line.startswith(f"cannot write to the call store {path}: ")
    assert second == "{'StoreLost'} 0", "and nothing more is paid"
    with opened(path) as store:
        assert store.spent()["evol"].calls == int(paid) > 3
        assert store.get("k", 0) is None


def test_spent_adds_up() -> None:
    assert Spent(1, 2, 3, 0.5) + Spent(10, 20, 30, 0.25) == Spent(11, 22, 33, 0.75)
    assert Spent(1, 2, 3).tokens == 5


# Calls that are forgotten.


def filed(tag: str, number: int, **changed: Any) -> CallRecord:
    return replace(RECORD, key=f"{tag} {number}", tag=tag, **changed)


def test_forgetting_a_tag_drops_its_texts_and_keeps_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with opened(path) as store:
        for number in range(10):
            store.put(filed("part 1", number, role=("evol", "respond")[number % 2]))
            store.put(filed("part 2", number, usd=None))
        store.put(RECORD).result(10)
        before = store.spent()
        store.forget("part 1").result(10)
        assert store.spent() == before == {"evol": Spent(16, 160, 80, 1.5), "respond": Spent(5, 50, 25, 1.25)}
        assert [store.get(f"part 1 {n}", 0) for n in range(10)] == [None] * 10
        assert all(store.get(f"part 2 {n}", 0) for n in range(10))
        assert store.get("k", 0) == RECORD
        store.forget("part 2").result(10)
        store.forget("part 2").result(10)
        store.forget("never used").result(10)
        assert store.spent() == before
    with opened(path) as again:
        assert again.spent() == before
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT count(*) FROM calls").fetchone() == (1,)
    raw.close()


def test_a_run_forgets_its_own_calls_only(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with opened(path, "one") as one, opened(path, "two") as two:
        one.put(filed("part", 1)).result(10)
        two.put(filed("part", 2)).result(10)
        one.forget("part").result(10)
        assert (one.get("part 1", 0), one.get("part 2", 0)) == (None, filed("part", 2))
        assert one.spent() == two.spent() == {"evol": Spent(1, 10, 5, 0.25)}


def test_what_has_no_tag_cannot_be_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path / "calls.sqlite") as store, pytest.raises(ValueError, match="with a tag"):
        store.forget("")


def test_forgotten_pages_are_used_again(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    sizes = []
    with opened(path) as store:
        for part in range(6):
            for number in range(400):
                store.put(filed(f"part {part}", number, text="x" * 4000))
            store.forget(f"part {part}").result(10)
            sizes.append(path.stat().st_size)
        assert store.spent()["evol"].calls == 2400
    assert path.stat().st_size < 2 * max(sizes[0], 400 * 4000)


_FORGETS = """
import os, random, signal, sys, time
from dataclasses import replace
from autoevol.store.calls import CallRecord, CallStore

RECORD = CallRecord("k", 0, "evol", "m", "{}", "text" * 200, "stop", 10, 5, 0.25, 1, 0.5)

def work(path, life):
    store = CallStore(path, power_safe=False)
    for part in range(10000):
        tag = f"{life}-{part}"
        for number in range(20):
            store.put(replace(RECORD, key=f"{tag} {number}", tag=tag)).result()
            os.write(1, b"paid\\n")
        store.forget(tag).result()
        os.write(1, b"forgot\\n")

random.seed(3)
for life in range(int(sys.argv[2])):
    child = os.fork()
    if not child:
        work(sys.argv[1], life)
    time.sleep(random.uniform(0.02, 0.15))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_a_process_killed_while_it_forgets_has_the_ledger_it_had(tmp_path: Path) -> None:
    path, kills = tmp_path / "calls.sqlite", 12
    said = python(_FORGETS, path, kills).stdout.split()
    assert said.count("forgot") > kills
    with opened(path) as store:
        spent = store.spent()["evol"]
    # One call per life may have been durable before the process could say so.
    assert said.count("paid") <= spent.calls <= said.count("paid") + kills
    assert (spent.input_tokens, spent.output_tokens, spent.usd) == (
        10 * spent.calls,
        5 * spent.calls,
        0.25 * spent.calls,
    )


def test_a_store_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with opened(path) as store:
        store.put(RECORD).result(10)
    old = sqlite3.connect(path)
    old.executescript("DROP INDEX tagged; ALTER TABLE calls DROP COLUMN tag; DROP TABLE forgotten;")
    old.close()
    with opened(path) as store:
        assert store.get("k", 0) == RECORD
        assert store.spent() == {"evol": Spent(1, 10, 5, 0.25)}


# Coroutines.


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
