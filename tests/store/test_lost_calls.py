"""Files that are no call store, and stores that are damaged, read-only or on a full disk."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoevol.core.errors import StoreError, StoreLost
from autoevol.store.calls import CallStore, Spent
from call_stores import RECORD, opened, python


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
            store.put(replace(RECORD, key=str(n), text="x" * 500)).result(120)
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
            store.put(replace(RECORD, key=str(n), text="x" * 500)).result(120)
    size = path.stat().st_size
    with opened(path) as store:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (size - 4096))
        with pytest.raises(StoreLost, match="cannot read"):
            store.get("7", 0)
    with pytest.raises(StoreError, match="cannot open"):
        CallStore(path)


@pytest.mark.parametrize("loss", ["gone", "empty", "another"])
def test_a_store_that_was_paid_into_is_missed(tmp_path: Path, loss: str) -> None:
    path = tmp_path / "calls.sqlite"
    CallStore(path).close()
    path.unlink()  # nothing was paid yet
    with opened(path) as store:
        store.book("evol", Spent(1)).result(120)
    kept = path.read_bytes()
    path.unlink()
    if loss == "empty":
        path.write_bytes(b"")
    elif loss == "another":
        shutil.move(_begun(tmp_path / "elsewhere"), path)
    with pytest.raises(StoreError, match=r"calls\.sqlite has lost the calls that were paid for"):
        CallStore(path)
    path.write_bytes(kept)
    with opened(path) as store:
        assert store.spent() == {"evol": Spent(1)}
    path.unlink()
    (tmp_path / ".calls.sqlite.paid").unlink()
    CallStore(path).close()


def _begun(folder: Path) -> Path:
    """A store into which nothing was paid."""
    CallStore(folder / "calls.sqlite").close()
    return folder / "calls.sqlite"


_READ_ONLY = """
import os, sys
from autoevol.core.errors import StoreError
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
from autoevol.core.errors import StoreLost
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


def test_a_store_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with opened(path) as store:
        store.put(RECORD).result(120)
    old = sqlite3.connect(path)
    old.executescript("DROP INDEX tagged; DROP INDEX ledger; DROP TABLE forgotten; DROP TABLE wasted;")
    for column in ("tag", "thinking", "reasoning_tokens", "estimated"):
        old.execute(f"ALTER TABLE calls DROP COLUMN {column}")
    old.execute("""CREATE TABLE forgotten (run TEXT, role TEXT, calls INTEGER, input_tokens INTEGER,
      output_tokens INTEGER, usd REAL, PRIMARY KEY (run, role))""")
    old.execute("INSERT INTO forgotten VALUES ('main', 'evol', 2, 20, 10, 0.5)")
    old.commit()
    old.close()
    with opened(path) as store:
        assert store.get("k", 0) == RECORD
        assert store.spent() == {"evol": Spent(3, 30, 15, 0.75)}


def test_what_was_paid_for_nothing_is_booked_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with opened(path) as store:
        store.put(RECORD).result(10)
        for _ in range(2):
            store.book("evol", Spent(1, 7, 3, 0.5, 1, 1)).result(10)
        store.book("judge", Spent(1, 1)).result(10)
    with opened(path) as store:
        assert store.spent() == {"evol": Spent(3, 24, 11, 1.25, 2, 2), "judge": Spent(1, 1)}
        store.carry({"evol": Spent(1, 1, 1, 0.0, 1, 1)})
        assert store.spent()["evol"] == Spent(4, 25, 12, 1.25, 3, 3)


def test_a_reply_that_an_earlier_version_kept_broken_gives_way(tmp_path: Path) -> None:
    with opened(tmp_path / "calls.sqlite") as store:
        store.put(replace(RECORD, text="Half", finish_reason="error")).result(10)
        store.put(RECORD).result(10)
        assert store.get("k", 0) == RECORD
